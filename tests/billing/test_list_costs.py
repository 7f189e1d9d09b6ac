"""Costs by window, on each engine: those of the report of each window, at the prices of their time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from meter import aggregate, list_costs, usage_report
from meter.errors import InvalidParameter, UnknownMeter
from meter.labels import Filter
from meter.list_costs import Costs, Query
from meter.model import Event
from meter.snapshot import snapshot
from meter.subscriptions import store
from meter.subscriptions.changes import ChangePlan, Decided, Start
from meter.windows import Window, bounds
from tests.billing.house import END, NOW, START, House

PARIS = ZoneInfo("Europe/Paris")
FROM, TO = START - timedelta(days=3, hours=5), END + timedelta(days=2, minutes=30)


async def fill(house: House) -> None:
    """Use what ends and what does not, over the turns of two months and a change of clocks."""
    for n, member in enumerate(["ann", "bob", None, "ann", "eve"]):
        await house.used("tokens.input", f"{6548 + n}", member, "chat" if n % 2 else None, day=3 + n)
    held = [
        Event(
            id=f"{meter}{n}",
            time=START + timedelta(days=days, seconds=77),
            meter=meter,
            member=("ann", "bob", "eve")[n % 3],
            quantity=Decimal(7),
            duration_seconds=Decimal(100_000 + n),
        )
        for n, days in enumerate((0.1, 0.9, 24, 25, 31))
        for meter in ("cpu", "storage", "memory")
    ]
    await house.sent(*held)


async def costs(house: House, **more: object) -> Costs:
    """Answer the costs of a month and something on both sides."""
    usual = {"start": FROM, "end": TO, "zone": PARIS, "now": NOW, "shown_from": FROM}
    async with house.pool.connection() as conn:
        return await list_costs.read(conn, house.team, Query(**(usual | more)))  # type: ignore[arg-type]


async def change_plan(house: House) -> None:
    """Put the team on computing resources, and on tokens from within a window on."""
    await house.put_on("cloud/payg", NOW)
    decided = [Decided(FROM + timedelta(days=1), Start("cloud/payg"))]
    decided.append(Decided(START + timedelta(days=4, hours=13, minutes=7), ChangePlan("credits/payg")))
    decided.append(Decided(START + timedelta(days=20, minutes=1), ChangePlan("cloud/payg")))
    async with house.pool.connection() as conn:
        await store.append(conn, house.team.id, decided, "tests", NOW)


@pytest.mark.parametrize("window", [None, "hour", "day", "month"])
async def test_each_window_costs_what_its_report_says(house: House, window: Window | None) -> None:
    """To the last digit, by member, before and after rolling up; windows without costs have no item."""
    await fill(house)
    await change_plan(house)
    edges = bounds(FROM, TO, window, PARIS)
    for _ in range(2):
        found = await costs(house, window=window, by="member")
        expected = []
        used_in = {item.start for item in found.items}
        for start, end in pairwise(edges):
            if window == "hour" and start not in used_in and start.hour:
                continue  # asking for a thousand reports would take long, and most would be empty
            asked = usage_report.Query(start=start, end=end, zone=PARIS, by="member")
            async with house.pool.connection() as conn:
                report = await usage_report.read(conn, house.team, asked)
            expected += [(start, row.name, row.cost.amount) for row in report.rows if row.cost.amount is not None]
        assert sorted(map(tuple, found.items), key=str) == sorted(expected, key=str)
        assert len(expected) > 2
        async with house.pool.connection() as conn:
            await aggregate.refresh(conn)


async def test_told_apart_by_anything(house: House) -> None:
    """Meters, services, keys and dimensions add up to the same; what has no price is named once for each reason."""
    await fill(house)
    await change_plan(house)
    whole = await costs(house)
    ((_, name, amount),) = whole.items
    assert name is None
    for by in ("meter", "member", "service", "key", "model"):
        found = await costs(house, by=by)
        assert sum(item.amount for item in found.items) == amount
    assert {item.name for item in (await costs(house, by="meter")).items} <= set(whole.meters)
    assert whole.meters == ("cpu", "memory", "storage", "tokens.input")
    reasons = [each.reason for each in whole.unpriced]
    assert len(set(whole.unpriced)) == len(whole.unpriced)
    assert reasons == sorted(reasons, key=list_costs.REASONS.index)
    assert {"unpriced"} <= set(reasons)
    ann = await costs(house, filters=(Filter("member", "in", ("ann",)),), by="member")
    assert {item.name for item in ann.items} == {"ann"}


async def test_internal_usage_costs_nothing_and_is_told(house: House) -> None:
    """Its meter is named as not billable; a team that used nothing has nothing."""
    assert (await costs(house)).items == []
    await (await house.internal()).used("tokens.input", "5", "ann")
    found = await costs(house)
    assert (found.items, [tuple(each) for each in found.unpriced]) == ([], [("tokens.input", "not_billable")])


async def test_what_cant_be_asked_is_told(house: House) -> None:
    """An unknown meter or label, too many meters."""
    with pytest.raises(UnknownMeter):
        await costs(house, meters=("nope",))
    with pytest.raises(InvalidParameter, match="color"):
        await costs(house, by="color")
    with pytest.raises(InvalidParameter, match="color"):
        await costs(house, filters=(Filter("color", "in", ("red",)),))
    with pytest.raises(InvalidParameter, match="20"):
        await costs(house, meters=tuple(f"m{n}" for n in range(21)))


async def test_two_questions_in_one_snapshot(house: House) -> None:
    """What is stored between them is in neither, and in the next."""
    await house.used("tokens.input", "1000", "ann", None, day=3)
    asked = Query(start=START, end=END, zone=PARIS, now=NOW, shown_from=START)
    async with house.pool.connection() as conn:
        async with snapshot(conn):
            before = await list_costs.read(conn, house.team, asked)
            await house.used("tokens.input", "1000", "bob", None, day=4)
            again = await list_costs.read(conn, house.team, asked)
        after = await list_costs.read(conn, house.team, asked)
    assert again == before
    assert [each.items[0].amount for each in (before, after)] == [Decimal("0.015"), Decimal("0.03")]
