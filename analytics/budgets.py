"""When is a budget used up? Of each of its counters: what was used in its window so far, and what is expected of it.

What counts is worked out as the counters do it (`meter.limits.measure`), of usage that goes on as it is forecast: so
free units, tiers, new prices and billing periods that begin on the way are in it. Each series has its own forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from msgspec.structs import replace

from analytics.forecast import Grid, grid_of, look, series_of
from analytics.forecast.intervals import LEVELS
from analytics.forecast.look import sums
from analytics.forecast.models.candidate import Floats
from analytics.forecast.student import normal
from analytics.forecasts import NOT_BELOW, known
from analytics.frames.number import statistic
from meter.limits.expected import JOB, Expected, Foreseen, Reason, without
from meter.limits.measure import Group, Usage, charged, concerns, group, money, units
from meter.limits.path import NOTHING, most
from meter.limits.window import oldest, slot
from meter.past import REACH, BudgetPast, Window
from meter.rating.money import exact
from meter.windows import DAY, HOUR, floor

NAME = JOB
MARKS = 60
"""Instants at which it is asked whether a window is used up; between two of them it is sought by halving."""
HALVINGS = 30
FARTHEST = 8.0  # deviations: beyond, the probability is as good as 0 or 1
SECOND = timedelta(seconds=1)
_EDGE = normal(LEVELS[0])  # deviations from the mean to an edge of the 80 % band
_NORMAL = NormalDist()


class Path(NamedTuple):
    """What a series adds up to at the edges of windows ahead: the mean, and how far the 80 % band goes from it.

    `width` is None where no band can be known, `reason` says why little is known.
    """

    mean: Floats
    width: Floats | None
    reason: Reason | None

    def at(self, deviations: float) -> Floats:
        """The path of which so many deviations more than the mean are used; what was used stays used."""
        off = 0.0 if self.width is None else self.width * (deviations / _EDGE)
        found: Floats = np.maximum.accumulate(np.maximum(self.mean + off, NOT_BELOW))
        return found


def foreseen(past: BudgetPast) -> Foreseen:
    """Answer when each of a budget's counters is expected to be used up, within its window or as far as is looked.

    Of several series together the bands are those of all straying the same way at once: too wide rather than too
    narrow. Of a sliding window the probability is that of the instant at which it is most likely.
    """
    grid = grid_of(past.now - REACH[past.step], past.now, _horizon(past), past.step, past.tz)
    ahead = Ahead(past, grid, [_path(windows, grid) for windows in past.windows])
    counters = tuple(_expected(ahead, whose) for whose in past.groups)
    return Foreseen(version=past.budget.version, until=past.until, counters=counters, more=past.more)


class Ahead:
    """What will be used of a budget's counters at instants ahead, each worked out once."""

    def __init__(self, past: BudgetPast, grid: Grid, paths: list[Path]) -> None:
        """Counts what was used until `past.begun`, and from there on what is on the paths."""
        self.past = past
        self.paths = paths
        self.limit = most(past.budget) or NOTHING
        self._edges = np.array([_seconds(edge - past.begun) for edge in grid.edges[grid.past :]])
        self._sums: dict[float, list[Floats]] = {}
        self._used: dict[tuple[datetime, float], Mapping[Group, Decimal]] = {}

    def used(self, whose: Group, at: datetime, deviations: float = 0.0) -> Decimal:
        """Answer what a counter says at an instant, if all usage strays so far from what is expected."""
        if (at, deviations) not in self._used:
            self._used[at, deviations] = self._told(at, deviations)
        return self._used[at, deviations].get(whose, NOTHING)

    def marks(self) -> list[datetime]:
        """Answer instants in order, from where it is known what was used to where it is looked: no two far apart."""
        start, end, seconds = self.past.begun, self.past.to, self.past.budget.seconds
        if seconds is None:
            return [start + (end - start) * number / MARKS for number in range(MARKS)] + [end]
        marks = [start]
        while marks[-1] < end:  # it forgets slot by slot
            marks.append(min(slot(seconds, marks[-1]).end, end))
        return marks

    def _told(self, at: datetime, deviations: float) -> Mapping[Group, Decimal]:
        past, usage = self.past, self._usage(at, deviations)
        since = past.start if past.budget.seconds is None else oldest(past.budget.seconds, at)
        if past.budget.measure == "money":
            return money(past.budget, charged(since, at, past.prices, usage), usage)
        return units(past.budget, since, at, usage)

    def _usage(self, at: datetime, deviations: float) -> Usage:
        """What was used, and after it what is expected until then, cut where money is."""
        begun, used = self.past.begun, self.past.used
        edges = [begun, *sorted(edge for edge in {at, *self.past.prices.asked(begun, at)} if begun < edge <= at)]
        if deviations not in self._sums:
            self._sums[deviations] = [path.at(deviations) for path in self.paths]
        places = [0.0, *(_seconds(edge - begun) for edge in edges[1:])]
        first = len(used.bounds) - 1
        quantities = [
            {**there, **dict(enumerate(_steps(np.interp(places, self._edges, sums_)), first))}
            for there, sums_ in zip(used.quantities, self._sums[deviations], strict=True)
        ]
        return Usage([*used.bounds, *edges[1:]], used.series, quantities)


