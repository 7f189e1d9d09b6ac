"""Which ranges does a question ask about: windows, trailing ones, and the earlier ones to compare them with? Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from meter import windows
from meter.errors import InvalidParameter
from meter.rating.periods import month_period
from meter.spans import Span
from meter.windows import MOMENT, MONTHS, Window

Cut = Window | Literal["period"]
Compare = Literal["previous", "day", "week", "month", "quarter", "year"]
COMPARES: tuple[Compare, ...] = get_args(Compare)
BY_SIZE: tuple[Window, ...] = ("year", "quarter", "month", "week", "day")
MAX_WINDOWS = 40_000  # a year of quarters of an hour has 35,040
MAX_ROLLED = 1_000_000
DAYS: dict[str, int] = {"day": 1, "week": 7}


class Calendar:
    """Where windows of one kind begin: in a zone, or for "period" where the team's billing periods do."""

    def __init__(self, window: Cut, zone: ZoneInfo, team_zone: ZoneInfo, anchor_day: int) -> None:
        """Windows of `window` in `zone`; billing periods are months from `anchor_day` in `team_zone`."""
        self._window = window
        self.zone = team_zone if window == "period" else zone
        self._anchor_day = anchor_day

    def windows_in(self, unit: Window) -> int:
        """How many windows make a calendar unit, where they are billing periods and it is months; else 0."""
        return MONTHS.get(unit, 0) if self._window == "period" else 0

    def floor(self, instant: datetime) -> datetime:
        """The start of the window that holds an instant."""
        if self._window == "period":
            return month_period(instant, self.zone.key, self._anchor_day).start
        return windows.floor(instant, self._window, self.zone)

    def following(self, start: datetime) -> datetime:
        """The start of the window after the one that begins at `start`."""
        if self._window == "period":
            return month_period(start, self.zone.key, self._anchor_day).end
        return windows.following(start, self._window, self.zone)

    def preceding(self, start: datetime) -> datetime:
        """The start of the window before the one that begins at `start`."""
        return self.floor(start - MOMENT)

    def edges(self, start: datetime, end: datetime) -> list[datetime]:
        """Both ends and every window start between them, ascending."""
        if self._window != "period":
            return windows.bounds(start, end, self._window, self.zone)
        found = [start]
        edge = self.following(self.floor(start))
        while edge < end:
            found.append(edge)
            edge = self.following(edge)
        return [*found, end]


def windowed(start: datetime, end: datetime, calendar: Calendar | None, rolling: int) -> list[Span]:
    """The ranges of [start, end): its windows, each reaching back over the `rolling` - 1 windows before it."""
    if calendar is None:
        return [Span(start, end)]
    edges = calendar.edges(start, end)
    if rolling == 1:
        return [Span(*pair) for pair in pairwise(edges)]
    starts = [calendar.floor(start), *edges[1:-1]]
    for _ in range(rolling - 1):
        starts.insert(0, calendar.preceding(starts[0]))
    return [Span(begin, hi) for begin, hi in zip(starts, edges[1:], strict=False)]


def earlier(ranges: Sequence[Span], compare: Compare, calendar: Calendar | None, zone: ZoneInfo) -> list[Span]:
    """For each range the one to compare it with: as many windows before, or the same a calendar unit earlier.

    "previous" without windows: a whole number of calendar years, quarters, months, weeks or days is compared with as
    many before it, anything else with the same length of time before it. A billing period is a month, whatever day it
    begins on. An earlier range may come out empty where a calendar is shorter than another: 29 February has no day a
    year before.
    """
    if calendar is not None:
        zone = calendar.zone
        windows_back = len(ranges) if compare == "previous" else calendar.windows_in(compare)
        if windows_back:
            move = _by_windows(calendar, ranges[0].start, ranges[-1].end, windows_back)
            return [Span(move(each.start), move(each.end)) for each in ranges]
    if compare == "previous":
        (whole,) = ranges
        return [_before(whole, zone)]
    return [_ago(each, compare, zone) for each in ranges]


def _by_windows(calendar: Calendar, start: datetime, end: datetime, count: int) -> Callable[[datetime], datetime]:
    """Moves instants back by `count` windows; inside a window the distance from its start is kept as far as it goes."""
    starts = calendar.edges(calendar.floor(start), end)
    if calendar.floor(end) != end:
        starts.pop()  # it lies in the last window and begins none
    before = [starts[0]]
    for _ in range(count):
        before.append(calendar.preceding(before[-1]))
    starts = [*before[:0:-1], *starts]

    def move(instant: datetime) -> datetime:
        here = bisect_right(starts, instant) - 1
        return min(starts[here - count] + (instant - starts[here]), starts[here - count + 1])

    return move


def _before(whole: Span, zone: ZoneInfo) -> Span:
    for unit in BY_SIZE:
        if all(windows.floor(edge, unit, zone) == edge for edge in whole):
            count = len(windows.bounds(whole.start, whole.end, unit, zone)) - 1
            return Span(moved_back(_local(whole.start, zone), unit, count, zone), whole.start)
    return Span(whole.start - (whole.end - whole.start), whole.start)


def _ago(span: Span, unit: Window, zone: ZoneInfo) -> Span:
    """What the clock on the wall called by the same names a unit earlier: of an hour that came twice, both times it."""
    start = moved_back(_local(span.start, zone), unit, 1, zone)
    end = moved_back(_local(span.end - MOMENT, zone) + MOMENT, unit, 1, zone)  # as the clock went on to, not jumped to
    return Span(start, max(start, end))


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def moved_back(local: datetime, unit: Window, count: int, zone: ZoneInfo) -> datetime:
    """The instant of a wall-clock time `count` units earlier, a day or longer; past a month's end it is that end."""
    if unit in DAYS:
        return windows.utc(local - timedelta(days=DAYS[unit] * count), zone)
    index = local.year * 12 + local.month - 1 - MONTHS[unit] * count
    first = local.replace(year=index // 12, month=index % 12 + 1, day=1)
    moved = first + timedelta(days=local.day - 1)
    if moved.month != first.month:
        moved = datetime.combine(moved.replace(day=1), time())
    return windows.utc(moved, zone)


def check_count(start: datetime, end: datetime, window: Cut | None, rolling: int) -> None:
    """Refuses more windows than one answer may have, before any is made. Raises InvalidParameter."""
    if window is None:
        if rolling != 1:
            raise InvalidParameter("rolling: needs a window, as in window=day&rolling=7")
        return
    count = windows.count_at_most(start, end, "month" if window == "period" else window)
    if count > MAX_WINDOWS:
        raise InvalidParameter(f"more than {MAX_WINDOWS} windows; ask for a shorter range or longer windows")
    if rolling > 1 and (count + rolling) * rolling > MAX_ROLLED:
        raise InvalidParameter(f"windows times rolling is above {MAX_ROLLED}; ask for a shorter range or fewer")
