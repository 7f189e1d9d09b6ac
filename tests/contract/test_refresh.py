"""A refresh may be slow, killed, doubled or overtaken: readers are right at every step, the next one completes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql
from uuid_utils.compat import uuid7

from meter import aggregate
from meter.database import Connection, connect
from meter.model import Event
from sql import statement
from tests.contract.place import NOW, Place, ask, differences, query, send, until_blocked

QUARTER = timedelta(minutes=15)
SPREAD = 2_300  # quarters: more than one slice


def requests(quantity: int, *times: datetime) -> list[Event]:
    """Answer one event per time."""
    return [
        Event(id=f"{quantity}-{time}", time=time, meter="requests", member="ann", quantity=Decimal(quantity))
        for time in times
    ]


def spread() -> list[Event]:
    """Answer an event in every quarter of the last 23 days."""
    return requests(1, *(NOW - QUARTER * n for n in range(SPREAD)))


class Stuck(NamedTuple):
    """A refresh that is half done and waits; `let_go` ends what it waits for."""

    task: asyncio.Task[bool]
    refresher: Connection
    holder: Connection
    watcher: Connection

    async def let_go(self) -> None:
        """Let the refresh go on, if it still lives."""
        await self.holder.rollback()


@asynccontextmanager
async def stuck_refresh(place: Place, lock: str = "lock_hours") -> AsyncIterator[Stuck]:
    """Begin a refresh that has rolled up quarters and waits for a lock on the hours."""
    async with (
        await connect(place.url) as holder,
        await connect(place.url, autocommit=True) as refresher,
        await connect(place.url, autocommit=True) as watcher,
    ):
        hours = (await ask(holder, f"find_hours_{place.engine}"))[0]
        await holder.execute(sql.SQL(query(lock)).format(sql.Identifier(*hours)))
        task = asyncio.create_task(aggregate.refresh(refresher))
        try:
            await until_blocked(watcher, refresher)
            yield Stuck(task, refresher, holder, watcher)
        finally:
            await holder.rollback()
            await asyncio.gather(task, return_exceptions=True)


async def kill(stuck: Stuck) -> None:
    """End the refresher's session and see its refresh fail."""
    await ask(stuck.watcher, "terminate", {"pid": stuck.refresher.info.backend_pid})
    with pytest.raises(psycopg.OperationalError):
        await stuck.task


async def waiting(conn: Connection) -> int:
    """Count log rows."""
    return int((await ask(conn, "count_waiting"))[0][0])


async def test_killed_refresh_is_completed_by_the_next(place: Place) -> None:
    """Killed between quarters and hours: readers are right before and after, the lock is free, the log is not lost."""
    assert (await send(place, *spread())).accepted == SPREAD
    async with stuck_refresh(place) as stuck:
        assert await differences(stuck.watcher) == []
        await kill(stuck)
        await stuck.let_go()
        assert await differences(stuck.watcher) == []
        assert await waiting(stuck.watcher) == SPREAD
        assert await aggregate.refresh(stuck.watcher) is True
        assert await waiting(stuck.watcher) == 0
        assert await differences(stuck.watcher) == []


async def test_killed_between_slices_keeps_what_was_done(place: Place) -> None:
    """A long refresh commits as it goes: killed near its end, it need not begin again; nothing is wrong meanwhile."""
    await send(place, *requests(5, NOW))
    async with place.pool.connection() as conn:
        await aggregate.refresh(conn)
    await send(place, *spread())
    async with stuck_refresh(place, "hold_last_hour") as stuck:
        assert 0 < await waiting(stuck.watcher) < SPREAD
        assert await differences(stuck.watcher) == []
        await kill(stuck)
        await stuck.let_go()
        assert 0 < await waiting(stuck.watcher) < SPREAD
        assert await differences(stuck.watcher) == []
        assert await aggregate.refresh(stuck.watcher)
        assert await waiting(stuck.watcher) == 0
        assert await differences(stuck.watcher) == []