@exact()
def _expected(ahead: Ahead, whose: Group) -> Expected:
    past = ahead.past
    told = replace(without(whose, "no_data"), to=past.to)
    own = [ahead.paths[place] for place in _own(past, whose)]
    reasons = {path.reason for path in own}
    if ahead.used(whose, past.begun) >= ahead.limit:
        begun = past.begun
        return replace(told, expected=begun, earliest80=begun, latest80=begun, probability=Decimal(1), reason=None)
    if reasons <= {"no_data"}:
        return told
    told = replace(
        told,
        expected=_crossing(ahead, whose, 0.0),
        reason="short_history" if "short_history" in reasons else None,
    )
    if any(path.width is None for path in own if path.reason != "no_data"):
        return told
    return replace(
        told,
        earliest80=_crossing(ahead, whose, _EDGE),
        latest80=_crossing(ahead, whose, -_EDGE),
        probability=statistic(_probability(ahead, whose)),
    )


def _own(past: BudgetPast, whose: Group) -> Iterator[int]:
    """The places of the series that a counter counts."""
    for place, series in enumerate(past.used.series):
        if concerns(past.budget, series) and group(past.budget, series) == whose:
            yield place


def _crossing(ahead: Ahead, whose: Group, deviations: float) -> datetime | None:
    """Answer to the second when a counter first reaches the amount; None if it does not."""
    for lo, hi in pairwise(ahead.marks()):
        if ahead.used(whose, hi, deviations) >= ahead.limit:
            below, reached = lo, hi
            while reached - below > SECOND:
                middle = below + (reached - below) / 2
                if ahead.used(whose, middle, deviations) >= ahead.limit:
                    reached = middle
                else:
                    below = middle
            return reached
    return None


def _probability(ahead: Ahead, whose: Group) -> float:
    """Answer how probably the amount is reached: by how many deviations it lies above what is expected, normally."""
    marks = ahead.marks()[1:] if ahead.past.budget.rolling else [ahead.past.to]

    def reached(deviations: float) -> bool:
        return any(ahead.used(whose, mark, deviations) >= ahead.limit for mark in marks)

    below, above = -FARTHEST, FARTHEST
    if not reached(above):
        return 0.0
    if reached(below):
        return 1.0
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        below, above = (below, middle) if reached(middle) else (middle, above)
    return 1 - _NORMAL.cdf(above)


def _path(windows: Sequence[Window], grid: Grid) -> Path:
    """Answer what a series adds up to from the first window ahead on."""
    nothing: Floats = np.zeros(grid.horizon + 1)
    seen = look(series_of(known(windows, grid), grid), floor=NOT_BELOW)
    if seen.outlook is None:
        return Path(nothing, None, "no_data")
    found = sums(grid, seen.outlook, seen.floor)
    mean = np.concatenate([nothing[:1], found.mean])
    width = None if found.bounds is None else np.concatenate([nothing[:1], found.bounds[1][0] - found.mean])
    return Path(mean, width, "short_history" if seen.outlook.reason == "short_history" else None)


def _horizon(past: BudgetPast) -> int:
    """How many windows it takes at least to look as far as it is looked; clocks may be set meanwhile."""
    length = HOUR if past.step == "hour" else DAY
    return 2 - (floor(past.now, past.step, ZoneInfo(past.tz)) - past.to) // length


def _steps(sums_: Floats) -> Iterator[Decimal]:
    """Answer what is used from each edge to the next, of what was added up until then."""
    for before, after in pairwise(sums_.tolist()):
        yield statistic(after - before) or NOTHING


def _seconds(long: timedelta) -> float:
    return long / SECOND
