"""Invariants 1 and 2: one event counts once, and buckets equal the raw events at every moment, whoever does what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from msgspec.structs import replace

from meter import aggregate
from meter.database import connect
from meter.ingest import Ingest
from meter.model import Event, Receipt
from tests.contract.place import NOW, PAST_DAYS, Place, ask, differences

pytestmark = pytest.mark.slow

ROUNDS = 240
EVENTS = 60
LATE_WEEKS = (3, 9, 17, 30)
Batch = list[Event]


def events(writer: str, number: int) -> Batch:
    """Answer one batch: live ones, late ones, facts of two meters, samples that cross quarters and midnight."""
    dice = Random(f"{writer} {number}")  # noqa: S311 - the same batch each time
    found = []
    for n in range(EVENTS):
        at = NOW - timedelta(seconds=dice.randrange(3_000), microseconds=dice.randrange(1_000_000))
        if n % 3 == 0:
            at -= timedelta(weeks=dice.choice(LATE_WEEKS), hours=dice.randrange(40))
        bare = Event(id=f"{writer}-{number}-{n}", time=at, member=dice.choice("abc"), service=dice.choice("xy"))
        quantity = Decimal(dice.randrange(1, 10**9)).scaleb(-6)
        if n % 10 == 1:
            seconds = Decimal(dice.randrange(60, 5_000))
            found.append(replace(bare, meter="memory", quantity=quantity, duration_seconds=seconds))
        elif n % 10 == 2:
            found.append(replace(bare, quantities={"tokens.input": quantity, "tokens.output": quantity * 2}))
        else:
            found.append(replace(bare, meter="requests", quantity=quantity))
    return found


def plans() -> dict[str, list[Batch]]:
    """Answer what each writer sends: two the same batches in opposite order, two their own, each batch twice."""
    shared = [events("shared", number) for number in range(ROUNDS)]
    own = {name: [events(name, number // 2) for number in range(ROUNDS)] for name in ("third", "fourth")}
    return {"first": shared, "second": shared[::-1], **own}


def sent_once(batches: Iterator[Batch]) -> dict[str, Decimal]:
    """Answer the sum per meter over distinct ids, samples in MB-seconds."""
    distinct = {event.id: event for batch in batches for event in batch}
    sums: dict[str, Decimal] = {}
    for event in distinct.values():
        pairs = event.quantities or {str(event.meter): Decimal(event.quantity or 0)}
        for slug, quantity in pairs.items():
            weight = event.duration_seconds * 1024 if event.duration_seconds else Decimal(1)
            sums[slug] = sums.get(slug, Decimal(0)) + quantity * weight
    return sums


async def write(place: Place, batches: list[Batch]) -> list[Receipt]:
    """Send batches one after the other, as a process of its own would: nothing remembered is shared."""
    ingest = Ingest(place.pool, PAST_DAYS)
    return [await ingest.take(place.team, place.caller, batch, NOW) for batch in batches]


@asynccontextmanager
async def repeating(place: Place) -> AsyncIterator[dict[str, int]]:
    """Refresh and compare without a pause while the block runs; answer how often each was done."""
    done = {"refreshed": 0, "compared": 0}
    over = asyncio.Event()

    async def refresh() -> None:
        async with await connect(place.url, autocommit=True) as conn:
            while not over.is_set():
                done["refreshed"] += await aggregate.refresh(conn)

    async def compare() -> None:
        async with await connect(place.url, autocommit=True) as conn:
            while not over.is_set():
                assert await differences(conn) == []
                done["compared"] += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(refresh())
        group.create_task(compare())
        try:
            yield done
        finally:
            over.set()


async def test_views_are_right_while_everybody_writes(place: Place) -> None:
    """Four writers, a refresher and a reader at once: no reader ever sees a wrong sum, nothing counts twice or not."""
    batches = plans()
    async with repeating(place) as done:
        receipts = await asyncio.gather(*(write(place, mine) for mine in batches.values()))
    assert done["refreshed"] > 3
    assert done["compared"] > 3
    accepted, duplicates, rejected = (
        sum(sum(part(receipt) for receipt in mine) for mine in receipts)
        for part in (lambda r: r.accepted, lambda r: r.duplicates, lambda r: len(r.rejected))
    )
    assert (accepted, duplicates, rejected) == (2 * ROUNDS * EVENTS, 2 * ROUNDS * EVENTS, 0)
    async with place.pool.connection() as conn:
        stored = {slug: total for slug, _, total in await ask(conn, "count_stored")}
        assert stored == sent_once(batch for mine in batches.values() for batch in mine)
        assert await aggregate.refresh(conn)
        assert await ask(conn, "count_waiting") == [(0,)]
        assert await differences(conn) == []
