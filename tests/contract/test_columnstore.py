"""Compressed chunks are like others: they take late events by COPY, refuse duplicates, are read, rolled up and dropped.

TimescaleDB has lost rows and missed duplicates here before (timescaledb#7672, #5553, #6302).
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from meter import aggregate
from meter.database import Connection
from meter.ingest import Ingest
from meter.model import Event
from tests.contract.place import NOW, PAST_DAYS, Place, Rows, ask, differences, send
from tests.contract.test_points import by_quarter, expected, part, stream, target
from tests.contract.test_points import send as send_points

pytestmark = pytest.mark.parametrize("engine", ["timescale"], indirect=True, scope="session")

WEEK = timedelta(weeks=1)
EVENTS = 3_000


def request(number: int, quantity: int = 1) -> Event:
    """Answer an event of one of the last three weeks, or of nine weeks ago for every fourth; many share an instant."""
    age = WEEK * (9 if number % 4 == 0 else number % 4)
    time = NOW - age - timedelta(seconds=number // 20)
    return Event(id=f"c{number}", time=time, meter="requests", member=str(number % 7), quantity=Decimal(quantity))


async def compressed(place: Place, conn: Connection) -> None:
    """Store events and move every chunk but the newest to the columnstore."""
    assert (await send(place, *map(request, range(EVENTS)))).accepted == EVENTS
    assert await aggregate.refresh(conn)
    await ask(conn, "compress", {"instant": NOW})
    assert (await ask(conn, "count_compressed"))[0] >= (3,)


async def stored(conn: Connection) -> Rows:
    """Answer what is stored, after checking the views before and after a refresh."""
    assert await differences(conn) == []
    assert await aggregate.refresh(conn)
    assert await differences(conn) == []
    return await ask(conn, "count_stored")


async def test_nothing_moves_by_itself(place: Place) -> None:
    """The columnstore is ready, and no job of the engine touches our chunks."""
    async with place.pool.connection() as conn:
        await compressed(place, conn)
        assert (await ask(conn, "count_compressed"))[0][1] == 0


async def test_replay_into_compressed_chunks_is_all_duplicates(place: Place) -> None:
    """Every one of the compressed events is found again."""
    async with place.pool.connection() as conn:
        await compressed(place, conn)
        receipt = await send(place, *map(request, range(EVENTS)))
        assert (receipt.accepted, receipt.duplicates, receipt.rejected) == (0, EVENTS, [])
        assert await stored(conn) == [("requests", EVENTS, Decimal(EVENTS))]


async def test_late_events_into_compressed_chunks(place: Place) -> None:
    """New ones go in beside duplicates and conflicts, are counted at once, and are there after compressing again."""
    async with place.pool.connection() as conn:
        await compressed(place, conn)
        batch = [*map(request, range(EVENTS - 500, EVENTS + 500)), request(1, 2)]
        for accepted, duplicates in ((500, 500), (0, 1_000)):
            receipt = await send(place, *batch)
            assert (receipt.accepted, receipt.duplicates) == (accepted, duplicates)
            assert [(rejected.index, rejected.code) for rejected in receipt.rejected] == [(1_000, "id_conflict")]
            assert await stored(conn) == [("requests", EVENTS + 500, Decimal(EVENTS + 500))]
            await ask(conn, "compress", {"instant": NOW})
        assert await stored(conn) == [("requests", EVENTS + 500, Decimal(EVENTS + 500))]


async def test_same_late_event_from_two_writers(place: Place) -> None:
    """Exactly one is accepted, though neither chunk nor index holds the other's row yet."""
    async with place.pool.connection() as conn:
        await compressed(place, conn)
        writers = [Ingest(place.pool, PAST_DAYS) for _ in range(3)]
        for number in range(EVENTS, EVENTS + 8):
            receipts = await asyncio.gather(
                *(writer.take(place.team, place.caller, [request(number)], NOW) for writer in writers)
            )
            assert sorted(receipt.accepted for receipt in receipts) == [0, 0, 1]
        assert await stored(conn) == [("requests", EVENTS + 8, Decimal(EVENTS + 8))]


async def test_compressing_while_late_events_come(place: Place) -> None:
    """Nothing is lost or doubled, whoever is first."""
    async with place.pool.connection() as conn:
        await compressed(place, conn)

        async def compress() -> None:
            for _ in range(4):
                await ask(conn, "compress", {"instant": NOW})

        late = [list(map(request, range(EVENTS + n, EVENTS + n + 50))) for n in range(0, 400, 25)]
        compressing = asyncio.create_task(compress())
        receipts = await asyncio.gather(*(send(place, *batch) for batch in late))
        await compressing
        assert sum(receipt.accepted for receipt in receipts) == 425
        assert await stored(conn) == [("requests", EVENTS + 425, Decimal(EVENTS + 425))]


async def test_compressed_chunks_are_dropped(place: Place) -> None:
    """Days stay, raw events go."""
    async with place.pool.connection() as conn:
        await compressed(place, conn)
        before = await ask(conn, "list_daily")
        await ask(conn, "drop_before", {"instant": NOW - WEEK * 5})
        assert (await ask(conn, "count_raw"))[0][0] == EVENTS * 3 // 4
        assert await ask(conn, "list_daily") == before


async def test_late_points_revise_what_is_compressed(place: Place) -> None:
    """Rows go and come in the columnstore of usage and of points, and the buckets follow."""
    chance = random.Random(3)  # noqa: S311 - no secret
    way = target("level")
    whole = stream((at, chance.randrange(90)) for at in range(0, 9_000, 45))
    late = sorted(chance.sample(range(len(whole.points)), 60))
    timely = [point for number, point in enumerate(whole.points) if number not in late]
    await send_points(place, way, msgspec.structs.replace(whole, points=timely))
    async with place.pool.connection() as conn:
        assert await aggregate.refresh(conn)
        await ask(conn, "compress", {"instant": NOW + timedelta(days=30)})
        await ask(conn, "compress_points", {"instant": NOW + timedelta(days=30)})
        for number in late:
            await send_points(place, way, part(whole, slice(number, number + 1)))
        assert (await send_points(place, way, whole)).duplicates == len(whole.points)
        assert await by_quarter(place) == expected(way, [whole])
        assert await aggregate.refresh(conn)
        assert await by_quarter(place) == expected(way, [whole])
