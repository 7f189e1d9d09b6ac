"""Dropping raw events: only what is rolled up, nothing lands behind the floor, totals stay, edges say they are gone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest

from meter import aggregate, usage
from meter.database import connect
from meter.errors import RawDataGone
from meter.model import Event
from meter.usage import Item, Query
from sql import statement
from tests.contract.place import NOW, Place, ask, differences, query, send, until, until_blocked

FLOOR = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday: partitions end here, chunks need not
DAYS = 60


def request(time: datetime, quantity: int = 1) -> Event:
    """Answer an event."""
    return Event(id=f"at {time}", time=time, meter="requests", member="ann", quantity=Decimal(quantity))


def some() -> list[Event]:
    """Answer two events a day for sixty days, on either side of midnight."""
    return [request(NOW - timedelta(days=n, hours=h), n + 1) for n in range(DAYS) for h in (0, 13)]


async def drop(conn: psycopg.AsyncConnection[tuple[object, ...]], instant: datetime) -> None:
    """Drop raw events before an instant."""
    await conn.execute(query("drop_before"), {"instant": instant})


async def read(place: Place, start: datetime, end: datetime) -> list[Item]:
    """Answer usage per local day in a zone whose midnight is on the half hour."""
    zone = ZoneInfo("Asia/Kolkata")
    async with place.pool.connection() as conn:
        asked = Query(meters=("requests",), start=start, end=end, zone=zone, window="day")
        return (await usage.read(conn, place.team, asked)).readings[0].items


async def test_what_waits_is_not_dropped(place: Place) -> None:
    """Refused while a log row lies before the instant; then nothing has changed, not even the floor."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        before = await ask(conn, "count_raw")
        with pytest.raises(psycopg.errors.ObjectInUse, match="refresh first"):
            await drop(conn, FLOOR)
        assert await ask(conn, "count_raw") == before
        assert await (await conn.execute(statement("get_floor"))).fetchone() == (None,)
        assert (await send(place, request(FLOOR - timedelta(days=1)))).accepted == 1


async def test_what_waits_after_the_instant_does_not_matter(place: Place) -> None:
    """Only log rows before the instant refuse a drop."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        await aggregate.refresh(conn)
        await send(place, request(NOW - timedelta(minutes=1)))
        await drop(conn, FLOOR)
        assert (await ask(conn, "count_raw"))[0][1] >= FLOOR - timedelta(days=7)


async def test_totals_outlive_the_raw_events(place: Place) -> None:
    """After the drop: the same days, whole buckets answered, ragged edges not, and a refresh changes nothing."""
    await send(place, *some())
    start, end = NOW - timedelta(days=DAYS, minutes=7, seconds=30), NOW + timedelta(minutes=7, seconds=30)
    async with place.pool.connection() as conn:
        assert await aggregate.refresh(conn)
        before, days = await ask(conn, "list_daily"), await read(place, start, end)
        assert sum(item.events for item in days) == 2 * DAYS
        await drop(conn, FLOOR)
        count, oldest = (await ask(conn, "count_raw"))[0]
        assert count < 2 * DAYS
        assert oldest >= FLOOR - timedelta(days=7)
        assert await ask(conn, "list_daily") == before
        assert await read(place, start, end) == days
        with pytest.raises(RawDataGone):
            await read(place, start + timedelta(minutes=1), end)
        assert await read(place, NOW - timedelta(days=3, seconds=1), end)
        assert await aggregate.refresh(conn)
        assert await ask(conn, "list_daily") == before


async def test_late_events_behind_the_floor_are_refused(place: Place) -> None:
    """Too late below, welcome above; the floor's own day is added up right, the days below stay as they are."""
    floor = FLOOR + timedelta(hours=5, minutes=3)
    await send(place, *some())
    async with place.pool.connection() as conn:
        await aggregate.refresh(conn)
        before = {row[1]: row[2:4] for row in await ask(conn, "list_daily")}
        await drop(conn, floor)
        receipt = await send(place, request(floor - timedelta(seconds=1)), request(floor + timedelta(seconds=1), 5))
        assert (receipt.accepted, [(r.index, r.code) for r in receipt.rejected]) == (1, [(0, "too_late")])
        far = await send(place, request(floor - timedelta(days=40, seconds=1)))
        assert [r.code for r in far.rejected] == ["too_late"]
        events, total = before[FLOOR]
        before[FLOOR] = (events + 1, total + 5)
        assert {row[1]: row[2:4] for row in await ask(conn, "list_daily")} == before
        assert await aggregate.refresh(conn)
        assert {row[1]: row[2:4] for row in await ask(conn, "list_daily")} == before
        assert {row[1]: row[2:4] for row in await ask(conn, "list_rolled_daily")} == before


