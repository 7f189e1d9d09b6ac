"""Where a team stands, on each engine: its own day, its own period, and the invoice's own figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from meter import aggregate, bill, usage_summary
from meter.errors import CurrencyMismatch
from meter.model import Event
from meter.subscriptions.current import running_period
from meter.usage_summary import Owed, Summary
from tests.billing.house import NOW, House, make_team


async def summary(house: House, only_member: str | None = None, now: datetime = NOW) -> Summary:
    """Answer the summary of the period that runs at NOW."""
    async with house.pool.connection() as conn:
        period = await running_period(conn, house.team, NOW)
        return await usage_summary.read(conn, house.team, period, only_member, now)


def requests(n: int, time: datetime, member: str | None = None) -> Event:
    """Answer an event of 10^n requests."""
    return Event(id=f"{n}", time=time, meter="requests", quantity=Decimal(10**n), member=member)


async def test_today_and_the_period_are_the_teams_own(house: House) -> None:
    """In Kathmandu the day began at 18:15 UTC, and so did the month; what was before either is in neither."""
    here = await make_team(house.pool, house.ingest, "calls/free", timezone="Asia/Kathmandu")
    midnight, month = datetime(2026, 11, 17, 18, 15, tzinfo=UTC), datetime(2026, 10, 31, 18, 15, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    times = [month - tick, month, midnight - tick, midnight, NOW]
    await here.sent(*[requests(n, time, ("ann", "bob")[n % 2]) for n, time in enumerate(times)])
    for _ in range(2):
        found = await summary(here)
        assert found.today == (midnight, midnight + timedelta(days=1))
        ((meter, today, quantity, _, _, events, _),) = found.meters
        assert (meter.slug, today, quantity, events) == ("requests", Decimal(11_000), Decimal(11_110), 4)
        assert isinstance(found.owed, Owed)
        (allowance,) = found.owed.allowances
        assert (allowance.included, allowance.used, allowance.overage) == (
            Decimal(1_000),
            Decimal(11_110),
            Decimal(10_110),
        )
        assert allowance.overage_cost == Decimal("101.10")
        bob = await summary(here, "bob")
        assert [(each.today, each.quantity, each.events) for each in bob.meters] == [
            (Decimal(1_000), Decimal(1_010), 2)
        ]
        assert bob.owed is None
        async with house.pool.connection() as conn:
            await aggregate.refresh(conn)


async def test_costs_are_those_of_the_preview(house: House) -> None:
    """A tier that counts peaks: two cores over, whatever the hours; total and lines are the preview's."""
    here = await make_team(house.pool, house.ingest, "cloud/basic")
    at = NOW.replace(hour=9, minute=0)
    held = Event(id="h", time=at, meter="cpu", quantity=Decimal(4), duration_seconds=Decimal(3_600), member="ann")
    await here.sent(held, Event(id="s", time=at, meter="documents", quantity=Decimal(3)))
    found = await summary(here)
    assert isinstance(found.owed, Owed)
    async with house.pool.connection() as conn:
        preview = await bill.price(conn, here.team, found.period)
    assert found.owed.draft.rated == preview.rated
    cpu = next(each for each in found.owed.allowances if each.price.id == "cpu_peak")
    assert (cpu.used, cpu.overage, cpu.overage_cost) == (Decimal(4), Decimal(2), Decimal("0.20"))
    assert [each.meter for each in found.owed.draft.rated.unpriced] == ["documents"]
    assert found.as_of == preview.billable.as_of


async def test_usage_is_told_where_costs_cant_be(house: House) -> None:
    """A plan in another currency than the team's: the reason is there, and so is the usage."""
    await house.sent(requests(2, NOW))
    found = await summary(house._replace(team=msgspec.structs.replace(house.team, currency="EUR")))
    assert isinstance(found.owed, CurrencyMismatch)
    assert [each.quantity for each in found.meters] == [Decimal(100)]


async def test_where_it_goes(house: House) -> None:
    """The plan began at NOW: after five of its twelve and a half days, two and a half times as much is in sight."""
    here = await make_team(house.pool, house.ingest, "calls/pro")
    await here.sent(Event(id="1", time=NOW, meter="requests", quantity=Decimal(40_000), member="ann"))
    assert (await summary(here)).meters[0].projected is None
    found = await summary(here, now=NOW + timedelta(days=5))
    assert [each.projected for each in found.meters] == [Decimal(100_000)]
    assert isinstance(found.owed, Owed)
    assert found.owed.projected is not None
    assert found.owed.projected["requests"][1:] == (Decimal(100_000), Decimal(50_000), Decimal(500))
    assert found.owed.total_at_end == found.owed.draft.document.total + 500
    assert found.owed.left_out == {}
    (bob,) = (await summary(here, "ann", now=NOW + timedelta(days=5))).meters
    assert bob.projected == Decimal(100_000)
    over = await summary(here, now=found.period.end)
    assert isinstance(over.owed, Owed)
    assert (over.meters[0].projected, over.owed.total_at_end) == (Decimal(40_000), over.owed.draft.document.total)


async def test_what_can_not_be_projected_is_left_out(house: House) -> None:
    """A tier by peaks stays at what it is now; a maximum has no number for the end."""
    here = await make_team(house.pool, house.ingest, "cloud/basic")
    at = NOW.replace(hour=9, minute=0)
    await here.sent(Event(id="h", time=at, meter="cpu", quantity=Decimal(4), duration_seconds=Decimal(3_600)))
    found = await summary(here, now=NOW + timedelta(days=5))
    assert isinstance(found.owed, Owed)
    assert found.owed.left_out["cpu_peak"] == "by_peak"
    assert found.owed.total_at_end == found.owed.draft.document.total
