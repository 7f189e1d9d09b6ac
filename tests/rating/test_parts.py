"""Parts of a period and cells of a price, where a sum would come out wrong without anybody noticing."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from meter.rating.asked import asked_plan
from meter.rating.charge import total
from meter.rating.invoice import rate
from meter.rating.split import WHOLE, Split
from meter.rating.table import BookError
from meter.rating.usage import Usage, UsageError
from tests.rating.cast import MARCH, only, shown

if TYPE_CHECKING:
    from meter.rating.invoice import Rated

FIRST, LAST = Split(last=False), Split(first=False)
CELLS = {
    "model": "matrix",
    "rates": [{"when": {"model": "a"}, "unit_amount": "1"}, {"when": {"model": "b"}, "unit_amount": "2"}],
}
VOLUME = {"model": "volume", "tiers": [{"up_to": 10, "unit_amount": "2"}, {"unit_amount": "1"}]}


def by(price: dict[str, Any], *usage: Usage, split: Split = WHOLE) -> Rated:
    """Rate what was used of `m` by one price."""
    return rate(asked_plan({"p": {"meter": "m", **price}}, "USD"), usage, MARCH, "USD", split)


def row(quantity: str | int, member: str | None = None, service: str | None = None, **more: Any) -> Usage:
    """A row of `m`."""
    return Usage("m", Decimal(quantity), member, service, **more)


def members(result: Rated) -> list[dict[str | None, str]]:
    """Whose each line is."""
    return [{part.member: str(part.amount) for part in line.members} for line in result.lines]


def test_a_service_has_its_minimum_once_in_all_cells() -> None:
    """3 and 6 are below 10 together, 50 and 2 are not: neither is judged cell by cell."""
    a, b = (("model", "a"),), (("model", "b"),)
    usage = (
        row(3, None, "low", dimensions=a),
        row(3, None, "low", dimensions=b),
        row(50, None, "high", dimensions=a),
        row(1, None, "high", dimensions=b),
    )
    lines = by(CELLS | {"minimum_per_service": "10"}, *usage).lines
    assert [(line.kind, line.cell, str(line.amount)) for line in lines] == [
        ("usage", "a", "50.00"),
        ("usage", "b", "2.00"),
        ("minimum", "", "10.00"),
    ]


@pytest.mark.parametrize(
    "conversion",
    [
        {"operation": "divide", "factor": 1000, "rounding": "ceiling"},
        {"operation": "multiply", "factor": "0.001"},
        {"operation": "divide", "factor": 1000},
    ],
)
def test_a_minimum_per_service_holds_for_what_is_converted(conversion: dict[str, Any]) -> None:
    """A service's part is 1 of 51 in whichever units: 1.00, lifted to 10."""
    price = {"unit_amount": "1", "minimum_per_service": "10", "conversion": conversion}
    usage, lifted = by(price, row(1_000, None, "low"), row(50_000, None, "high")).lines
    assert shown(usage.quantity, usage.amount, lifted.amount) == ("50", "50.00", "10.00")


def test_a_minimum_per_service_is_not_for_events_that_say_what_they_cost() -> None:
    """Their quantity, which may be none, tells no service's part."""
    with pytest.raises(BookError, match="minimum_per_service"):
        by({"model": "dynamic", "amount": "money", "minimum_per_service": "1"})


def test_a_peak_is_owed_when_the_period_ends() -> None:
    """5 so far and 8 in the end are 8, not 13; earlier usage needs no peak of its own."""
    price = {"unit_amount": "1", "measure": "peak"}
    first = by(price, row(5, "alice"), row(5, measure="peak"), split=FIRST)
    last = by(price, row(1, "alice", before=Decimal(5)), row(8, measure="peak"), split=LAST)
    assert shown(first.total, last.total) == ("0.00", "8.00")
    assert by(price, row(5, "alice"), split=FIRST).total == 0
    with pytest.raises(UsageError, match="needs the peak"):
        by(price, row(5, "alice"))


