"""Where a period ends if it goes on as it has begun: proportion, what it adds to the bill, and what nobody can say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.periods import Period
from meter.rating.projection import Pace, Projected, at_end, pace, projections
from meter.rating.usage import PEAK, Usage
from tests.rating.cast import MARCH, demo_plan, per_unit, plan_of, rated, used

DAY = timedelta(days=1)
HALF = Pace(Decimal(1), Decimal(2))
SHORT = Period(MARCH.start, MARCH.start + timedelta(hours=5), "UTC")


def at(**after: float) -> Pace | None:
    """Answer the pace of March after some time of it."""
    return pace(MARCH, None, MARCH.start + timedelta(**after))


def of(plan: str, *usage: Usage, known: Pace = HALF) -> dict[str, Projected]:
    """Answer what a demo plan's prices come to, by price."""
    return {each.price.id: each for each in projections(demo_plan(plan), usage, known, "USD")}


def test_nothing_is_said_before_a_day_is_over() -> None:
    """Nor before the period; of a short one before a tenth of it is."""
    assert at(days=-1) is None
    assert at(seconds=86_399) is None
    assert at(days=1) == Pace(Decimal(86_400 * 10**6), Decimal(31 * 86_400 * 10**6))
    assert pace(SHORT, None, SHORT.start + timedelta(minutes=29)) is None
    assert pace(SHORT, None, SHORT.start + timedelta(minutes=30)) is not None


def test_it_counts_from_the_first_plan() -> None:
    """A team that came on the 21st has eleven days; one that came before, or comes later, all of them."""
    begun = MARCH.start + 20 * DAY
    found = pace(MARCH, begun, begun + 2 * DAY)
    assert found is not None
    assert found.whole / found.over == Decimal("5.5")
    assert pace(MARCH, begun, begun + timedelta(hours=23)) is None
    for other in (MARCH.start - DAY, MARCH.end):
        assert pace(MARCH, other, begun) == pace(MARCH, None, begun)


def test_a_period_that_is_over_is_what_it_was() -> None:
    """To the last digit, also of prices whose last unit nobody can price before."""
    known = at(days=40)
    assert known is not None
    assert at_end(Decimal("0.1234567890123"), known) == Decimal("0.1234567890123")
    found = of("cloud/basic", used("cpu", 3, measure=PEAK), known=known)["cpu_peak"]
    assert found.more == 0


def test_a_clock_change_makes_a_day_longer() -> None:
    """Time that went by counts, not dates: October has an hour more in Paris."""
    october = Period(datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC), "Europe/Paris")
    found = pace(october, None, october.start + DAY)
    assert found is not None
    assert found.whole * 24 == found.over * (31 * 24 + 1)


@given(
    quantity=st.decimals(0, 10**12, places=6),
    over=st.integers(1, 2_678_400),
    whole=st.integers(1, 2_678_400),
)
def test_in_proportion(quantity: Decimal, over: int, whole: int) -> None:
    """To twelve places, and never less than there is."""
    whole = max(over, whole)
    found = at_end(quantity, Pace(Decimal(over), Decimal(whole)))
    assert found >= quantity
    assert abs(found * over - quantity * whole) <= Decimal("1e-12") * over


def test_what_is_included_is_free_then_too() -> None:
    """300 credits by the middle are 600 at the end: 100 over, for 0.20; below what is included it is nothing."""
    usage = used("requests", 200), used("embedding", 100_000)
    pool = of("credits/starter", *usage)["credits"]
    assert pool[1:] == (Decimal(600), Decimal(100), Decimal("0.20"))
    assert of("credits/starter", used("requests", 250))["credits"][1:] == (Decimal(500), Decimal(0), Decimal(0))
    assert of("credits/starter")["credits"][1:] == (Decimal(0), Decimal(0), Decimal(0))
    assert of("calls/enterprise", used("requests", 10**6))["requests"][1:] == (
        Decimal(2 * 10**6),
        Decimal(0),
        Decimal(0),
    )


def test_stored_seconds_come_out_as_hours() -> None:
    """500 core-hours by the middle are 1,000, 256 beyond what is included."""
    found = of("cloud/payg", used("cpu", 3_600 * 500, divisor=3_600))["cpu"]
    assert (found.used, found.overage) == (Decimal(1_000), Decimal(256))
    plan = demo_plan("cloud/payg")
    first, both = (rated(plan, used("cpu", 3_600 * n, divisor=3_600)).total for n in (500, 1_000))
    assert found.more == both - first


@pytest.mark.parametrize("now", [1, 10, 55, 100, 400])
def test_more_is_what_rating_says_of_twice_as_much(now: int) -> None:
    """Across tiers and their flat fees."""
    plan = plan_of(
        'prices.calls = { title = "Calls", meter = "requests", unit = "request", included = 3, model = "graduated", '
        'tiers = [{ up_to = 100, unit_amount = "1.00", flat = "2" }, { unit_amount = "0.50", flat = "5" }] }'
    )
    (found,) = projections(plan, [used("requests", now)], HALF, "USD")
    assert isinstance(found.more, Decimal)
    assert found.more == rated(plan, used("requests", 2 * now)).total - rated(plan, used("requests", now)).total


def test_a_line_is_rounded_once() -> None:
    """Half a cent each: three more are two cents."""
    (found,) = projections(per_unit(unit_amount='"0.005"'), [used("requests", 3)], HALF, "USD")
    assert found.more == Decimal("0.02")


def test_what_nobody_can_say() -> None:
    """A peak does not add up; of a minimum the units are told, and not the money."""
    peak = of("cloud/basic", used("cpu", 3, measure=PEAK), used("cpu", 3_600, divisor=3_600))["cpu_peak"]
    assert peak[1:] == (None, None, "by_peak")
    (least,) = projections(per_unit(minimum='"5"'), [used("requests", 3)], HALF, "USD")
    assert least[1:] == (Decimal(6), Decimal(6), "minimum")
