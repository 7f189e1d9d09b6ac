"""When will it be used up? The date at which a budget, quota or balance is expected to be crossed, and how surely."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from statistics import NormalDist

import msgspec
import numpy as np

from analytics.forecast.intervals import LEVELS
from analytics.forecast.look import Look, Sums, sums, windows_until
from analytics.forecast.models.candidate import Floats
from analytics.forecast.series import Grid
from analytics.forecast.student import normal
from analytics.frames.number import statistic


class Exhaustion(msgspec.Struct, frozen=True):
    """When what is `left` at the first window ahead is used up; null dates lie beyond the forecast, or are unknown.

    `earliest80` and `latest80` are where the upper and the lower edge of the 80 % band get there. `probability` is that
    of its being used up by `to`; null when it can't be known.
    """

    left: Decimal
    to: datetime
    expected: datetime | None
    earliest80: datetime | None
    latest80: datetime | None
    probability: Decimal | None


def exhaustion(seen: Look, left: Decimal, until: datetime) -> Exhaustion:
    """Answer when `left` is used up, and how probably by `until`, the end of a window that the forecast reaches.

    `left` is what is left at the start of the first window ahead. Nothing left is used up there, for certain. Dates may
    lie after `until`, as far as the forecast reaches.

    Raises:
        ValueError: the forecast does not reach `until`, or it is no window's end.
    """
    windows = windows_until(seen.grid, until)
    start = seen.grid.edges[seen.grid.past]
    if left <= 0:
        return Exhaustion(left, until, start, start, start, Decimal(1))
    if seen.outlook is None:
        return Exhaustion(left, until, None, None, None, None)
    found = sums(seen.grid, seen.outlook, seen.floor)
    limit = float(left)
    expected = _crossing(found.mean, limit, seen.grid)
    if found.bounds is None:
        return Exhaustion(left, until, expected, None, None, None)
    low, high = (side[0] for side in found.bounds)
    return Exhaustion(
        left=left,
        to=until,
        expected=expected,
        earliest80=_crossing(high, limit, seen.grid),
        latest80=_crossing(low, limit, seen.grid),
        probability=statistic(_probability(found, limit, windows)),
    )


def _crossing(path: Floats, limit: float, grid: Grid) -> datetime | None:
    """Answer when a path of sums first reaches the limit, evenly within its window; None if it does not."""
    reached = np.flatnonzero(path >= limit)
    if not len(reached):
        return None
    window = int(reached[0])
    before = float(path[window - 1]) if window else 0.0
    start, end = grid.edges[grid.past + window], grid.edges[grid.past + window + 1]
    return start + (end - start) * min(1.0, max(0.0, (limit - before) / (float(path[window]) - before)))


def _probability(found: Sums, limit: float, windows: int) -> float | None:
    """Answer how probably the sum of so many windows reaches the limit: normal, as wide as its 80 % band says."""
    if not windows:
        return 0.0
    if found.bounds is None:
        return None
    mean = float(found.mean[windows - 1])
    deviation = (float(found.bounds[1][0, windows - 1]) - mean) / normal(LEVELS[0])
    if deviation <= 0:
        return float(mean >= limit)
    return 1 - NormalDist(mean, deviation).cdf(limit)
