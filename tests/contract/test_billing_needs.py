"""Prices by label, time of day, level and event: what is read from the buckets is rated as by hand, on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from meter import billable
from meter.model import Event
from meter.rating.invoice import rate
from meter.rating.periods import month_period
from sql import statement
from tests.contract.place import NOW, Place, ask, send
from tests.rating.cast import plan_of

if TYPE_CHECKING:
    from meter.rating.book import Plan
    from meter.rating.invoice import Rated

pytestmark = pytest.mark.slow
BERLIN = "Europe/Berlin"  # on 25 October 2026 its clocks go back at three: 25 hours


async def billed(place: Place, plan: Plan, instant: datetime, zone: str) -> Rated:
    """Answer what a month costs by what is stored."""
    period = month_period(instant, zone)
    async with place.pool.connection() as conn, conn.transaction():
        await conn.execute(statement("begin_reading"))
        found = await billable.read(conn, place.team.id, period, billable.whole(period, plan.needs))
    return rate(plan, found.usage, period, "USD")


def calls(number: int, at: datetime, quantity: int = 1, **labels: str) -> Event:
    """Make an event of requests."""
    return Event(f"c{number}", at, "requests", quantity, dimensions=labels)


async def rolled_up(place: Place) -> None:
    """Roll everything up."""
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")


def amounts(result: Rated) -> dict[str, str]:
    """Answer what each line comes to."""
    return {line.description: str(line.amount) for line in result.lines}


async def test_a_matrix_goes_by_the_labels_of_series(place: Place) -> None:
    """Two models have prices of their own, the third is told as unpriced and never billed as zero."""
    plan = plan_of("""
        [plans.plan.prices.calls]
        title = "Calls"
        meter = "requests"
        unit = "request"
        model = "matrix"
        rates = [
            { when = { model = "small" }, unit_amount = "0.01" },
            { when = { model = "large" }, unit_amount = "0.05" },
        ]
    """)
    first = NOW - timedelta(days=3)
    models = ["small", "large", "small", "odd", "large"]
    events = [calls(n, first + timedelta(hours=n), 10, model=model) for n, model in enumerate(models)]
    receipt = await send(place, *events)
    assert receipt.accepted == len(models)
    for _ in range(2):
        result = await billed(place, plan, NOW, "UTC")
        assert amounts(result) == {"Calls, small": "0.20", "Calls, large": "1.00"}
        assert [(each.meter, each.quantity) for each in result.unpriced] == [("requests", Decimal(10))]
        await rolled_up(place)


async def test_the_time_of_day_is_that_of_the_wall(place: Place) -> None:
    """Each minute of the day on which a clock goes back is billed by what the clock showed, the hour twice too."""
    plan = plan_of("""
        [plans.plan.prices.calls]
        title = "Calls"
        meter = "requests"
        unit = "request"
        model = "time_of_day"
        rates = [{ from = "02:20", to = "07:00", days = ["sun"], unit_amount = "1", title = "Sunday night" }]
        otherwise = { unit_amount = "0.01", title = "else" }
    """)
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)  # in Berlin
    events = [calls(n, midnight + timedelta(minutes=5 * n)) for n in range(25 * 12)]
    receipt = await send(place, *events)
    assert receipt.accepted == 25 * 12
    # 02:20 to 03:00 comes twice, then 03:00 to 07:00.
    night = 2 * 8 + 4 * 12
    for _ in range(2):
        result = await billed(place, plan, midnight, BERLIN)
        assert amounts(result) == {
            "Calls, Sunday night": f"{night}.00",
            "Calls, else": f"{Decimal(25 * 12 - night) / 100:.2f}",
        }
        await rolled_up(place)


async def test_a_percentile_counts_quiet_quarters(place: Place) -> None:
    """Of 2,880 quarters of November the 95th percentile leaves out the 144 highest: one of 145 busy ones is paid."""
    plan = plan_of("""
        [plans.plan.prices.burst]
        title = "Cores"
        meter = "cpu"
        unit = "core"
        model = "per_unit"
        measure = "p95"
        unit_amount = "2"
    """)
    first = datetime(2026, 11, 2, 0, 15, tzinfo=UTC)
    events = [
        Event(f"s{n}", first + timedelta(minutes=15 * n), "cpu", 3 + n, duration_seconds=Decimal(900))
        for n in range(145)
    ]
    await send(place, *events)
    for _ in range(2):
        assert amounts(await billed(place, plan, NOW, "UTC")) == {"Cores": "6.00"}
        await rolled_up(place)
    late = Event("one more", first - timedelta(hours=2), "cpu", 2, duration_seconds=Decimal(900))
    await send(place, late)
    assert amounts(await billed(place, plan, NOW, "UTC")) == {"Cores": "6.00"}
    await send(place, Event("a high one", first - timedelta(hours=4), "cpu", 500, duration_seconds=Decimal(900)))
    assert amounts(await billed(place, plan, NOW, "UTC")) == {"Cores": "8.00"}


async def test_a_level_seldom_reached_is_none(place: Place) -> None:
    """Fewer busy quarters than the percentile leaves out: used, and yet nothing is owed."""
    plan = plan_of("""
        prices.b = { title = "B", meter = "cpu", unit = "core", measure = "p95", unit_amount = "2" }
    """)
    await send(place, Event("s", NOW - timedelta(hours=1), "cpu", 8, duration_seconds=Decimal(900)))
    result = await billed(place, plan, NOW, "UTC")
    assert not result.lines
    assert (result.unpriced, result.total) == ((), Decimal(0))


async def test_a_percentage_knows_how_many_events_there_were(place: Place) -> None:
    """A fee per event beside the percentage, from the buckets' count."""
    plan = plan_of("""
        [plans.plan.prices.pay]
        title = "Pay"
        meter = "requests"
        unit = "USD"
        model = "percentage"
        percent = "2.9"
        per_event = "0.30"
    """)
    await send(place, *(calls(n, NOW - timedelta(hours=n + 1), 100) for n in range(7)))
    for _ in range(2):
        assert amounts(await billed(place, plan, NOW, "UTC")) == {"Pay": "22.40"}
        await rolled_up(place)
