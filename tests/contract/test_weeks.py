"""A week that is made while somebody reads: nothing is written to it before every session knows that it is there."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from meter.database import connect
from meter.model import Event
from tests.contract.place import NOW, Place, ask, send, until

OLD = NOW - timedelta(days=70)


def request() -> Event:
    """Answer an event of a week that nobody has made."""
    return Event(id="old", time=OLD, meter="requests", member="ann", quantity=Decimal(1))


async def test_a_new_week_waits_for_those_who_read(place: Place) -> None:
    """Their list of partitions may be the one from before, and stay so unless they are told once they are done."""
    if place.engine != "postgres":
        pytest.skip("only partitions are listed in a session's memory")
    async with await connect(place.url) as reader, place.pool.connection() as watcher:
        assert await ask(reader, "count_raw") == [(0, None)]
        sending = asyncio.create_task(send(place, request()))

        async def attached() -> bool:
            return ("usage_event_20260907", None) in await ask(watcher, "list_weeks")

        await until(attached)
        again = asyncio.create_task(send(place, request()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.gather(sending, again)), 0.2)
        assert await ask(watcher, "count_raw") == [(0, None)]
        await reader.commit()
        receipts = await asyncio.gather(sending, again)
        assert sorted((each.accepted, each.duplicates) for each in receipts) == [(0, 1), (1, 0)]
        assert await ask(reader, "count_raw") == [(1, OLD)]
        assert all(known for _, known in await ask(watcher, "list_weeks"))


async def test_a_week_that_was_not_told_of_is_told_of_by_the_next(place: Place) -> None:
    """Whoever made it may have died before; readers that came later are not waited for."""
    if place.engine != "postgres":
        pytest.skip("only partitions are listed in a session's memory")
    async with await connect(place.url, autocommit=True) as maker, await connect(place.url) as reader:
        await ask(reader, "count_raw")
        await maker.execute("set statement_timeout = '200ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            await maker.execute("call prepare_until(%s, %s)", (OLD, OLD))
        assert await ask(maker, "list_weeks") == [("usage_event_20260907", None)]
        await reader.commit()
    assert (await send(place, request())).accepted == 1
    async with place.pool.connection() as conn:
        assert all(known for _, known in await ask(conn, "list_weeks"))
