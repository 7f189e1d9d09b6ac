"""Seats: those there all along, and those that came or went, for the part that they were there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.invoice import lines_of
from meter.rating.price import Price
from meter.rating.price_table import read_price
from meter.rating.split import Split
from meter.rating.table import BookError, Table
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import MARCH, only
from tests.rating.examples import at

NOON = datetime(2026, 3, 16, 12, tzinfo=ZoneInfo("UTC"))


def price_of(**fields: object) -> Price:
    """A price of 31 a month for each seat: one a day."""
    table = {"title": "Seats", "meter": "m", "unit": "seat", "model": "seats", "unit_amount": "31", **fields}
    return read_price("seats", Table("", "prices.seats", table), "USD")


def change(quantity: str | int, when: datetime | None = None, prorated: str | None = None) -> Usage:
    """Seats added, or taken away."""
    return Usage("m", Decimal(quantity), at=when, prorated=None if prorated is None else Decimal(prorated))


@pytest.mark.parametrize(
    ("prorate", "rows", "amount"),
    [
        ("never", [change(5)], "155.00"),
        ("never", [change(5, MARCH.start), change(2, NOON)], "217.00"),
        ("days", [change(5, MARCH.start), change(2, NOON)], "187.00"),  # 5 * 31 + 2 * 16
        ("time", [change(5, MARCH.start), change(2, NOON)], "186.00"),  # 5 * 31 + 2 * 15.5
        ("days", [change(5, MARCH.start), change(-2, NOON)], "123.00"),  # from that day on there are three
        ("time", [change(5, MARCH.start), change(-5, NOON)], "77.50"),
        ("never", [change(5, prorated="2.5"), change(-1, prorated="-0.5")], "62.00"),  # what is paid is told
        ("time", [change(5, NOON, "1")], "31.00"),
        ("time", [change(5, MARCH.start), change(-5, MARCH.start)], None),
    ],
)
def test_worked_cases(prorate: str, rows: list[Usage], amount: str | None) -> None:
    """31 for a seat and March's 31 days: by hand."""
    lines = lines_of(price_of(prorate=prorate), tuple(rows), MARCH, "USD")
    assert [str(line.amount) for line in lines] == ([] if amount is None else [amount])


def test_the_part_names_the_seats_that_are_paid() -> None:
    """Five and a half seats, of seven that were there at the end."""
    line = only(lines_of(price_of(prorate="time"), (change(5, MARCH.start), change(1, NOON)), MARCH, "USD"))
    (priced,) = [step.facts for step in line.derivation if step.name == "price"]
    assert (priced["of"], Fraction(priced["quantity"]) / Fraction(priced["divisor"])) == ("seats", Fraction(11, 2))
    assert line.quantity == 6


def test_a_level_that_fell_is_refused_without_proration() -> None:
    """Seats that left were there for a while, and nobody said how long that counts."""
    with pytest.raises(UsageError, match="nothing says what is paid of it; write prorate"):
        lines_of(price_of(), (change(5, MARCH.start), change(-2, NOON)), MARCH, "USD")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"unit_amount": 31}, 'unit_amount: 31 is not quoted; money is text in a book, write unit_amount = "31"'),
        ({"included": 3}, "included: a seats price looks at single changes; leave it out"),
        ({"per": 3}, "per: unknown field; known here: "),
    ],
)
def test_mistakes_say_what_to_write(fields: dict[str, object], said: str) -> None:
    """Each mistake names its field, and what to write instead."""
    with pytest.raises(BookError) as caught:
        price_of(**fields)
    assert said in str(caught.value)


changes = st.lists(
    st.tuples(st.integers(0, 31 * 1440 - 1), st.integers(0, 1000)), max_size=8, unique_by=lambda row: row[0]
)


@given(changes)
def test_prorated_seats_equal_plain_fractions(made: list[tuple[int, int]]) -> None:
    """Each change is paid from its minute to the end of the period, and money is divided once."""
    rows = tuple(change(quantity, at(minute)) for minute, quantity in made)
    total = sum((Fraction(31 * quantity * (31 * 1440 - minute), 31 * 1440) for minute, quantity in made), Fraction(0))
    lines = lines_of(price_of(prorate="time"), rows, MARCH, "USD")
    exact = sum((Fraction(line.exact) for line in lines), Fraction(0))
    assert abs(exact - total) <= Fraction(1, 10**39)


@given(changes, st.integers(0, 8))
def test_parts_of_a_period_add_up(made: list[tuple[int, int]], cut: int) -> None:
    """Billed twice, or once at the end: the same to the cent."""
    rows = [change(quantity, at(minute)) for minute, quantity in sorted(made)]
    earlier = [Usage("m", Decimal(0), before=row.quantity, at=row.at) for row in rows[:cut]]
    price = price_of(prorate="time")
    first = lines_of(price, tuple(rows[:cut]), MARCH, "USD", Split(last=False))
    rest = lines_of(price, (*earlier, *rows[cut:]), MARCH, "USD", Split(first=False))
    whole = lines_of(price, tuple(rows), MARCH, "USD")
    assert sum(line.amount for line in (*first, *rest)) == sum(line.amount for line in whole)
