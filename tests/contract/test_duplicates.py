"""COPY meets what is stored already: each event counts once, and its receipt says what became of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from meter.database import Connection, connect
from meter.identity import hashed
from meter.ingest import Ingest
from meter.model import Event, Receipt
from sql import statement
from tests.contract.place import NOW, PAST_DAYS, Place, Rows, ask, differences, query, send, until_blocked

WEEK = timedelta(weeks=1)


def request(number: int, quantity: int = 1, age: timedelta = timedelta(0)) -> Event:
    """Answer the event of a number."""
    time = NOW - timedelta(seconds=number) - age
    return Event(id=f"e{number}", time=time, meter="requests", member="ann", quantity=Decimal(quantity))


def tokens(number: int, **quantities: int) -> Event:
    """Answer a fact of several meters."""
    pairs = {f"tokens.{name}": Decimal(quantity) for name, quantity in quantities.items()}
    return Event(id=f"t{number}", time=NOW - timedelta(seconds=number), quantities=pairs)


def sample(number: int, level: int = 2) -> Event:
    """Answer a sample of 50 minutes: four or five rows."""
    time = NOW - timedelta(seconds=number)
    seconds = Decimal(3_000)
    return Event(id=f"s{number}", time=time, meter="cpu", quantity=Decimal(level), duration_seconds=seconds)


def counts(receipt: Receipt) -> tuple[int, int, list[tuple[int, str]]]:
    """Answer accepted, duplicates, and which were rejected how."""
    return receipt.accepted, receipt.duplicates, [(rejected.index, rejected.code) for rejected in receipt.rejected]


async def stored(place: Place) -> Rows:
    """Answer what is stored per meter, after checking that the views say the same."""
    async with place.pool.connection() as conn:
        assert await differences(conn) == []
        return await ask(conn, "count_stored")


async def test_replay_is_all_duplicates(place: Place) -> None:
    """The same batch again, by the same process and by another one: nothing changes."""
    batch = [*map(request, range(500)), tokens(1, input=5, output=7), sample(1)]
    assert counts(await send(place, *batch)) == (502, 0, [])
    before = await stored(place)
    assert counts(await send(place, *batch)) == (0, 502, [])
    other = Ingest(place.pool, PAST_DAYS)
    assert counts(await other.take(place.team, place.caller, batch[::-1], NOW)) == (0, 502, [])
    assert await stored(place) == before


async def test_half_of_it_is_new(place: Place) -> None:
    """Only the new ones go in, over several weeks."""
    batch = [request(number, age=WEEK * (number % 5)) for number in range(400)]
    assert counts(await send(place, *batch[::2])) == (200, 0, [])
    assert counts(await send(place, *batch)) == (200, 200, [])
    assert await stored(place) == [("requests", 400, Decimal(400))]


async def test_other_quantity_is_a_conflict(place: Place) -> None:
    """The first one stays; the others of the batch go in."""
    await send(place, request(1, 5))
    assert counts(await send(place, request(0), request(1, 6), request(2))) == (2, 0, [(1, "id_conflict")])
    assert await stored(place) == [("requests", 3, Decimal(7))]


@pytest.mark.parametrize("again", [(6,), (6, 6), (6, 5), (5, 6, 6)])
async def test_conflicts_within_one_batch(place: Place, again: tuple[int, ...]) -> None:
    """Of one identity in one batch the first counts; the same fact again is a duplicate, another is a conflict."""
    accepted, duplicates, rejected = counts(await send(place, request(1, 5), *(request(1, n) for n in again)))
    assert (accepted, duplicates) == (1, again.count(5))
    assert rejected == [(n, "id_conflict") for n, quantity in enumerate(again, 1) if quantity != 5]
    assert await stored(place) == [("requests", 1, Decimal(5))]


async def test_fact_of_several_meters_is_all_or_none(place: Place) -> None:
    """One meter of it conflicts: no row of it is stored, the next fact is."""
    await send(place, tokens(1, output=7))
    receipt = await send(place, tokens(1, input=5, output=8), tokens(2, input=1, output=2))
    assert counts(receipt) == (1, 0, [(0, "id_conflict")])
    assert await stored(place) == [("tokens.input", 1, Decimal(1)), ("tokens.output", 2, Decimal(9))]
    assert counts(await send(place, tokens(1, input=5, output=7))) == (0, 0, [(0, "id_conflict")])
    assert await stored(place) == [("tokens.input", 1, Decimal(1)), ("tokens.output", 2, Decimal(9))]


async def test_duplicate_of_a_refused_fact_is_not_lost(place: Place) -> None:
    """A fact is refused whole; the event after it that repeats one part of it is new, not a duplicate of nothing."""
    await send(place, tokens(1, output=7))
    part = Event(id="t1", time=NOW - timedelta(seconds=1), meter="tokens.input", quantity=Decimal(5))
    assert counts(await send(place, tokens(1, input=5, output=8), part)) == (1, 0, [(0, "id_conflict")])
    assert await stored(place) == [("tokens.input", 1, Decimal(5)), ("tokens.output", 1, Decimal(7))]


async def test_sample_again(place: Place) -> None:
    """The same sample is a duplicate; another level or another duration is a conflict, and nothing of it is stored."""
    await send(place, sample(1))
    before = await stored(place)
    assert counts(await send(place, sample(1), sample(1, 3))) == (0, 1, [(1, "id_conflict")])
    one, shorter = sample(1), Decimal(2_000)
    other = Event(id=one.id, time=one.time, meter="cpu", quantity=one.quantity, duration_seconds=shorter)
    assert counts(await send(place, other)) == (0, 0, [(0, "id_conflict")])
    assert await stored(place) == before


async def test_same_id_from_two_writers_at_once(place: Place) -> None:
    """However often: exactly one is accepted, the other is told that it is a duplicate."""
    writers = [Ingest(place.pool, PAST_DAYS) for _ in range(4)]
    for number in range(20):
        receipts = await asyncio.gather(
            *(writer.take(place.team, place.caller, [request(number)], NOW) for writer in writers)
        )
        assert sorted((receipt.accepted, receipt.duplicates) for receipt in receipts) == [*[(0, 1)] * 3, (1, 0)]
    assert await stored(place) == [("requests", 20, Decimal(20))]


async def test_same_id_with_two_quantities_at_once(place: Place) -> None:
    """Exactly one is accepted, the other conflicts, and what is stored is what was accepted."""
    for number in range(20):
        one, two = await asyncio.gather(send(place, request(number, 1)), send(place, request(number, 2)))
        assert sorted([one.accepted, two.accepted]) == [0, 1]
        assert [r.code for r in (*one.rejected, *two.rejected)] == ["id_conflict"]
    await stored(place)


async def test_weeks_made_in_any_order_do_not_deadlock(place: Place) -> None:
    """Another writer goes by key order through an older week, made last, to a newer one: both get through.

    COPY fills its buffers chunk by chunk on TimescaleDB, so by age of the chunk and not by key.
    """
    late = WEEK * 9
    await send(place, request(5_000))
    await send(place, request(5_000, age=late))
    async with await connect(place.url) as other, place.pool.connection() as watcher:
        await insert(other, place, request(599, age=late))
        batch = [*(request(number, age=late) for number in range(600)), *map(request, range(1_000, 1_300))]
        task = asyncio.create_task(send(place, *batch))
        await until_blocked(watcher, None)
        await insert(other, place, request(1_299))
        await other.commit()
        assert counts(await task) == (898, 2, [])
    async with place.pool.connection() as conn:
        assert await ask(conn, "count_stored") == [("requests", 902, Decimal(902))]


async def insert(conn: Connection, place: Place, event: Event) -> None:
    """Write an event as an ingest elsewhere would, its transaction left open."""
    event_id = UUID(bytes=hashed(b"i", "", str(event.id), str(event.meter)))
    row = {"team_id": place.team.id, "time": event.time, "event_id": event_id, "quantity": event.quantity}
    await conn.execute(query("insert_event"), row)


async def test_new_week_does_not_wait_for_readers(place: Place) -> None:
    """A reader in the middle of its transaction holds up nobody who brings the first event of a week."""
    await send(place, request(1))
    async with await connect(place.url) as reader:
        await reader.execute(statement("begin_reading"))
        before = await ask(reader, "list_daily")
        async with asyncio.timeout(5):
            assert counts(await send(place, request(2, age=WEEK * 30))) == (1, 0, [])
        assert await ask(reader, "list_daily") == before
    assert await stored(place) == [("requests", 2, Decimal(2))]


async def test_retry_with_another_key_is_the_same_fact(place: Place) -> None:
    """Keys are rotated between a send and its retry: still a duplicate, though the series is another one."""
    await send(place, request(1))
    async with place.pool.connection() as conn:
        row = (await ask(conn, "make_key", {"team_id": place.team.id}))[0]
    rotated = type(place.caller)(row[0], row[1], place.team, frozenset({"ingest"}), internal=False)
    receipt = await place.ingest.take(place.team, rotated, [request(1), request(2)], NOW)
    assert counts(receipt) == (1, 1, [])
    assert await stored(place) == [("requests", 2, Decimal(2))]
