"""How much of the time that series were expected to report has data? Counted in quarters of an hour; pure.

A day is 96 bits, its first quarter the highest. Quarters and days are numbered from the start of 2000, UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from meter.spans import Span
from meter.windows import ORIGIN, QUARTER

DAY = 96
HOUR = 4
WHOLE_DAY = (1 << DAY) - 1
EVERY_FOURTH = int("1000" * 24, 2)
FIRST_DAY = ORIGIN.date().toordinal()
LAG = timedelta(minutes=2)
"""What came is noted within this time; until then nothing is missed of a quarter that is over."""

SHOWN = Decimal("0.0001")


class Counts(NamedTuple):
    """Quarters of an hour, times series: those with data, of those in which series were expected to report."""

    seen: int
    expected: int

    @property
    def share(self) -> Decimal | None:
        """How much of it there is, from 0 to 1 in four decimals, rounded down: 1 is all of it. None of nothing."""
        if not self.expected:
            return None
        return (Decimal(self.seen) / Decimal(self.expected)).quantize(SHOWN, ROUND_DOWN)


class Time(NamedTuple):
    """Quarters [start, end) in which one series of a group was expected to report."""

    group: int
    start: int
    end: int


class Seen(NamedTuple):
    """Quarters of a day with data, the same of as many series of a group."""

    group: int
    day: int
    quarters: int
    series: int


class Summed(NamedTuple):
    """Quarters of a day with data, of all series of a group together: in all, and before the day's one edge."""

    group: int
    day: int
    seen: int
    before: int


class Grid(NamedTuple):
    """Quarters that ranges begin and end with, ascending, and for each range the places of its two; the last is all."""

    edges: list[int]
    places: list[tuple[int, int]]


class Cover(NamedTuple):
    """The counts of each range and group, of each range, and of all; a range and group without a series has none."""

    items: dict[tuple[int, int], Counts]
    ranges: list[Counts]
    whole: Counts


def together(counts: Iterable[Counts]) -> Counts:
    """Counts added up."""
    seen = expected = 0
    for each in counts:
        seen += each.seen
        expected += each.expected
    return Counts(seen, expected)


def quarter(instant: datetime) -> int:
    """The number of the quarter that holds an instant."""
    return (instant - ORIGIN) // QUARTER


def start_of(number: int) -> datetime:
    """When the quarter of that number begins."""
    return ORIGIN + number * QUARTER


def day_number(day: date) -> int:
    """The number of a day."""
    return day.toordinal() - FIRST_DAY


def date_of(number: int) -> date:
    """The day of that number."""
    return date.fromordinal(number + FIRST_DAY)


