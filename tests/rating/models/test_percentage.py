"""Percentage of each transaction: the worked cases of other systems, what is free, bounds, and its laws."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.charge import Measured
from meter.rating.invoice import lines_of
from meter.rating.models import percentage
from meter.rating.price_table import read_price
from meter.rating.split import Split
from meter.rating.table import BookError, Table
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import MARCH, only
from tests.rating.examples import at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meter.rating.charge import Charge
    from meter.rating.price import Price

CARD = {"percent": "2.99", "minimum_per_event": "1.75", "maximum_per_event": "12"}
THREE = ("10", "80", "10000")
FOUR = ("50", "100", "250", "400")  # after each: 50, 150, 400, 800


def table(**fields: object) -> Table:
    """The fields of a percentage price, as a request writes them."""
    return Table("", "prices.fees", {"title": "Fees", "meter": "m", "unit": "USD", "model": "percentage", **fields})


def price_of(**fields: object) -> Price:
    """A percentage price."""
    return read_price("fees", table(**fields), "USD")


def events(*quantities: str | Decimal) -> tuple[Usage, ...]:
    """Transactions of these amounts, a minute apart."""
    return tuple(Usage("m", Decimal(quantity), at=at(minute)) for minute, quantity in enumerate(quantities))


def charge_for(rows: Sequence[Usage], divisor: str = "1", **fields: object) -> Charge:
    """What the model answers for rows."""
    terms = percentage.read(table(**fields))
    quantity = sum((row.quantity for row in rows), Decimal(0))
    return percentage.price(terms, Measured(quantity, Decimal(divisor), tuple(rows)))


@pytest.mark.parametrize(
    ("fields", "amounts", "owed"),
    [
        ({"percent": "1.3", "per_event": "2.0"}, FOUR, "18.4"),
        ({"percent": "1.3", "per_event": "2.0", "free_events": 3}, FOUR, "7.2"),  # lago-pct-04: 400 * 1.3 % + 2
        ({"percent": "1.3", "per_event": "2.0", "free_events": 3, "free_total": 500}, FOUR, "7.2"),  # lago-pct-05
        # Of the first three at most 250: the third is free by 100 of its 250, and pays its fee.
        ({"percent": "1.3", "per_event": "2.0", "free_events": 3, "free_total": 250}, FOUR, "11.15"),
        ({"percent": "1.3", "per_event": "2.0", "free_total": 250}, FOUR, "11.15"),
        ({"percent": "1.3", "per_event": "2.0", "free_total": 400}, FOUR, "7.2"),  # free to the last cent: no fee
        ({"percent": "1.3", "per_event": "2.0", "free_events": 4}, FOUR, "0"),
        ({"percent": "1.3", "per_event": "2.0", "free_events": 0, "free_total": 500}, FOUR, "18.4"),
        ({"percent": "1.3", "per_event": "2.0", "free_events": 3, "free_total": 0}, FOUR, "18.4"),
        ({"percent": 0, "per_event": "2.0"}, FOUR, "8"),  # lago-pct-07
        ({"percent": "2.9"}, ("1", "1", "1", "1"), "0.116"),  # lago-pct-08
        ({"percent": "2.99", "per_event": "0"}, THREE, "301.691"),  # lago-pct-10
        (CARD, THREE, "16.142"),  # lago-pct-11: 1.75 + 2.392 + 12
        (CARD | {"per_event": "2.0"}, THREE, "18.691"),  # lago-pct-12: 2.299 + 4.392 + 12
        (CARD | {"free_events": 2}, THREE, "12"),  # lago-pct-13
        (CARD | {"free_total": 30}, THREE, "13.794"),  # lago-pct-14: 60 * 2.99 % + 12
        (CARD | {"free_total": 89}, THREE, "13.75"),  # 1 is left of the second, and pays the minimum
        (CARD, ("58.5", "58.6"), "3.50214"),  # 1.74915 is lifted, 1.75214 is not
        (CARD, ("0", "10"), "1.75"),  # nothing owes nothing, not the minimum
        (CARD, (), "0"),
        ({"percent": "0.000000000001"}, ("1e18",), "10000"),
        ({"percent": "0.000000000001"}, ("999999999999999999.000000000001",), "9999.99999999999999000000000001"),
    ],
)
def test_worked_cases(fields: dict[str, Any], amounts: tuple[str, ...], owed: str) -> None:
    """What other systems charge, and what lies at the edges of it."""
    assert charge_for(events(*amounts), **fields).exact == Decimal(owed)


def test_each_part_of_the_answer_has_its_name() -> None:
    """What was free, lifted, capped, or paid as it is, can be read off the parts; they add up to the line."""
    fields: dict[str, Any] = CARD | {"per_event": "0.10", "free_events": 1}
    answer = charge_for(events("100", "10", "80", "90", "10000"), **fields)
    parts = {part.name: (str(part.quantity), str(part.unit_amount), str(part.amount)) for part in answer.parts}
    assert parts == {
        "free": ("100", "0", "0"),
        "percent": ("170", "2.99", "5.083"),
        "per_event": ("2", "0.1", "0.2"),
        "minimum_per_event": ("1", "1.75", "1.75"),
        "maximum_per_event": ("1", "12", "12"),
    }
    assert answer.exact == Decimal("19.033")


def test_amounts_in_cents() -> None:
    """A meter of cents and a unit of dollars: bounds and free amounts are in dollars."""
    rows = events("1000", "8000", "1000000")
    assert charge_for(rows, "100", **CARD).exact == Decimal("16.142")
    assert charge_for(rows, "100", **CARD, free_total=30).exact == Decimal("13.794")


def test_rows_of_several_events() -> None:
    """Groups are enough where single events do not matter: pct-08 by its total and count."""
    four = Usage("m", Decimal(4), events=4)
    assert charge_for([four], percent="2.9", per_event="1").exact == Decimal("4.116")
    assert charge_for([four], percent="2.9", per_event="1", free_events=4).exact == 0
    assert charge_for([four], percent="50", free_total=3).exact == Decimal("0.5")


@pytest.mark.parametrize(
    "fields",
    [
        {"percent": "2.9", "minimum_per_event": "1"},
        {"percent": "2.9", "maximum_per_event": "1"},
        {"percent": "2.9", "free_events": 3},
        {"percent": "2.9", "per_event": "1", "free_total": 3},
    ],
)
def test_groups_are_refused_where_the_answer_hangs_on_each_event(fields: dict[str, str]) -> None:
    """Rather no answer than an average taken for a transaction."""
    with pytest.raises(UsageError, match=r"4 is 4 events, .*; give a row for each"):
        charge_for([Usage("m", Decimal(4), events=4)], **fields)


def test_a_refund_is_no_transaction() -> None:
    """An amount below zero is never given its percentage back."""
    with pytest.raises(UsageError, match="-4 is negative, and a refund is no transaction"):
        charge_for([Usage("m", Decimal(-4), at=at(1))], percent="2.9")


def test_what_is_free_goes_by_time() -> None:
    """The first events are the earliest; those of one time, or of none, are in the order given."""
    early, late = events("10", "1000")
    fields: dict[str, Any] = {"percent": "1", "free_events": 1}
    assert charge_for([late, early], **fields).exact == charge_for([early, late], **fields).exact == 10
    unknown = [Usage("m", Decimal(quantity)) for quantity in ("1000", "10")]
    assert charge_for(unknown, **fields).exact == Decimal("0.1")


def test_parts_of_a_period_share_what_is_free() -> None:
    """A second part knows the events of the first: what they took of the free part is not given twice."""
    price = price_of(percent="1.3", per_event="2.0", free_events=3)
    rows = events(*FOUR)
    first = lines_of(price, rows[:2], MARCH, "USD", Split(last=False))
    earlier = [Usage("m", Decimal(0), before=row.quantity, at=row.at) for row in rows[:2]]
    rest = lines_of(price, (*earlier, *rows[2:]), MARCH, "USD", Split(first=False))
    assert only(first).amount == 0
    assert only(rest).amount == Decimal("7.20")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, 'percent: is missing; write percent = "2.9"'),
        ({"percent": "-1"}, "percent: -1 is not allowed; write a number from zero"),
        ({"percent": "1", "free_events": "1.5"}, "free_events: 1.5 is not a whole number; write free_events = 3"),
        (
            {"percent": "1", "per_event": 2},
            'per_event: 2 is not quoted; money is text in a book, write per_event = "2"',
        ),
        (CARD | {"minimum_per_event": "13"}, "minimum_per_event: 13 is above the maximum, 12; write a smaller one"),
        ({"percent": "1", "included": 5}, "included: a percentage price looks at single events; leave it out"),
        ({"percent": "1", "per_evnt": "5"}, "per_evnt: unknown field; did you mean per_event?"),
    ],
)
def test_mistakes_say_what_to_write(fields: dict[str, Any], said: str) -> None:
    """Each mistake names its field, and what to write instead."""
    with pytest.raises(BookError) as caught:
        read_price("fees", table(**fields), "USD")
    assert said in str(caught.value)


cents = st.integers(0, 10**9).map(lambda number: Decimal(number).scaleb(-2))
amounts = st.lists(cents, max_size=8)
percents = st.decimals(0, 100, places=4)
fields = st.fixed_dictionaries(
    {"percent": percents.map(str), "per_event": cents.map(str)},
    optional={"free_events": st.integers(0, 5), "free_total": cents.map(str), "maximum_per_event": cents.map(str)},
)


def by_fractions(quantities: list[Decimal], written: dict[str, Any]) -> Fraction:
    """The same by plain fractions, event by event."""
    owed, left = Fraction(0), Fraction(written["free_total"]) if "free_total" in written else None
    paying = [Fraction(quantity) for quantity in quantities if quantity]
    for place, quantity in enumerate(paying):
        early = place < written["free_events"] if "free_events" in written else left is not None
        free = (quantity if left is None else min(quantity, left)) if early else Fraction(0)
        left = None if left is None else left - free
        if free < quantity:
            fee = (quantity - free) * Fraction(written["percent"]) / 100 + Fraction(written["per_event"])
            owed += min(fee, Fraction(written["maximum_per_event"])) if "maximum_per_event" in written else fee
    return owed


@given(amounts, fields)
def test_it_equals_plain_fractions(quantities: list[Decimal], written: dict[str, Any]) -> None:
    """Whatever is free and bounded: exact to the last digit."""
    assert Fraction(charge_for(events(*quantities), **written).exact) == by_fractions(quantities, written)


@given(amounts, fields, st.randoms())
def test_the_order_of_rows_does_not_matter(quantities: list[Decimal], written: dict[str, Any], random: Any) -> None:
    """Events have their time: however a reader gives them, the same are free, to the last part."""
    rows = list(events(*quantities))
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert charge_for(shuffled, **written) == charge_for(rows, **written)


@given(amounts, cents, fields)
def test_one_more_event_never_costs_less(quantities: list[Decimal], more: Decimal, written: dict[str, Any]) -> None:
    """A later transaction adds to what is owed, or leaves it."""
    fewer, all_of_them = events(*quantities), events(*quantities, more)
    assert charge_for(all_of_them, **written).exact >= charge_for(fewer, **written).exact >= 0