async def test_one_refresher_works_and_the_other_leaves(place: Place) -> None:
    """The second is told so at once; the first completes; the totals are right."""
    await send(place, *spread())
    async with stuck_refresh(place) as stuck:
        assert await aggregate.refresh(stuck.watcher) is False
        assert await waiting(stuck.watcher) == SPREAD
        await stuck.let_go()
        assert await stuck.task is True
        assert await waiting(stuck.watcher) == 0
        assert await differences(stuck.watcher) == []


async def test_two_refreshers_race(place: Place) -> None:
    """Whoever wins each time, nothing is rolled up wrongly or forgotten."""
    async with await connect(place.url, autocommit=True) as one, await connect(place.url, autocommit=True) as two:
        for number in range(1, 9):
            await send(place, *requests(number, *(NOW - QUARTER * n for n in range(0, 12, 3))))
            assert any(await asyncio.gather(aggregate.refresh(one, 3), aggregate.refresh(two, 3)))
            assert await differences(one) == []
        while await waiting(one):
            await aggregate.refresh(one)
        assert await differences(two) == []


@asynccontextmanager
async def in_flight(place: Place, time: datetime) -> AsyncIterator[Connection]:
    """Write an event and its log row in a transaction that is still open."""
    async with await connect(place.url) as conn:
        event = {"team_id": place.team.id, "time": time, "event_id": uuid7(), "quantity": Decimal(7)}
        await conn.execute(query("insert_event"), event)
        bucket = time - (time - NOW.replace(hour=0, minute=0, second=0)) % QUARTER
        await conn.execute(statement("log_touched"), {"team_ids": [place.team.id], "buckets": [bucket]})
        yield conn


async def test_transaction_in_flight_is_counted_after_its_commit(place: Place) -> None:
    """Its bucket is refreshed while it is open: its log row survives, and readers count it from its commit on."""
    await send(place, *requests(1, NOW))
    async with in_flight(place, NOW) as writer, place.pool.connection() as conn:
        assert await aggregate.refresh(conn) is True
        assert await waiting(conn) == 0
        assert [row[3] for row in await ask(conn, "list_daily")] == [Decimal(1)]
        await writer.commit()
        assert await waiting(conn) == 1
        assert [row[3] for row in await ask(conn, "list_daily")] == [Decimal(8)]
        assert [row[3] for row in await ask(conn, "list_rolled_daily")] == [Decimal(1)]
        assert await aggregate.refresh(conn) is True
        assert [row[3] for row in await ask(conn, "list_rolled_daily")] == [Decimal(8)]
        assert await differences(conn) == []


async def test_commit_in_the_middle_of_a_refresh_is_not_forgotten(place: Place) -> None:
    """Committed after the quarters were rolled up and before the log is cleared: only the noted rows go."""
    await send(place, *requests(1, NOW))
    async with in_flight(place, NOW) as writer, stuck_refresh(place) as stuck:
        await writer.commit()
        assert await differences(stuck.watcher) == []
        await stuck.let_go()
        assert await stuck.task is True
        assert await waiting(stuck.watcher) == 1
        assert await differences(stuck.watcher) == []
        assert await aggregate.refresh(stuck.watcher) is True
        assert await waiting(stuck.watcher) == 0
        assert await differences(stuck.watcher) == []


async def test_refresh_changes_nothing_a_reader_sees(place: Place) -> None:
    """The same days before and after, the newest instant and the extremes included."""
    times = (NOW, NOW - timedelta(days=40), NOW - timedelta(days=40, hours=3), NOW - QUARTER)
    await send(place, *requests(3, *times), *requests(2, *times))
    async with place.pool.connection() as conn:
        before = await ask(conn, "list_daily")
        assert await aggregate.refresh(conn)
        assert await ask(conn, "list_daily") == before
        assert await ask(conn, "list_rolled_daily") == before


async def test_few_rows_at_a_time(place: Place) -> None:
    """A refresh takes at most the rows it is told to, oldest first, and says the truth in between."""
    await send(place, *requests(1, *(NOW - timedelta(days=n) for n in range(10))))
    async with place.pool.connection() as conn:
        for left in (6, 2, 0):
            assert await aggregate.refresh(conn, 4)
            assert await waiting(conn) == left
            assert await differences(conn) == []
