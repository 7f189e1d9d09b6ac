"""Graduated percentages: each part of an amount at the percentage of its tier."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.rating.models.asked import charge, lines, owed, parts, priced

TIERS = [
    {"up_to": 10, "percent": 1, "flat": "200"},
    {"up_to": 20, "percent": 2, "flat": "300"},
    {"percent": 3, "flat": "400"},
]
PRICE = priced("graduated_percentage", tiers=TIERS)


@pytest.mark.parametrize(
    ("amount", "exact"),
    [
        ("0", "0"),  # a percentage of nothing, and no fee
        ("1", "200.01"),  # lago-gpct-02
        ("10", "200.1"),  # lago-gpct-03
        ("10.01", "500.1002"),
        ("11", "500.12"),  # lago-gpct-04
        ("20", "500.3"),
        ("21", "900.33"),  # lago-gpct-06
        ("1000000000000000000", "30000000000000899.7"),
    ],
)
def test_each_part_of_an_amount_at_its_tiers_percentage(amount: str, exact: str) -> None:
    """The model alone, and a whole period of it, come to the same."""
    assert charge(PRICE, amount).exact == Decimal(exact)
    assert sum(line.exact for line in lines(PRICE, amount)) == Decimal(exact)


def test_parts_are_told_by_tier() -> None:
    """The percentage is what 100 cost."""
    charged = charge(PRICE, 11)
    assert parts(charged) == [
        "1 flat 1 x 200 = 200",
        "1 percent 10 x 1 = 0.1",
        "2 flat 1 x 300 = 300",
        "2 percent 1 x 2 = 0.02",
    ]
    assert {part.per for part in charged.parts if part.name == "percent"} == {100}


def test_the_first_fee_may_be_owed_without_anything() -> None:
    """`flat_at_zero = true` in the first tier."""
    first = {**TIERS[0], "flat_at_zero": True}
    assert owed(lines(priced("graduated_percentage", tiers=[first, *TIERS[1:]]))) == "200"


@pytest.mark.parametrize(
    ("quantity", "before", "part", "amount"),
    [(10, 11, "mid", "400.21"), (9, 1, "first", "200.1"), (0, 11, "last", "0")],
)
def test_a_part_of_the_period_adds_what_is_new(quantity: int, before: int, part: str, amount: str) -> None:
    """Fees of tiers that were reached before are not owed again; from 11 to 21 it is 9 at 2 and 1 at 3 percent."""
    if part == "first":
        quantity, before = quantity + before, 0
    assert owed(lines(PRICE, quantity, before, part)) == amount
