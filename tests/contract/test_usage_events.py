"""Drill-down: the events add up to the usage, page by page, and a page of a year costs about a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncClientCursor

from meter import aggregate, usage, usage_events
from meter.database import Connection
from meter.errors import InvalidParameter, RawDataGone, UnknownMeter
from meter.labels import Filter
from meter.model import Event
from meter.usage_events import Query
from sql import statement
from tests.contract.place import NOW, Place, ask, query, send
from tests.contract.test_plans import year

START = NOW.replace(hour=6, minute=0, second=0)
END = NOW.replace(minute=15, second=0)
LIMIT = 7


def event(n: int, meter: str = "requests", **more: Any) -> Event:
    """Answer the n-th event of a morning; every third is of nobody."""
    member = ("ann", "bob", None)[n % 3]
    time = START + timedelta(minutes=4 * n)
    return Event(id=f"e{n}", time=time, meter=meter, quantity=Decimal(n + 1), member=member, **more)


async def everything(place: Place, conn: Connection, asked: Query, limit: int = LIMIT) -> list[usage_events.Event]:
    """Answer all events of a question, page after page."""
    found: list[usage_events.Event] = []
    after = None
    while True:
        page = await usage_events.read(conn, place.team, asked, after, limit)
        assert len(page.events) == limit or page.next is None
        found += page.events
        after = page.next
        if after is None:
            return found


async def total(place: Place, conn: Connection, meter: str) -> tuple[Decimal | None, int]:
    """Answer the usage of a meter in the same range."""
    asked = usage.Query(meters=(meter,), start=START, end=END, zone=ZoneInfo("UTC"))
    found = (await usage.read(conn, place.team, asked)).readings[0].items[0]
    return found.quantity, found.events


async def test_the_events_add_up_to_the_usage(place: Place) -> None:
    """Of one meter or all, before and after they are rolled up, every event once and newest first."""
    held = [event(n, "cpu", duration_seconds=Decimal(3_600)) for n in range(30, 40)]
    await send(place, *[event(n) for n in range(40)], *[event(n, "network") for n in range(20)], *held)
    async with place.pool.connection() as conn:
        for _ in range(2):
            for meter in ("requests", "network", "cpu"):
                events = await everything(place, conn, Query(start=START, end=END, meters=(meter,)))
                places = [each.place for each in events]
                assert places == sorted(set(places), reverse=True)
                assert (sum(each.quantity for each in events), len(events)) == await total(place, conn, meter)
            several = await everything(place, conn, Query(start=START, end=END, meters=("requests", "network")))
            assert len(several) == 60
            assert len(await everything(place, conn, Query(start=START, end=END))) > 60
            await aggregate.refresh(conn)


async def test_filters_pick_events(place: Place) -> None:
    """By member, by what a label is not, begins with or lacks; by service and dimension."""
    await send(place, *[event(n, service=f"s{n % 2}", dimensions={"model": f"m{n % 4}"}) for n in range(36)])
    asked = [
        (Filter("member", "in", ("ann", "bob")), 24),
        (Filter("member", "in", (None,)), 12),
        (Filter("member", "not", ("ann",)), 24),
        (Filter("service", "in", ("s1",)), 18),
        (Filter("model", "prefix", ("m",)), 36),
        (Filter("model", "in", ("m3",)), 9),
        (Filter("model", "in", ("none",)), 0),
    ]
    async with place.pool.connection() as conn:
        for each, count in asked:
            found = await everything(place, conn, Query(start=START, end=END, filters=(each,)))
            assert len(found) == count, each


async def test_a_segment_says_which_time_it_covers(place: Place) -> None:
    """Pieces of a sample follow each other without a gap, from its start to its end."""
    await send(
        place,
        Event(id="s", time=NOW, meter="cpu", quantity=Decimal(2), duration_seconds=Decimal(2_700), attributes={"a": 1}),
    )
    async with place.pool.connection() as conn:
        found = await everything(place, conn, Query(start=START, end=END))
    edges = [each.segment for each in found if each.segment]
    assert len(edges) == len(found) == 4
    assert edges[0][1] == NOW
    assert edges[-1][0] == NOW - timedelta(seconds=2_700)
    assert [one[0] for one in edges[:-1]] == [other[1] for other in edges[1:]]
    assert sum(each.quantity for each in found) == Decimal("1.5")
    assert {each.original_id for each in found} == {"s"}


async def test_events_of_one_instant_are_paged_by_id(place: Place) -> None:
    """Pages end and begin inside an instant without losing or repeating any."""
    await send(place, *[Event(id=f"{n}", time=START, meter="requests", quantity=Decimal(1)) for n in range(20)])
    async with place.pool.connection() as conn:
        for picked in ((), ("requests",)):
            found = await everything(place, conn, Query(start=START, end=END, meters=picked), 3)
            assert len({each.place.event_id for each in found}) == len(found) == 20


async def test_a_rare_event_is_found_far_back(place: Place) -> None:
    """One event 200 days ago among others of today, by its member."""
    long_ago = NOW - timedelta(days=200)
    await send(place, *[event(n) for n in range(10)])
    await send(place, Event(id="rare", time=long_ago, meter="requests", quantity=Decimal(5), member="eve"))
    asked = Query(start=NOW - timedelta(days=365), end=END, filters=(Filter("member", "in", ("eve",)),))
    async with place.pool.connection() as conn:
        found = await everything(place, conn, asked)
    assert [(each.place.time, each.quantity) for each in found] == [(long_ago, Decimal(5))]


async def test_what_cant_be_asked_is_told(place: Place) -> None:
    """A meter, a filter or a range that makes no sense, and time whose raw events are gone."""
    await send(place, event(0))
    async with place.pool.connection() as conn:
        with pytest.raises(UnknownMeter):
            await everything(place, conn, Query(start=START, end=END, meters=("nope",)))
        with pytest.raises(InvalidParameter, match="no dimension here"):
            await everything(place, conn, Query(start=START, end=END, filters=(Filter("color", "in", ("red",)),)))
        with pytest.raises(InvalidParameter, match="before"):
            await everything(place, conn, Query(start=END, end=START))
        await aggregate.refresh(conn)
        await ask(conn, "drop_before", {"instant": START - timedelta(days=14)})
        with pytest.raises(RawDataGone):
            await everything(place, conn, Query(start=START - timedelta(days=90), end=END))


async def test_another_teams_events_are_not_there(place: Place) -> None:
    """The same question of another team answers nothing."""
    await send(place, event(0))
    other = place._replace(team=place.team.__class__(0, place.team.public_id, "Other", "UTC", "USD", None, NOW))
    async with place.pool.connection() as conn:
        assert len(await everything(place, conn, Query(start=START, end=END))) == 1
        assert await everything(other, conn, Query(start=START, end=END)) == []


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Walk over what a plan read: the table, and rows looked at."""
    if plan.get("Actual Loops") and "Relation Name" in plan:
        looked = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield plan["Relation Name"], round(looked * plan["Actual Loops"])
    for part in plan.get("Plans", ()):
        yield from scans(part)


