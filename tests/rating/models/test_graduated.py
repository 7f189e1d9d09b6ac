"""Graduated prices: tier by tier, the fees of tiers reached, and parts of a period."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from meter.rating.invoice import lines_of
from tests.rating.cast import MARCH, used
from tests.rating.models.asked import charge, discounted, lines, owed, parts, priced, tier

if TYPE_CHECKING:
    from meter.rating.price import Price

LAGO = priced("graduated", tiers=[tier(10, "10", "2"), tier(20, "5", "3"), tier(None, "5", "3")])
FOUR = [tier(5, "0", "100"), tier(10, None, "50"), tier(15, "5"), tier(None, "1")]
OPEN = priced("graduated", tiers=FOUR)
TOTALS = priced("graduated", tiers=[tier(5, None, "100"), tier(10, None, "50"), tier(15, "10"), tier(None, "5")])
FREE_FIRST = priced("graduated", tiers=[tier("0.01", "0", "0"), tier(10, "10", "2"), tier(None, "5", "3")])
DECIMALS = priced("graduated", tiers=[tier("0.1", "10", "0"), tier(1, "5", "0"), tier(None, "2", "0")])


@pytest.mark.parametrize(
    ("price", "quantity", "exact"),
    [
        (LAGO, "0", "2"),  # lago-grad-01: the first tier's fee without usage
        (LAGO, "1", "12"),  # lago-grad-02
        (LAGO, "10", "102"),
        (LAGO, "10.000000000001", "105.000000000005"),  # past the bound is in the next tier, and owes its fee
        (LAGO, "11", "110"),  # lago-grad-04
        (LAGO, "20", "155"),
        (LAGO, "21", "163"),
        (FREE_FIRST, "0", "0"),  # lago-grad-07
        (FREE_FIRST, "0.01", "0"),
        (FREE_FIRST, "0.02", "2.1"),
        (DECIMALS, "0.05", "0.5"),  # lago-grad-08
        (DECIMALS, "0.1", "1"),
        (DECIMALS, "1", "5.5"),
        (DECIMALS, "2.5", "8.5"),
        (OPEN, "22", "182"),  # om-grad-02
        (TOTALS, "3", "100"),  # om-gradtot-02
        (TOTALS, "5", "100"),  # om-gradtot-03: a bound belongs to the tier it ends
        (TOTALS, "5.5", "150"),
        (TOTALS, "22", "235"),  # om-gradtot-07
    ],
)
def test_each_unit_costs_what_its_tier_says(price: Price, quantity: str, exact: str) -> None:
    """The model alone, and a whole period of it, come to the same."""
    assert charge(price, quantity).exact == Decimal(exact)
    assert sum(line.exact for line in lines(price, quantity)) == Decimal(exact)


def test_parts_are_told_by_tier() -> None:
    """Fee first, then units: a part where their price is zero, none where they have no price (om-grad-02)."""
    assert parts(charge(OPEN, 22)) == [
        "1 flat 1 x 100 = 100",
        "1 units 5 x 0 = 0",
        "2 flat 1 x 50 = 50",
        "3 units 5 x 5 = 25",
        "4 units 7 x 1 = 7",
    ]
    assert parts(charge(OPEN, 0)) == ["1 flat 1 x 100 = 100"]
    assert charge(OPEN, 22).unit_amount is None


def test_the_first_fee_may_wait_for_usage() -> None:
    """`flat_at_zero = false`: nothing used, nothing owed."""
    price = priced("graduated", tiers=[tier(10, "1", "2", flat_at_zero=False), tier(None, "1")])
    assert lines(price, 0) == ()
    assert owed(lines(price, "0.01")) == "2.01"


@pytest.mark.parametrize(
    ("fields", "quantity", "before", "part", "billed", "amounts"),
    [
        ({}, 10, 12, "mid", None, ["22"]),  # om-grad-03: usage from 12 to 22
        ({"minimum": "1000"}, 0, 0, "last", "100", ["900"]),  # om-grad-04
        ({"minimum": "1000"}, 0, 2, "last", "100", ["900"]),  # om-grad-05
        ({"minimum": "1000"}, 0, 2, "mid", None, []),  # om-grad-06
        ({"maximum": "170"}, 10, 12, "mid", "160", ["10"]),  # om-grad-07
        ({}, 3, 0, "first", None, ["100"]),
        ({}, 5, 3, "mid", None, ["50"]),  # from 3 to 8: the second tier's fee and nothing else
        ({}, 4, 8, "last", None, ["10"]),  # from 8 to 12: two units of the third
        ({"included": 10}, 10, 12, "mid", None, ["60"]),  # free units are not given twice: 2 to 12 is 50 and 2 x 5
        ({"discount": 50}, 10, 12, "mid", None, ["11"]),
    ],
)
def test_a_part_of_the_period_adds_what_is_new(
    fields: dict[str, object], quantity: int, before: int, part: str, billed: str | None, amounts: list[str]
) -> None:
    """Tier positions go on, fees are owed once, minimum and maximum are those of the whole period."""
    asked = lines(priced("graduated", tiers=FOUR, **fields), quantity, before, part, billed)
    assert [owed((line,)) for line in asked] == amounts


def test_a_cap_reached_inside_a_tier_is_told_by_tier() -> None:
    """om-grad-07: 22 come about, 12 are taken off, and what is left of each tier is told."""
    (line,) = lines(priced("graduated", tiers=FOUR, maximum="170"), 10, 12, "mid", "160")
    assert discounted(line) == "22.00 - 12.00 = 10.00"
    kept = [step.facts for step in line.derivation if step.name == "portion"]
    assert [(facts["tier"], facts["amount"], facts["off"]) for facts in kept] == [("3", "15", "5"), ("4", "7", "7")]


def test_bounds_are_in_converted_units() -> None:
    """om-conv-09: 7,400 are 8 begun thousands, 5 in the first tier and 3 in the second."""
    price = priced(
        "graduated",
        tiers=[tier(5, "1"), tier(None, "0.5")],
        conversion={"operation": "divide", "factor": 1000, "rounding": "ceiling"},
    )
    assert owed(lines(price, 7400)) == "6.5"


@pytest.mark.parametrize(
    ("seconds", "exact"), [(3600 * 10, "10"), (3600 * 10 + 1, "10.0001388888888888888888888888888888888889")]
)
def test_bounds_are_in_the_meters_unit(seconds: int, exact: str) -> None:
    """Ten hours are ten hours where the reader stores seconds; one second more is in the next tier."""
    price = priced("graduated", tiers=[tier(10, "1"), tier(None, "0.5")])
    assert charge(price, seconds, 3600).exact == Decimal(exact)


def test_thirds_of_several_tiers_are_whole() -> None:
    """Three tiers at a third of a unit each are one unit, not a 40th place less: 0.005 is a cent."""
    tiers = [tier(1, "0.005", per=3), tier(2, "0.005", per=3), tier(None, "0.005", per=3)]
    price = priced("graduated", tiers=tiers)
    assert charge(price, 3).exact == Decimal("0.005")
    assert owed(lines(price, 3)) == "0.01"


def test_quintillions_at_trillionths_are_exact() -> None:
    """10^18 units in two tiers, down to the last digit of the price."""
    price = priced("graduated", tiers=[tier(10**17, "0.000000000003"), tier(None, "0.000000000001")])
    assert charge(price, 10**18).exact == 300_000 + 900_000
    assert charge(price, "1000000000000000000.000000000001").exact == Decimal("1200000.000000000000000000000001")


def test_members_share_a_line_by_quantity() -> None:
    """Whoever used more pays more of it, tiers and fees alike."""
    rows = (used("m", 15, "alice"), used("m", 5, "bob"))
    (line,) = lines_of(LAGO, rows, MARCH, "USD")
    assert [(each.member, str(each.amount)) for each in line.members] == [("alice", "116.25"), ("bob", "38.75")]