def slot(every_seconds: int, *, held: bool) -> int:
    """How many quarters one report speaks for. A level says itself how long it was held, however seldom it comes."""
    quarters = -(-every_seconds // int(QUARTER.total_seconds()))
    return 1 if held or quarters <= 1 else HOUR if quarters <= HOUR else DAY


def missing_before(every_seconds: int, slot_: int, known: datetime) -> int:
    """The quarter from which on nothing is missed yet: where reports may be on their way, or not be due.

    `known`: up to when it is known what came.
    """
    return quarter(known - max(LAG, timedelta(seconds=every_seconds))) // slot_ * slot_


def widened(quarters: int, slot_: int) -> int:
    """The quarters of a day that its reports speak for: all of an hour, or of the day, of which one has data."""
    if slot_ == DAY:
        return WHOLE_DAY if quarters else 0
    if slot_ == HOUR:
        first = (quarters | quarters << 1 | quarters << 2 | quarters << 3) & EVERY_FOURTH
        return first | first >> 1 | first >> 2 | first >> 3
    return quarters


def until(quarters: int, day: int, end: int) -> int:
    """The quarters of a day that lie before another one."""
    keep = min(max(end - day * DAY, 0), DAY)
    return quarters & (WHOLE_DAY ^ (WHOLE_DAY >> keep))


def grid(ranges: Sequence[Span], whole: Span) -> Grid:
    """The quarters that ranges, and all that is asked about, begin and end with."""
    numbers: list[tuple[int, int]] = []
    last, number = whole.start, quarter(whole.start)
    for start, end in (*ranges, whole):
        before = number if start is last else quarter(start)  # windows that follow each other share an edge
        last, number = end, quarter(end)
        numbers.append((before, number))
    edges = sorted({edge for pair in numbers for edge in pair})
    order = {edge: place for place, edge in enumerate(edges)}
    return Grid(edges, [(order[start], order[end]) for start, end in numbers])


def cuts(edges: Iterable[int]) -> dict[int, list[int]]:
    """For each day that edges cut, how many of its quarters lie before each of them."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for day, into in (divmod(edge, DAY) for edge in edges):
        if into:
            found[day].append(into)
    return found


def cover(asked: Grid, times: Sequence[Time], seen: Iterable[Seen], summed: Iterable[Summed] = ()) -> Cover:
    """The counts of ranges and groups. An instant within a quarter counts as the quarter's start.

    What is seen, and of other days is summed up already, holds no quarter in which its series were not expected.
    """
    due: defaultdict[int, list[Time]] = defaultdict(list)
    for time in times:
        due[time.group].append(time)
    there: defaultdict[int, list[Seen]] = defaultdict(list)
    for each in seen:
        there[each.group].append(each)
    sums: defaultdict[int, list[Summed]] = defaultdict(list)
    for one in summed:
        sums[one.group].append(one)
    items: dict[tuple[int, int], Counts] = {}
    totals = [Counts(0, 0)] * len(asked.places)
    for group in sorted(due):
        expected = _due_before(due[group], asked.edges)
        found = _seen_before(there[group], sums[group], asked.edges)
        for number, (start, end) in enumerate(asked.places):
            due_ = expected[end] - expected[start]
            if due_:
                items[number, group] = counts = Counts(found[end] - found[start], due_)
                before = totals[number]
                totals[number] = (
                    Counts(before.seen + counts.seen, before.expected + counts.expected) if before.expected else counts
                )
    for group in due:
        items.pop((len(totals) - 1, group), None)
    return Cover(items, totals[:-1], totals[-1])


def _due_before(times: Sequence[Time], edges: Sequence[int]) -> list[int]:
    """How many quarters of these times lie before each edge; edges ascend."""
    steps = sorted([step for time in times for step in ((time.start, 1), (time.end, -1))])
    found: list[int] = []
    total = growth = at = passed = 0
    for edge in edges:
        while passed < len(steps) and steps[passed][0] <= edge:
            total += growth * (steps[passed][0] - at)
            at = steps[passed][0]
            growth += steps[passed][1]
            passed += 1
        found.append(total + growth * (edge - at))
    return found


def _seen_before(seen: Sequence[Seen], summed: Sequence[Summed], edges: Sequence[int]) -> list[int]:
    """How many quarters with data lie before each edge; edges ascend."""
    days: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    totals: defaultdict[int, int] = defaultdict(int)
    parts: defaultdict[int, int] = defaultdict(int)
    for each in seen:
        days[each.day].append((each.quarters, each.series))
        totals[each.day] += each.quarters.bit_count() * each.series
    for one in summed:
        totals[one.day] += one.seen
        parts[one.day] += one.before
    order = sorted(totals)
    found: list[int] = []
    total = passed = 0
    day, next_day = 0, 0  # of the edge before
    here: list[tuple[int, int]] = []
    for edge in edges:
        if edge >= next_day or not found:
            day = edge // DAY
            next_day = (day + 1) * DAY
            while passed < len(order) and order[passed] < day:
                total += totals[order[passed]]
                passed += 1
            here = days.get(day, [])
        into = edge - next_day + DAY
        part = total + parts.get(day, 0) if into and parts else total
        for quarters, series in here:
            part += (quarters >> DAY - into).bit_count() * series
        found.append(part)
    return found
