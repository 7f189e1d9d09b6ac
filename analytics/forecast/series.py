"""What is there to forecast from? One value per hour or day of a zone's clock, up to `as_of`, and where none is known.

Models need slots of equal length and seasons that stay in place, so hours are laid out by the wall clock: every local
day has 24 slots. An hour that a clock change skips is a slot without data; the hour that comes twice is one slot with
the mean of both, and each of the two is forecast by it. Days are local days, of 23 or 25 hours too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from analytics.forecast.models.candidate import Bools, Floats, Ints
from meter.past import Step
from meter.windows import bounds, floor, following

SEASONS: dict[Step, tuple[int, ...]] = {"hour": (24, 168), "day": (7,)}  # slots
LENGTH: dict[Step, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}  # of a slot, by the wall clock
GRIDS_KEPT = (
    64  # a turn over many series asks for a few again and again, and finding local hours takes a fifth of it all
)
WINDOWS_MAX = 24 * 366  # of the past, and as many ahead


class Grid(NamedTuple):
    """The windows [edges[i], edges[i + 1]) that were over at `as_of`, `past` of them, then those to be forecast.

    `slots` counts each window's place on the wall clock from the first; the window that holds `as_of` is not over, so
    it is the first to be forecast, as a whole.
    """

    step: Step
    tz: str
    as_of: datetime
    edges: tuple[datetime, ...]
    slots: Ints
    past: int

    @property
    def horizon(self) -> int:
        """How many windows are to be forecast."""
        return len(self.slots) - self.past


class Series(NamedTuple):
    """One value per past slot of a grid, NaN where nothing is known; leading slots without data are there too."""

    grid: Grid
    values: Floats


@lru_cache(maxsize=GRIDS_KEPT)
def grid_of(first: datetime, as_of: datetime, horizon: int, step: Step, tz: str) -> Grid:
    """Answer the grid that begins with the window of `first` and has `horizon` windows from that of `as_of` on.

    Raises:
        ValueError: a horizon below 1, or more than WINDOWS_MAX windows on a side.
    """
    zone = ZoneInfo(tz)
    now = floor(as_of, step, zone)
    if not 1 <= horizon <= WINDOWS_MAX or now - first > WINDOWS_MAX * LENGTH[step]:
        raise ValueError(f"A forecast looks back and ahead from 1 to {WINDOWS_MAX} windows.")
    begun = floor(first, step, zone)
    edges = bounds(begun, now, step, zone) if begun < now else [now]
    past = len(edges) - 1
    for _ in range(horizon):
        edges.append(following(edges[-1], step, zone))
    return Grid(step, tz, as_of, tuple(edges), _slots(edges[:-1], step, zone), past)


def series_of(rows: pl.DataFrame, grid: Grid) -> Series:
    """Answer the series of rows `start` (Datetime, UTC) and `quantity` (Decimal or float, null = no data).

    Several rows of one window are added up; their order does not matter. Rows from the window of `as_of` on, and those
    before the grid, are left out.
    """
    known = (
        rows.select(pl.col("start").cast(pl.Datetime("us", "UTC")).dt.epoch("us"), pl.col("quantity").cast(pl.Float64))
        .filter(pl.col("quantity").is_finite())
        .sort("start", "quantity")  # floats are added in one order, whatever order they came in
    )
    edges = np.array([_microseconds(edge) for edge in grid.edges[: grid.past + 1]], dtype=np.int64)
    window = np.searchsorted(edges, known.get_column("start").to_numpy(), side="right") - 1
    inside = (window >= 0) & (window < grid.past)
    window, quantity = window[inside], known.get_column("quantity").to_numpy()[inside]
    sums = np.bincount(window, weights=quantity, minlength=grid.past).astype(np.float64)
    present = np.bincount(window, minlength=grid.past) > 0
    return Series(grid, _by_slot(sums, present, grid.slots[: grid.past]))


def series_by_group(rows: pl.DataFrame, grid: Grid) -> dict[str | None, Series]:
    """Answer the series of each `group` (String; null is a group too), none knowing of the others."""
    parts = rows.partition_by("group", as_dict=True)
    return {group: series_of(part, grid) for (group,), part in parts.items()}


def ahead(grid: Grid) -> Ints:
    """Answer for each window to be forecast how many slots after the last past one it lies, from 0.

    The second of two hours that are one slot may already have begun when the first is past: it is read from slot 0.
    """
    first = int(grid.slots[grid.past - 1]) + 1 if grid.past else int(grid.slots[0])
    return np.maximum(grid.slots[grid.past :] - first, 0)


def _by_slot(sums: Floats, present: Bools, slots: Ints) -> Floats:
    """Answer the mean of the windows with data of each slot."""
    length = int(slots[-1]) + 1 if len(slots) else 0
    count = np.bincount(slots[present], minlength=length)
    total = np.bincount(slots[present], weights=sums[present], minlength=length)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _slots(starts: list[datetime], step: Step, zone: ZoneInfo) -> Ints:
    """Answer each window's place by the wall clock, the first being 0; never falling, where clocks are set back."""
    local = np.array([start.astimezone(zone).replace(tzinfo=None) for start in starts], dtype="datetime64[s]")
    unit = "datetime64[h]" if step == "hour" else "datetime64[D]"
    places: Ints = np.maximum.accumulate(local.astype(unit).astype(np.int64))
    slots: Ints = places - places[0]
    return slots


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