async def looked_at(conn: Connection, name: Any, asked: dict[str, Any]) -> tuple[int, set[str], int]:
    """Answer how many raw rows a statement looked at, in which tables, and how many pages all of it took."""
    async with AsyncClientCursor(conn) as cursor:
        await cursor.execute(query("explain_whole") + statement(name), asked)
        row = await cursor.fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    raw = {name for (name,) in await ask(conn, "list_raw_tables")}
    found = [(table, rows) for table, rows in scans(plan) if table in raw]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return sum(rows for _, rows in found), {table for table, _ in found}, pages


@pytest.mark.slow
async def test_a_page_of_a_year_reads_about_a_page(place: Place) -> None:
    """100 of the year's events, from its end or its middle, of all series or of one: hardly more is looked at."""
    async with place.pool.connection() as conn:
        await year(place, conn)
        series = [row[0] for row in await ask(conn, "list_series_ids", {"team_id": place.team.id})]
        for end in (NOW, NOW - timedelta(days=180)):
            asked = {
                "team_id": place.team.id,
                "since": NOW - timedelta(days=365),
                "until": end + usage_events.MICROSECOND,
                "before": end,
                "before_id": usage_events.LAST_ID,
                "rows": 101,
            }
            rows, tables, pages = await looked_at(conn, "read_events", asked)
            assert 101 <= rows <= 110
            assert len(tables) <= 2
            assert pages <= 250
            await conn.execute("set enable_seqscan = off")  # these weeks have 200 rows: to scan one whole is as good
            recent = {"since": end - timedelta(days=16), "series": series[:1], "many": False}
            rows, tables, _ = await looked_at(conn, "read_picked_events", asked | recent)
            assert 90 <= rows <= 220
            assert len(tables) <= 4


@pytest.mark.slow
async def test_an_export_is_bounded_beforehand(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many there are is known from the buckets, and too many are refused before the first is sent."""
    await send(place, *[event(n) for n in range(10)])
    monkeypatch.setattr(usage_events, "EXPORT_PAGE", 4)
    asked = Query(start=START, end=END)
    async with place.pool.connection() as conn:
        await usage_events.check_exportable(conn, place.team, asked)
    pages = [len(page) async for page in usage_events.export(place.pool, place.team, asked)]
    assert pages == [4, 4, 2]
    monkeypatch.setattr(usage_events, "MAX_EXPORTED", 9)
    async with place.pool.connection() as conn:
        with pytest.raises(InvalidParameter, match="10 events are more than the 9"):
            await usage_events.check_exportable(conn, place.team, asked)
