"""What points come to: counters, levels, ends, gaps and late points; and the same whatever way they came."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.points.counting import (
    GapRule,
    Head,
    Kept,
    Origin,
    Reading,
    Row,
    Way,
    base,
    held_us,
    revise,
    rows_of,
)
from meter.segments import QUARTER_US, SECOND_US

MINUTE = 60 * SECOND_US
IDENTITY = b"s" * 16
UNKNOWN = Origin(IDENTITY, None)


def reading(way: Way, **more: object) -> Reading:
    """Answer a reading into series 7, in the meter's own unit unless said otherwise."""
    usual: dict[str, object] = {"gap_rule": "hold", "gap_us": 5 * MINUTE, "multiply": Decimal(1), "divide": Decimal(1)}
    return Reading(1, 7, way, **(usual | more))  # type: ignore[arg-type]


COUNTER, LEVEL, DELTA, MEASURE = (reading(way) for way in ("counter", "level", "delta", "measure"))


def point(minute: float, value: Decimal | float | None, how: Reading = COUNTER) -> Kept:
    """Answer a point at a minute."""
    return Kept(int(minute * MINUTE), None if value is None else Decimal(value), how)


class Book:
    """The rows that a stream has come to, as its table keeps them, and the points."""

    def __init__(self, origin: Origin = UNKNOWN) -> None:
        self.origin = origin
        self.head: Head | None = None
        self.points: list[Kept] = []
        self.rows: dict[tuple[int, bytes], Row] = {}

    def add(self, *came: Kept) -> tuple[int, int]:
        """Take points in one body; answer how many were duplicates and conflicts."""
        head = self.head
        if head is None or min(p.time_us for p in came) > head.newest_us:
            before = head.points() if head else []
        else:
            before = self.around(min(p.time_us for p in came), max(p.time_us for p in came))
        found = revise(self.origin, head, before, came)
        for row in found.gone:
            del self.rows[row.time_us, row.event_id]
        for row in found.rows:
            assert (row.time_us, row.event_id) not in self.rows
            self.rows[row.time_us, row.event_id] = row
        self.points = sorted([*self.points, *found.points], key=lambda p: p.time_us)
        self.head = found.head
        return found.duplicates, found.conflicts

    def around(self, earliest: int, latest: int) -> list[Kept]:
        """Answer the points from the last value before one time to the first after another, as the statement does."""
        before = [p.time_us for p in self.points if p.time_us < earliest and p.value is not None]
        after = [(p.value is None, p.time_us) for p in self.points if p.time_us > latest]
        lo, hi = max(before, default=earliest), min(after, default=(True, latest))[1]
        return [p for p in self.points if lo <= p.time_us <= hi]

    def close(self) -> None:
        """Count the level of the head to the end of its gap, as the worker does when it is due."""
        assert self.head
        if self.head.closes_us() is None or self.head.last is None:
            return
        for row in rows_of(self.origin, [self.head.last], closed_us=self.head.last.time_us):
            self.rows[row.time_us, row.event_id] = row
        self.head = self.head._replace(closed=True)

    def total(self) -> Decimal:
        """Answer all that was counted."""
        return sum((row.quantity for row in self.rows.values()), Decimal(0))

    def by_quarter(self) -> dict[int, Decimal]:
        """Answer what was counted in each quarter of an hour."""
        found: dict[int, Decimal] = defaultdict(Decimal)
        for row in self.rows.values():
            found[row.time_us // QUARTER_US] += row.quantity
        return dict(found)


def test_a_counter_counts_what_came_since_the_point_before() -> None:
    """The first value of an unknown start counts nothing."""
    book = Book()
    book.add(point(1, 100), point(2, 130), point(3, 130))
    assert [row.quantity for row in sorted(book.rows.values())] == [30, 0]


def test_a_counter_lies_at_the_last_microsecond_it_covers() -> None:
    """What a point at a quarter's edge counts came in the quarter before."""
    book = Book()
    book.add(point(14, 1), point(15, 5))
    assert book.by_quarter() == {0: 4}


def test_a_fallen_value_counts_from_zero() -> None:
    """A process began anew: all it has counted is new."""
    book = Book()
    book.add(point(1, 100), point(2, 30), point(3, 40))
    assert book.total() == 40


@pytest.mark.parametrize(("start", "counted"), [(0, 100), (-5, 100), (1, 0), (2, 0), (None, 0)])
def test_a_first_value_counts_since_its_start(start: int | None, counted: int) -> None:
    """All of it where the start is known and lies before it; a start at its own time says that nobody knows."""
    book = Book(Origin(IDENTITY, None if start is None else start * MINUTE))
    book.add(point(1, 100))
    assert book.total() == counted
    book.add(point(2, 130))
    assert book.total() == counted + 30


def test_a_late_point_revises_its_successor() -> None:
    """Both count what they would have, had they come in order."""
    late, timely = Book(), Book()
    late.add(point(1, 10), point(3, 50))
    late.add(point(2, 60))
    timely.add(point(1, 10), point(2, 60), point(3, 50))
    assert late.rows == timely.rows
    assert late.total() == 100


def test_a_point_before_the_first_makes_that_count() -> None:
    """The first one counted nothing for want of a predecessor; now it has one."""
    book = Book()
    book.add(point(3, 50))
    assert book.rows == {}
    book.add(point(2, 20))
    assert book.total() == 30


def test_an_end_stops_no_counter() -> None:
    """What a counter has grown by since the last value was used, whatever was scraped meanwhile."""
    book = Book()
    book.add(point(1, 10), point(2, None), point(9, 25))
    assert book.total() == 15


def test_a_delta_and_a_measurement_count_as_they_are() -> None:
    """They depend on no other point."""
    book = Book()
    book.add(point(15, 3, DELTA), point(30, 4, MEASURE))
    assert book.by_quarter() == {0: 3, 2: 4}


def test_a_level_holds_until_the_next_point() -> None:
    """Value times seconds, in the quarters that it covers."""
    book = Book()
    book.add(point(14, 2, LEVEL), point(16, 0, LEVEL))
    assert book.by_quarter() == {0: 2 * 60, 1: 2 * 60}


@pytest.mark.parametrize(
    ("rule", "held", "zero"), [("hold", 5 * MINUTE, 0), ("zero", 5 * MINUTE, 55 * MINUTE), ("exclude", 0, 0)]
)
def test_a_longer_gap_is_as_its_rule_says(rule: GapRule, held: int, zero: int) -> None:
    """No data, zero, or nothing held at all."""
    level = point(0, 2, reading("level", gap_rule=rule))
    assert held_us(level, 60 * MINUTE, None) == (held, zero)
    assert held_us(level, 5 * MINUTE, None) == (5 * MINUTE, 0)
    book = Book()
    book.add(level, point(60, 1, reading("level", gap_rule=rule)))
    assert book.total() == 2 * held // SECOND_US
    assert (max(book.by_quarter(), default=0) == 3) is (zero > 0)


def test_an_end_stops_a_level() -> None:
    """After the mark there is no data until the next point."""
    book = Book()
    book.add(point(0, 2, LEVEL), point(1, None, LEVEL), point(4, 3, LEVEL), point(5, 3, LEVEL))
    assert book.total() == 2 * 60 + 3 * 60


def test_a_level_that_nothing_follows_is_closed_and_opened_again() -> None:
    """Counted to the end of its gap; a point that comes late after all cuts it short."""
    book = Book()
    book.add(point(0, 2, LEVEL))
    assert book.total() == 0
    book.close()
    assert book.total() == 2 * 300
    assert book.head
    assert book.head.closes_us() is None
    book.add(point(1, 5, LEVEL))
    assert book.total() == 2 * 60
    assert book.head.closes_us() == 6 * MINUTE


def test_a_point_of_a_closed_level_beyond_its_gap_changes_nothing_before() -> None:
    """It was counted as far as it holds."""
    book = Book()
    book.add(point(0, 2, LEVEL))
    book.close()
    rows = dict(book.rows)
    book.add(point(30, 5, LEVEL))
    assert book.rows == rows


def test_the_same_again_changes_nothing_and_another_value_is_told() -> None:
    """The first of two values at one instant stays."""
    book = Book()
    book.add(point(1, 10), point(2, 15))
    rows = dict(book.rows)
    assert book.add(point(1, 10), point(2, 15), point(2, 99)) == (2, 1)
    assert book.rows == rows


def test_a_factor_does_not_drift() -> None:
    """Thirds of a counter add up to the third of what it has grown by."""
    book = Book()
    third = reading("counter", divide=Decimal(3))
    book.add(*(point(n, n, third) for n in range(101)))
    assert book.total() == base(Decimal(100), third)


def test_readings_may_change_under_way() -> None:
    """From the point on that is read otherwise, what came since the one before counts to the new series."""
    book = Book()
    other = Reading(2, 8, "counter", Decimal(10), Decimal(1))
    book.add(point(1, 10), point(2, 15))
    book.add(point(3, 18, other))
    assert [(row.series_id, int(row.quantity)) for row in sorted(book.rows.values())] == [(7, 5), (8, 30)]


values = st.one_of(st.none(), st.integers(0, 50).map(Decimal), st.decimals("0", "50", places=3))
ways: st.SearchStrategy[Reading] = st.one_of(
    st.just(COUNTER),
    st.sampled_from(["hold", "zero", "exclude"]).map(lambda rule: reading("level", gap_rule=rule, gap_us=7 * MINUTE)),
)


@settings(max_examples=600, deadline=None)
@given(data=st.data(), how=ways, start=st.sampled_from([None, 0, 3 * MINUTE]))
def test_any_way_of_coming_gives_the_same_rows(data: st.DataObject, how: Reading, start: int | None) -> None:
    """Duplicates, reorderings, resets, ends, splits into bodies, late points and closings in between: the same rows."""
    times = data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True))
    points = [point(time, data.draw(values), how) for time in times]
    origin = Origin(IDENTITY, start)
    whole = Book(origin)
    whole.add(*points)
    book = Book(origin)
    coming = data.draw(st.permutations(points + data.draw(st.lists(st.sampled_from(points), max_size=6))))
    while coming:
        size = data.draw(st.integers(1, len(coming)))
        book.add(*coming[:size])
        coming = coming[size:]
        if data.draw(st.booleans()):
            book.close()
    whole.close()
    book.close()
    assert book.rows == whole.rows
    assert book.points == whole.points
    assert book.head == whole.head


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=20), st.integers(1, 7))
def test_a_counter_that_never_falls_counts_its_growth(steps: list[int], divide: int) -> None:
    """The sum of all that was counted is what the last value is above the first."""
    how = reading("counter", divide=Decimal(divide))
    at, points = 0, []
    for number, step in enumerate(steps):
        at += step
        points.append(point(number, at, how))
    book = Book()
    book.add(*points)
    assert book.total() == base(Decimal(at), how) - base(Decimal(steps[0]), how)
