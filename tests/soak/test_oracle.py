"""The oracle of the soak is right by itself: hours are met exactly, counters restart, levels end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from tests.soak.oracle import GAP_US, HOUR_US, Book, Cell, microseconds
from tests.soak.verify import differing

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
TEN_US = microseconds(TEN)


def in_hours(book: Book) -> dict[datetime, Fraction]:
    """Answer the sums of a book that has one meter and one service."""
    return {cell.hour: amount for cell, amount in book.sums().items()}


def test_an_instant_belongs_to_the_hour_that_begins_with_it() -> None:
    """The first microsecond of an hour is in it, the last one before is not."""
    book = Book()
    book.add("m", "s", TEN_US, Fraction(1))
    book.add("m", "s", TEN_US - 1, Fraction(2))
    assert in_hours(book) == {NINE: 2, TEN: 1}


def test_a_level_counts_in_each_hour_as_long_as_it_was_held_there() -> None:
    """Two cores for two hours and a half, over three hours."""
    book = Book()
    book.hold("m", "s", TEN_US - HOUR_US // 2, TEN_US + 2 * HOUR_US, Fraction(2))
    assert in_hours(book) == {NINE: 3600, TEN: 7200, TEN + timedelta(hours=1): 7200}


def test_a_counter_counts_what_it_grew() -> None:
    """All since its start, then what came, all again after it fell; each before the instant of its point."""
    book = Book()
    points = {TEN_US: Fraction(10), TEN_US + 2: Fraction(14), TEN_US + 1: Fraction(12), TEN_US + 3: Fraction(3)}
    book.counter("m", "s", TEN_US - 5, points)
    assert in_hours(book) == {NINE: 10, TEN: 2 + 2 + 3}


def test_a_gauge_holds_until_the_next_point_or_its_gap() -> None:
    """One value is followed, the next one by the end long after."""
    book = Book()
    book.level("m", "s", {TEN_US: Fraction(3), TEN_US + 1_000_000: Fraction(5)}, TEN_US + HOUR_US)
    assert in_hours(book) == {TEN: 3 + 5 * GAP_US // 1_000_000}


def test_what_differs_is_told() -> None:
    """Lost, doubled, in another hour: each is seen; what is the same is not told."""
    same, lost, doubled, moved = (Cell(name, "s", NINE) for name in ("same", "lost", "doubled", "moved"))
    one = Fraction(1)
    sent = dict.fromkeys((same, lost, doubled, moved), one)
    counted = {same: one, doubled: 2 * one, moved._replace(hour=TEN): one}
    assert differing(sent, counted) == {
        lost: (one, None),
        doubled: (one, 2 * one),
        moved: (one, None),
        moved._replace(hour=TEN): (None, one),
    }