async def test_sample_that_reaches_behind_the_floor_is_refused_whole(place: Place) -> None:
    """A sample with a part below the floor is too late, and no part of it is stored."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        await aggregate.refresh(conn)
        await drop(conn, FLOOR)
        before = await ask(conn, "list_daily")
        at, hour = FLOOR + timedelta(minutes=30), Decimal(3600)
        receipt = await send(place, Event(id="cpu", time=at, meter="cpu", quantity=Decimal(1), duration_seconds=hour))
        assert [rejection.code for rejection in receipt.rejected] == ["too_late"]
        assert await ask(conn, "list_daily") == before


async def test_replay_of_dropped_events_is_refused(place: Place) -> None:
    """What was stored and dropped can't be told from new any more: too late, and counted once for ever."""
    events = some()
    await send(place, *events)
    async with place.pool.connection() as conn:
        await aggregate.refresh(conn)
        before = await ask(conn, "list_daily")
        await drop(conn, FLOOR)
        receipt = await send(place, *events)
        late = [n for n, event in enumerate(events) if event.time and event.time < FLOOR]
        assert [(r.index, r.code) for r in receipt.rejected] == [(n, "too_late") for n in late]
        assert (receipt.accepted, receipt.duplicates) == (0, len(events) - len(late))
        assert await ask(conn, "list_daily") == before


async def test_drop_waits_for_writers_in_flight(place: Place) -> None:
    """An event written below the instant, not committed yet: the drop waits, then refuses, for it must be rolled up."""
    await send(place, request(NOW))
    old = FLOOR - timedelta(days=3)
    async with place.pool.connection() as conn, await connect(place.url, autocommit=True) as dropper:
        await aggregate.refresh(conn)
        await conn.execute(statement("prepare_events"), {"since": old, "until": old})
        async with await connect(place.url) as writer:
            await writer.execute(statement("share_floor"))
            event = {"team_id": place.team.id, "time": old, "event_id": place.team.public_id, "quantity": Decimal(7)}
            await writer.execute(query("insert_event"), event)
            bucket = old.replace(minute=0, second=0)
            await writer.execute(statement("log_touched"), {"team_ids": [place.team.id], "buckets": [bucket]})
            task = asyncio.create_task(drop(dropper, FLOOR))
            await until_blocked(conn, dropper)
            await writer.commit()
        with pytest.raises(psycopg.errors.ObjectInUse, match="refresh first"):
            await task
        assert [row[3] for row in await ask(conn, "list_daily")] == [Decimal(7), Decimal(1)]
        assert await differences(conn) == []


async def test_reader_of_an_older_snapshot_keeps_its_raw_events(place: Place) -> None:
    """A reader that began before the drop reads on as if nothing happened; the drop waits for it, writers do not."""
    await send(place, *some())
    async with (
        place.pool.connection() as conn,
        await connect(place.url, autocommit=True) as dropper,
        await connect(place.url, autocommit=True) as reader,
    ):
        async with reader.transaction():
            await reader.execute(statement("begin_reading"))
            before = await ask(reader, "list_daily")  # from raw events: nothing is rolled up yet
            await aggregate.refresh(conn)
            task = asyncio.create_task(drop(dropper, FLOOR))

            async def floor_moved() -> bool:
                return await (await conn.execute(statement("get_floor"))).fetchone() == (FLOOR,)

            await until(floor_moved)
            assert (await send(place, request(NOW + timedelta(seconds=1)))).accepted == 1
            assert await ask(reader, "list_daily") == before
            assert not task.done()
        await task
        assert (await ask(conn, "count_raw"))[0][0] < 2 * DAYS
