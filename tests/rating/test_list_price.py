"""What usage costs at list price: exact, by the price that counts it, and never zero where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from meter.list_price import Cost, Tariffs
from meter.rating import list_price
from meter.rating.list_price import Listed
from tests.rating.cast import demo_plan

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("plan", "meter", "quantity", "divisor", "cost"),
    [
        ("credits/payg", "tokens.input", "6548", "1", "0.09822"),  # S3.2
        ("credits/payg", "tokens.output", "108", "1", "0.00486"),
        ("credits/starter", "embedding", "500", "1", "0.001"),  # half a credit, at 2.00 per 1,000
        ("credits/starter", "requests", "1", "1", "0.002"),
        ("calls/pro", "requests", "1", "1", "0.01"),  # included or not: the list price of one more
        ("calls/enterprise", "requests", "7", "1", "0"),  # free without limit
        ("cloud/payg", "cpu", "7200", "3600", "0.1"),
        ("cloud/payg", "cpu", "1", "3600", "0.0000138888888888888888888888888888888889"),
        ("cloud/payg", "requests", "1", "1", "0.00001"),
    ],
)
def test_cost_at_list_price(plan: str, meter: str, quantity: str, divisor: str, cost: str) -> None:
    """Quantity times the weight in a pool times price, over per and divisor."""
    price = list_price.listed(demo_plan(plan), meter)
    assert isinstance(price, Listed)
    assert price.currency == "USD"
    assert list_price.cost(price, Decimal(quantity), Decimal(divisor)) == Decimal(cost)


@pytest.mark.parametrize(
    ("plan", "meter", "reason"),
    [
        ("credits/payg", "cpu", "unpriced"),
        ("credits/payg", "requests", "unbilled"),
        ("cloud/basic", "cpu", "by_peak"),
        ("cloud/payg", "response_time", "unbilled"),
    ],
)
def test_no_price_has_a_reason(plan: str, meter: str, reason: str) -> None:
    """What has no price of its own says why."""
    assert list_price.listed(demo_plan(plan), meter) == reason


def test_the_plan_of_the_time_counts() -> None:
    """Each event costs what its own time's plan says; before there was one it has no price."""
    starts = [NOW - timedelta(days=30), NOW + timedelta(days=10)]
    tariffs = Tariffs(starts, [demo_plan("calls/free"), demo_plan("calls/enterprise")], "USD")
    one = Decimal(1)
    times = [NOW + timedelta(days=days) for days in (-31, -1, 9, 10)]
    costs = [tariffs.cost("requests", at, one, one, billable=True).amount for at in times]
    assert costs == [None, Decimal("0.01"), Decimal("0.01"), Decimal(0)]
    assert tariffs.cost("requests", NOW, one, one, billable=False) == Cost(None, None, "not_billable")
    assert tariffs._replace(currency="EUR").cost("requests", NOW, one, one, billable=True).reason == "other_currency"
    assert Tariffs([], [], "USD").cost("requests", NOW, one, one, billable=True).reason == "no_plan"
