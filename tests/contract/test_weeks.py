"""A week that is made while somebody reads: nothing of it is rolled up before every session knows that it is there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from meter import aggregate
from meter.database import connect
from meter.model import Event
from tests.contract.place import NOW, Place, ask, differences, send

OLD = NOW - timedelta(days=70)


def request(event_id: str) -> Event:
    """Answer an event of a week that nobody has made."""
    return Event(id=event_id, time=OLD, meter="requests", member="ann", quantity=Decimal(1))


async def test_a_new_week_is_rolled_up_once_all_know_of_it(place: Place) -> None:
    """A session whose list is from before would roll up nothing and forget what was touched; others are not kept."""
    if place.engine != "postgres":
        pytest.skip("only partitions are listed in a session's memory")
    now = Event(id="now", time=NOW, meter="requests", member="ann", quantity=Decimal(1))
    assert (await send(place, now)).accepted == 1
    async with await connect(place.url) as reader, place.pool.connection() as conn:
        assert await aggregate.refresh(conn)
        assert all(known for _, known in await ask(conn, "list_weeks"))
        assert await ask(reader, "count_raw") == [(1, NOW)]
        assert (await send(place, request("old"))).accepted == 1
        assert (await send(place, now)).duplicates == 1
        assert (await send(place, Event(id="2", time=NOW, meter="requests", quantity=Decimal(1)))).accepted == 1
        assert await aggregate.refresh(conn)
        assert ("usage_event_20260907", None) in await ask(conn, "list_weeks")
        assert [row[0] for row in await ask(conn, "count_waiting")] == [1]
        assert await differences(conn) == []
        assert (await send(place, request("older"))).accepted == 1
        await reader.commit()
        assert await aggregate.refresh(conn)
        assert all(known for _, known in await ask(conn, "list_weeks"))
        assert [row[0] for row in await ask(conn, "count_waiting")] == [0]
        assert await differences(conn) == []
