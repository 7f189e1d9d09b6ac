"""How far what a plan includes is used: pools, peaks and what has no limit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from meter.rating.allowance import Allowance, allowances
from meter.rating.invoice import rate
from meter.rating.periods import Period
from meter.rating.usage import PEAK, Usage
from tests.rating.cast import demo_plan

NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "UTC")


def of(plan: str, *usage: Usage) -> dict[str, Allowance]:
    """Answer the allowances of a plan after some usage, by price."""
    named = demo_plan(plan)
    rated = rate(named, usage, NOVEMBER, "USD")
    return {each.price.id: each for each in allowances(named, usage, rated.lines)}


def test_nothing_used_leaves_everything() -> None:
    """A price that includes something is there before it is used; one that includes nothing is not."""
    found = of("cloud/payg")
    assert found.keys() == {"cpu", "memory", "storage", "requests"}
    assert found["cpu"][1:] == (Decimal(744), Decimal(0), Decimal(744), Decimal(0), Decimal(0), Decimal(0))


def test_part_of_what_is_included() -> None:
    """Core-seconds come in; core-hours and percents of two decimals come out."""
    found = of("cloud/payg", Usage("cpu", Decimal(3_600 * 100), "ann", divisor=Decimal(3_600)))["cpu"]
    assert (found.used, found.remaining, found.percent) == (Decimal(100), Decimal(644), Decimal("13.44"))
    assert (found.overage, found.overage_cost) == (Decimal(0), Decimal(0))


def test_a_pool_is_shared() -> None:
    """A thousand tokens embedded are a credit, and so is a call; beyond the pool each costs 0.002."""
    found = of("credits/starter", Usage("requests", Decimal(400)), Usage("embedding", Decimal(200_500)))["credits"]
    assert (found.used, found.remaining, found.percent) == (Decimal("600.5"), Decimal(0), Decimal("120.1"))
    assert (found.overage, found.overage_cost) == (Decimal("100.5"), Decimal("0.20"))


def test_without_limit_there_is_nothing_left_to_count() -> None:
    """Used is told; remaining and percent are not."""
    found = of("calls/enterprise", Usage("requests", Decimal(10**9)))["requests"]
    assert found[1:] == (None, Decimal(10**9), None, None, Decimal(0), Decimal(0))


def test_a_peak_is_counted_in_cores() -> None:
    """The tier includes two cores; the third is the overage, core-hours are nothing to it."""
    cpu = Usage("cpu", Decimal(3_600 * 9), divisor=Decimal(3_600))
    found = of("cloud/basic", cpu, Usage("cpu", Decimal(3), measure=PEAK))["cpu_peak"]
    assert (found.used, found.overage, found.overage_cost) == (Decimal(3), Decimal(1), Decimal("0.10"))
