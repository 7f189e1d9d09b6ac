"""What the running period's invoice comes to by forecasts: rated with tiers and fees, by what is known of meters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analytics import run
from meter import bill, spend
from meter.bill import Draft
from meter.model import Event
from meter.prices.apply import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.rating.periods import Period
from meter.spend import Spend
from tests.billing.house import NOW, House, make_team

HOUR = timedelta(hours=1)
NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), "UTC")
BOOK = """
name = "studio"
title = "Studio"
currency = "USD"

[plans.solo]
title = "Solo"
base_fee = "20"
unbilled = ["tokens.input"]

[plans.solo.prices.calls]
title = "Calls"
meter = "requests"
unit = "request"
model = "graduated"
tiers = [
  { up_to = "10000", unit_amount = "0.01" },
  { unit_amount = "0.001" },
]
"""


@pytest.fixture(name="studio")
async def fixture_studio(house: House) -> House:
    """Answer a team on a plan with a fee and two tiers."""
    async with house.pool.connection() as conn:
        await apply(conn, parse_book(BOOK, "studio.toml"), Source(BOOK, {}), NOVEMBER.start, "tests", NOW)
    return await make_team(house.pool, house.ingest, "studio/solo")


async def used(here: House, hours: int, until: datetime = NOW, member: str = "ann") -> None:
    """Ingest ten calls in each of so many hours."""
    times = (until - number * HOUR for number in range(1, hours + 1))
    await here.sent(
        *(Event(id=f"{member} {at}", time=at, meter="requests", quantity=Decimal(10), member=member) for at in times)
    )


async def looked(here: House, now: datetime = NOW) -> tuple[Draft, Spend | None]:
    """Answer the running period by now, and where it ends."""
    async with here.pool.connection() as conn:
        draft = await bill.price(conn, here.team, NOVEMBER)
        return draft, await spend.read(conn, here.team, draft, now)


async def works(here: House, now: datetime = NOW) -> None:
    """Let the worker make its forecasts."""
    async with here.pool.connection() as conn:
        await run.forecasts_turn(conn, now)


async def test_it_is_rated_with_tiers_and_fees(studio: House) -> None:
    """Ten calls an hour come to 7,200 in November: below the tier's end, 72.00 and the fee."""
    await used(studio, 24 * 17 + 12)
    assert (await looked(studio))[1] is None
    await works(studio)
    draft, found = await looked(studio)
    assert draft.document.total == Decimal("42.00") + Decimal("20.00")
    assert found is not None
    assert (found.currency, found.mean, found.without) == ("USD", Decimal("92.00"), ())
    assert found.low95 is not None
    assert found.high95 is not None
    assert found.low95 <= found.mean <= found.high95


async def test_beyond_a_tier_usage_costs_what_it_costs_there(studio: House) -> None:
    """Twice as much is 14,400 calls: 10,000 at a cent and the rest at a tenth of it."""
    for member in ("ann", "bob"):
        await used(studio, 24 * 17 + 12, member=member)
    await works(studio)
    _, found = await looked(studio)
    assert found is not None
    assert found.mean == Decimal("20.00") + Decimal("100.00") + Decimal("4.40")


async def test_what_internal_keys_use_is_expected_and_not_billed(studio: House) -> None:
    """Half of what is still to come is billable, as half of what was used is."""
    await used(studio, 24 * 17 + 12)
    inside = await studio.internal()
    await used(inside, 24 * 17 + 12, member="bob")
    await works(studio)
    _, found = await looked(studio)
    assert found is not None
    assert found.mean == Decimal("92.00")


async def test_more_than_was_forecast_is_not_taken_back(studio: House) -> None:
    """Usage that came since counts, if it is above all that was expected."""
    await used(studio, 24 * 17 + 12)
    await works(studio)
    await studio.sent(Event(id="burst", time=NOW, meter="requests", quantity=Decimal(50_000)))
    draft, found = await looked(studio)
    assert found is not None
    assert found.mean == draft.document.total


async def test_old_forecasts_and_those_of_another_period_say_nothing(studio: House) -> None:
    """A worker that stopped days ago knows nothing of now."""
    await used(studio, 24 * 17 + 12)
    await works(studio)
    assert (await looked(studio, NOW + 26 * HOUR))[1] is None
