"""Usage per member and service, on each engine: equal to the usage asked one by one, and it adds up."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from meter import aggregate, usage, usage_events, usage_report
from meter.errors import InvalidParameter, UnknownMeter
from meter.labels import Filter
from meter.model import Event
from meter.rating.totals import Row
from meter.subscriptions import store
from meter.subscriptions.changes import ChangePlan, Decided, Start
from meter.subscriptions.current import running_period
from meter.usage_report import By, Query, Report
from tests.billing.house import END, NOW, START, House, make_team

UTC = ZoneInfo("UTC")
BOTH: tuple[By, ...] = ("member", "service")


async def fill(house: House) -> None:
    """Use several meters by several members, some of no service, some held over time."""
    for n, member in enumerate(["ann", "bob", None, "ann", "eve"]):
        await house.used("tokens.input", f"{6548 + n}", member, "chat" if n % 2 else None, day=3 + n)
        await house.used("requests", "1", member, "chat", day=10 + n)
    for meter, member in (("cpu", "bob"), ("storage", "ann")):
        at, length = START + timedelta(days=5, seconds=77), Decimal(1_000)
        await house.sent(
            Event(id="h", time=at, meter=meter, member=member, quantity=Decimal(7), duration_seconds=length)
        )


async def report(house: House, by: By | None, end: datetime = END, **more: object) -> Report:
    """Answer October's report."""
    async with house.pool.connection() as conn:
        return await usage_report.read(conn, house.team, Query(start=START, end=end, zone=UTC, by=by, **more))  # type: ignore[arg-type]


async def test_rows_equal_usage_and_add_up(house: House) -> None:
    """Per member and per service, before and after rolling up, within what the twelfth decimal shares out."""
    await fill(house)
    for _ in range(2):
        for by in BOTH:
            found = await report(house, by)
            for whole in found.total.usage:
                asked = usage.Query(meters=(whole.meter.slug,), start=START, end=END, zone=UTC, group_by=(by,))
                async with house.pool.connection() as conn:
                    items = (await usage.read(conn, house.team, asked)).readings[0].items
                rows = {row.name: used for row in found.rows for used in row.usage if used.meter == whole.meter}
                assert {item.group[0] for item in items} == rows.keys()
                for item in items:
                    used = rows[item.group[0]]
                    assert used.events == item.events
                    assert used.quantity is not None
                    assert item.quantity is not None
                    assert abs(used.quantity - item.quantity) <= Decimal("1e-12")
                assert sum(used.quantity or 0 for used in rows.values()) == whole.quantity
            assert sum(row.cost.amount or 0 for row in found.rows) == found.total.cost.amount
        async with house.pool.connection() as conn:
            await aggregate.refresh(conn)


async def test_a_row_costs_what_its_events_cost(house: House) -> None:
    """Report and drill-down agree, and so do the totals of both reports and of a report by nothing."""
    await fill(house)
    found = await report(house, "member")
    async with house.pool.connection() as conn:
        page = await usage_events.read(conn, house.team, usage_events.Query(start=START, end=END), None, 1_000)
    costs: dict[str | None, Decimal] = {}
    for event in page.events:
        costs[event.series.member] = costs.get(event.series.member, Decimal(0)) + (event.cost.amount or 0)
    assert {row.name: row.cost.amount or Decimal(0) for row in found.rows} == costs
    assert [row.name for row in found.rows] == ["ann", "eve", None, "bob"]
    assert found.rows[0].cost.amount == Decimal(6548) * Decimal("0.000015") + Decimal(6551) * Decimal("0.000015")
    assert found.total.cost.reason == "unpriced"  # cpu and storage have no price by the token
    assert found.total == (await report(house, "service")).total == (await report(house, None)).total
    assert found.as_of is not None


async def test_each_event_costs_by_the_plan_of_its_time(house: House) -> None:
    """A change of plan in the middle of a quarter of an hour: before it one price, after it another."""
    at = NOW - timedelta(days=1)
    change = NOW - timedelta(hours=1, minutes=3)
    await house.put_on("credits/starter", NOW)  # the first plan began at NOW, see make_team
    decided = [Decided(at, Start("credits/payg")), Decided(change, ChangePlan("credits/starter"))]
    async with house.pool.connection() as conn:
        await store.append(conn, house.team.id, decided, "tests", NOW)
    sent = [
        Event(id=f"{n}", time=change + timedelta(minutes=n), meter=meter, quantity=Decimal(1_000), member="ann")
        for n in (-1, 0, 1)
        for meter in ("requests", "tokens.input")
    ]
    await house.sent(*sent)
    async with house.pool.connection() as conn:
        asked = Query(start=at, end=NOW, zone=UTC, by="member")
        (row,) = (await usage_report.read(conn, house.team, asked)).rows
    costs = {used.meter.slug: used.cost for used in row.usage}
    assert costs["requests"].amount == Decimal(4)  # two of three at 2.00 per 1,000 credits
    assert costs["tokens.input"].amount == Decimal("0.015")
    assert costs["tokens.input"].reason == "unbilled"


async def test_filters_meters_and_internal_usage(house: House) -> None:
    """What is picked is reported; usage of an internal key is there and costs nothing."""
    await fill(house)
    await (await house.internal()).used("tokens.input", "5", "ann")
    found = await report(house, "member", meters=("tokens.input",), filters=(Filter("member", "in", ("ann",)),))
    ((name, (used,), cost),) = found.rows
    assert (name, used.quantity, used.events) == ("ann", Decimal(6548 + 6551 + 5), 3)
    assert cost.amount == Decimal(6548 + 6551) * Decimal("0.000015")
    assert used.cost.reason == "not_billable"
    empty: list[Row] = (await report(house, "member", filters=(Filter("member", "in", ("nobody",)),))).rows
    assert empty == []


async def test_what_cant_be_asked_is_told(house: House) -> None:
    """An unknown meter or label, an empty range."""
    with pytest.raises(UnknownMeter):
        await report(house, "member", meters=("nope",))
    with pytest.raises(InvalidParameter):
        await report(house, "member", filters=(Filter("color", "in", ("red",)),))
    with pytest.raises(InvalidParameter):
        await report(house, "member", end=START)


async def test_the_current_period_follows_the_plan(house: House) -> None:
    """From the anchor's midnight in the team's zone; a team without a plan has calendar months."""
    async with house.pool.connection() as conn:
        start = Decided(NOW, Start("credits/payg", anchor_day=15))
        await store.append(conn, house.team.id, [start], "tests", NOW)
        period = await running_period(conn, house.team, NOW)
        assert (period.start.day, period.start.month, period.end.month) == (15, 11, 12)
        other = await make_team(house.pool, house.ingest, None, currency="EUR")
        period = await running_period(conn, other.team, NOW)
        assert (period.start, period.end) == (END, datetime(2026, 12, 1, tzinfo=UTC))
