"""What a part of a period adds, tier by tier, and what was taken off of each."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from meter.rating.asked import asked_plan
from meter.rating.invoice import rate
from meter.rating.split import Split
from meter.rating.table import BookError
from meter.rating.usage import Usage
from tests.rating.cast import MARCH

TIERS = {"model": "graduated", "tiers": [{"up_to": 10, "unit_amount": "1", "flat": "5"}, {"unit_amount": "0.5"}]}
LAST = Split(first=False)


def portions(price: Mapping[str, Any], usage: Usage, split: Split) -> list[tuple[str, ...]]:
    """Tier, quantity, amount and what was taken off, of each portion; all of them sum to the line."""
    rated = rate(asked_plan({"p": price}, "USD"), [usage], MARCH, "USD", split)
    steps = [step.facts for line in rated.lines for step in line.derivation if step.name == "portion"]
    left = sum((Decimal(each["amount"]) - Decimal(each["off"]) for each in steps), Decimal(0))
    assert not steps or left == sum(line.exact for line in rated.lines if line.kind == "usage")
    return [(f"{each['tier']} {each['of']}", each["quantity"], each["amount"], each["off"]) for each in steps]


@pytest.mark.parametrize(
    ("price", "used", "before", "expected"),
    [
        (TIERS, 7, 0, []),
        (TIERS | {"discount": 50}, 2, 0, [("1 flat", "1", "5", "2.5"), ("1 units", "2", "2", "1")]),
        (TIERS, 7, 8, [("1 units", "2", "2", "0"), ("2 units", "5", "2.5", "0")]),
        (TIERS | {"maximum": "14"}, 7, 8, [("1 units", "2", "2", "1"), ("2 units", "5", "2.5", "2.5")]),
        (
            TIERS | {"discount": 10, "maximum": "12"},
            7,
            8,
            [("1 units", "2", "2", "1.7"), ("2 units", "5", "2.5", "2.5")],
        ),
        (TIERS, 0, 8, []),
        (TIERS | {"model": "volume"}, 7, 8, [("2 units", "15", "7.5", "0")]),
    ],
)
def test_portions(price: Mapping[str, Any], used: int, before: int, expected: list[tuple[str, ...]]) -> None:
    """Of a whole period without discounts none: the steps of the price say it all."""
    split = LAST if before else Split()
    assert portions(price, Usage("p", Decimal(used), before=Decimal(before)), split) == expected


def test_services_at_their_minimum_leave_no_portions() -> None:
    """The line's parts are of all services then, also of those that left it."""
    price = {"unit_amount": "0.01", "minimum_per_service": "1", "discount": 10}
    plan = asked_plan({"p": price}, "USD")
    usage = [Usage("p", Decimal(1000), service="web"), Usage("p", Decimal(1), service="cron")]
    lines = rate(plan, usage, MARCH, "USD").lines
    assert [line.kind for line in lines] == ["usage", "minimum"]
    assert [step.name for line in lines for step in line.derivation if step.name == "portion"] == []


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({}, "prices: there is none"),
        ({"a": {"meter": "m", "unit_amount": "1"}, "b": {"meter": "m", "unit_amount": "1"}}, "a and b both price m"),
        ({"A": {"unit_amount": "1"}}, "'A' is not a name"),
        ({"a": {"model": "flat", "unit_amount": "1", "meter": "m"}}, "[prices.a] meter: unknown field"),
    ],
)
def test_own_prices_are_read_as_those_of_a_book(prices: Mapping[str, Any], said: str) -> None:
    """The same mistakes, told by the path from `prices` on."""
    with pytest.raises(BookError) as raised:
        asked_plan(prices, "USD")
    assert said in str(raised.value)
