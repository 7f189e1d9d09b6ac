"""A series and its outlook, asked for whole windows: what is expected up to each, and how far off that may be."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import numpy as np

from analytics.forecast.models.candidate import Floats, Ints
from analytics.forecast.outlook import Outlook, outlook
from analytics.forecast.series import SEASONS, Grid, Series, ahead


class Look(NamedTuple):
    """An outlook (None: nothing is known) with the windows it is for and the floor that it was made with."""

    grid: Grid
    outlook: Outlook | None
    floor: float | None


def look(history: Series, *, floor: float | None = None) -> Look:
    """Answer what is ahead of a series in its grid's windows; nothing is forecast below `floor`, where one is given."""
    slots = int(ahead(history.grid).max()) + 1
    return Look(history.grid, outlook(history.values, SEASONS[history.grid.step], slots, floor=floor), floor)


class Sums(NamedTuple):
    """From the first window ahead to the end of each: the expected sum, its lowest and highest [level, window].

    `bounds` is None where no band can be known.
    """

    mean: Floats
    bounds: tuple[Floats, Floats] | None


def sums(grid: Grid, found: Outlook, floor: float | None) -> Sums:
    """Answer the sums up to each window ahead."""
    slots: Ints = ahead(grid)
    mean = np.cumsum(found.mean[slots])
    if found.sum_half_widths is None:
        return Sums(mean, None)
    widths = found.sum_half_widths[:, slots]
    low = mean - widths
    if floor is not None:
        low = np.maximum(low, floor * np.arange(1, len(slots) + 1))
    return Sums(mean, (low, mean + widths))


def windows_until(grid: Grid, until: datetime) -> int:
    """Answer how many windows ahead are over at an instant.

    Raises:
        ValueError: it lies before the first window ahead, within a window, or after the last one.
    """
    edges = grid.edges[grid.past :]
    if until not in edges:
        raise ValueError("The end must be the end of a window that the forecast reaches.")
    return edges.index(until)