def test_a_row_of_several_events_lies_in_one_part() -> None:
    """It doesn't say how many came before, and a fee for each would be owed for none of the later ones."""
    with pytest.raises(UsageError, match="several events lie in one part"):
        row(500, before=Decimal(500), events=10)
    price = {"model": "percentage", "percent": "1", "per_event": "0.30"}
    last = by(price, row(0, before=Decimal(500), events=5), row(500, events=5), split=LAST)
    assert last.total == Decimal("6.50")


def test_seats_that_came_and_went_are_paid() -> None:
    """None more in the end, and yet two and a half were paid for."""
    assert by({"model": "seats", "unit_amount": "10"}, row(0, "alice", prorated=Decimal("2.5"))).total == 25


def test_whose_a_volume_is_counts_from_the_beginning() -> None:
    """It is owed only at the end, by all who made it, also before the last part."""
    whole = by(VOLUME, row(900, "alice"), row(100, "bob"))
    last = by(VOLUME, row(0, "alice", before=Decimal(900)), row(100, "bob"), split=LAST)
    assert members(last) == members(whole) == [{"alice": "900.00", "bob": "100.00"}]


def test_what_is_taken_back_is_taken_from_whom_it_was_billed() -> None:
    """A service moved to its minimum at the end: its usage line comes off as it was shared, discount and all."""
    price = {"unit_amount": "1", "minimum_per_service": "1000", "discount": 10}
    first = by(price, row(90, "alice", "s"), row(10, "bob", "s"), split=FIRST)
    earlier = (row(0, "alice", "s", before=Decimal(90)), row(0, "bob", "s", before=Decimal(10)))
    last = by(price, *earlier, split=LAST)
    assert members(first) == [{"alice": "81.00", "bob": "9.00"}]
    assert members(last) == [{"alice": "900.00", "bob": "100.00"}, {"alice": "-81.00", "bob": "-9.00"}]
    assert all(line.amount == line.gross - total(each.amount for each in line.discounts) for line in last.lines)


def test_what_events_cost_is_whose_they_are() -> None:
    """One unit for 100 and 99 for nothing: who used the one pays."""
    usage = (row(1, "alice", money=Decimal(100)), row(99, "bob", money=Decimal(0)))
    assert members(by({"model": "dynamic", "amount": "money"}, *usage)) == [{"alice": "100.00", "bob": "0.00"}]


@pytest.mark.parametrize("discount", [0, 50])
def test_what_was_billed_wrongly_before_is_no_discount(discount: int) -> None:
    """Made up for in the amount; what was taken off stays what the price takes off."""
    billed = Split(first=False, billed={"p": Decimal(9)})
    line = only(by({"unit_amount": "1", "discount": discount}, row(2, before=Decimal(4)), split=billed).lines)
    assert line.amount == Decimal(6 * (100 - discount)) / 100 - 9
    assert total(each.amount for each in line.discounts) == Decimal(2 * discount) / 100
    assert line.amount == line.gross - total(each.amount for each in line.discounts)


def test_unpriced_usage_is_in_the_units_of_its_meter() -> None:
    """Whatever a pool counts it as."""
    price = CELLS | {"counts": {"m": 3}}
    (unpriced,) = by(price, row(5, dimensions=(("model", "z"),))).unpriced
    assert unpriced.quantity == 5


def test_what_is_missing_to_a_minimum_is_nobodys() -> None:
    """Those who used little did not use what is missing, as at the minimum of an invoice."""
    result = by({"unit_amount": "1", "minimum": "10"}, row(1, "alice"), row(2, "bob"))
    assert members(result) == [{"alice": "1.00", "bob": "2.00"}, {None: "7.00"}]


@pytest.mark.parametrize("when", [MARCH.end, MARCH.start - timedelta(microseconds=1)])
def test_usage_of_another_period_is_refused(when: datetime) -> None:
    """It has its own bill; a level that was there before goes on."""
    with pytest.raises(UsageError, match="is not in the period"):
        by({"unit_amount": "1"}, row(1, at=when))
    assert by({"unit_amount": "1"}, row(1, at=MARCH.start)).total == 1
    before = row(1, at=MARCH.start - timedelta(days=9))
    assert by({"model": "seats", "unit_amount": "3", "prorate": "days"}, before).total == 3
