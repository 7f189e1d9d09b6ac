"""Money in a window is what its usage adds to the bill, on every engine: free units are free, parts add up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from meter import database as databases
from meter.ingest import Ingest
from meter.limits.quota import quotas
from meter.migrate import Engine
from meter.model import Event
from meter.prices import store as prices
from meter.rating.periods import month_period
from tests.billing.house import House, make_team
from tests.billing.tariff import put_in_force
from tests.contract.conftest import CONNECTIONS
from tests.contract.limited import differing, ensured, followed, meters_of, path, put, said, settle, use, used, wish
from tests.contract.place import NOW, PAST_DAYS, Place
from tests.contract.place import make_team as make_team_alone

DAY = timedelta(days=1)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
CHANGE = datetime(2026, 11, 10, tzinfo=UTC)
BOOK = """
name = "tariff"
title = "Tariff"
currency = "USD"

[plans.plan]
title = "Plan"
over_quota = "block"
[plans.plan.prices.tokens]
title = "Tokens"
meter = "tokens.input"
unit = "token"
model = "graduated"
included = 100
tiers = [{ up_to = 200, unit_amount = "0.10" }, { unit_amount = "0.01" }]
[plans.plan.prices.storage]
title = "Storage"
meter = "storage"
unit = "GB-month"
unit_amount = "3"
"""
DEARER = BOOK.replace('"0.01"', '"0.02"')


@pytest.fixture(name="place")
async def fixture_place(engine: Engine, any_database: str) -> AsyncIterator[Place]:
    """Answer a place whose team pays 0.10 for each of 200 tokens after the first 100, and 0.01 for more."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        await put_in_force(pool, BOOK)
        house: House = await make_team(pool, Ingest(pool, PAST_DAYS), "tariff/plan")
        yield Place(engine, any_database, pool, house.ingest, house.team, house.caller)


async def sent(
    place: Place, quantity: int, at: datetime, member: str | None = None, meter: str = "tokens.input"
) -> None:
    """Ingest an event."""
    event = Event(f"{meter} {at} {member}", at, meter, quantity, member=member)
    assert (await place.ingest.take(place.team, place.caller, (event,), NOW)).accepted == 1


async def spent(place: Place) -> dict[str, Decimal]:
    """Answer what was spent of each counter of now, after following."""
    await followed(place)
    assert await differing(place) == 0
    return await used(place)


async def test_the_windows_of_a_month_add_up_to_its_bill(place: Place) -> None:
    """Free units first, then tier by tier in the order of time, whichever window they are in and whenever they came."""
    await put(place, wish("month", measure="money", meters=()))
    await put(place, wish("day", measure="money", meters=(), window="day"))
    await sent(place, 150, NOW)
    assert await spent(place) == {"month": Decimal("5.00"), "day": Decimal("5.00")}
    await sent(place, 90, NOW - 3 * DAY)  # late, and earlier than the others: they cost more by now
    assert await spent(place) == {"month": Decimal("14.00"), "day": Decimal("14.00")}
    await sent(place, 100, NOW - 2 * DAY)
    assert await spent(place) == {"month": Decimal("20.40"), "day": Decimal("11.40")}


async def test_parts_of_members_add_up_to_the_team(place: Place) -> None:
    """Each pays by the share of what was used in the window, and nothing is lost between them."""
    await put(place, wish("team", measure="money", meters=()))
    await put(place, wish("own", measure="money", meters=(), each=("member",)))
    for number, member in enumerate(["ann", "bob", "cyd", None]):
        await sent(place, 31 + number, NOW - number * DAY, member)
    await sent(place, 174, NOW - 5 * DAY, "ann")
    found = await spent(place)
    whole = found.pop("team")
    assert whole == Decimal("20.00") + Decimal("0.04")  # 304 units: 100 free, 200 at 0.10, 4 at 0.01
    assert len(found) == 4
    assert sum(found.values()) == pytest.approx(whole, abs=Decimal("1e-30"))
    assert found["own bob"] == pytest.approx(whole * 32 / 304, abs=Decimal("1e-30"))


async def test_what_was_settled_is_not_paid_twice(place: Place) -> None:
    """What a call was charged and what usage adds to the bill: the rest came without asking."""
    await put(place, wish("month", measure="money", meters=()))
    await sent(place, 150, NOW - DAY)
    counted = await ensured(place, await path(place, use()))
    await settle(place, counted, 10, settled=Decimal(1))
    assert await spent(place) == {"month": Decimal("6.00")}
    assert await said(place) == {("month", "", MONTH): (Decimal(1), Decimal(5))}


async def test_a_price_change_splits_the_window(place: Place) -> None:
    """The position among the tiers goes on, each part costs what was in force."""
    await put_in_force(place.pool, DEARER, CHANGE)
    await put(place, wish("month", measure="money", meters=()))
    await sent(place, 400, CHANGE - DAY)
    await sent(place, 100, CHANGE + DAY)
    assert await spent(place) == {"month": Decimal("21.00") + Decimal("2.00")}


async def test_what_is_paid_per_month_of_a_level(place: Place) -> None:
    """3,000 GB for a day are 100 GB-months of November, at 3 each."""
    await put(place, wish("month", measure="money", meters=("storage",)))
    event = Event("s", NOW - DAY, "storage", 3_000, duration_seconds=Decimal(86_400))
    assert (await place.ingest.take(place.team, place.caller, (event,), NOW)).accepted == 1
    assert await spent(place) == {"month": Decimal(300)}


async def test_a_quota_is_the_position_of_its_price(place: Place) -> None:
    """All that the team used since its period began; under a plan that blocks, no more than is included."""
    async with place.pool.connection() as conn:
        plan = (await prices.read(conn)).plan("tariff/plan", NOW)
    (quota,) = quotas(plan, await meters_of(place))
    assert (quota.price, quota.included, quota.block) == ("tariff/plan/tokens", Decimal(100), True)
    await sent(place, 70, NOW - DAY)
    await sent(place, 20, NOW - 40 * DAY)
    found = await path(place, use(), [quota], month_period(NOW, "UTC"))
    counted = await ensured(place, found)
    assert await used(place) == {"tariff/plan/tokens": 70}
    await settle(place, counted, 25)
    await sent(place, 1, NOW)
    assert await spent(place) == {"tariff/plan/tokens": 96}
    assert await said(place) == {("tariff/plan/tokens", "", MONTH): (25, 71)}


async def test_without_a_plan_nothing_is_owed(engine: Engine, any_database: str) -> None:
    """A team that has no plan yet spends nothing, whatever it uses."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        async with pool.connection() as conn:
            team, caller = await make_team_alone(conn)
        place = Place(engine, any_database, pool, Ingest(pool, PAST_DAYS), team, caller)
        await put(place, wish("month", measure="money", meters=()))
        await sent(place, 5, NOW)
        assert set((await spent(place)).values()) == {Decimal(0)}
