"""A worker killed with kill -9 in the middle of a backfill: what it has done stays done, and the rest is done later."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from uuid import UUID

from meter.backfill import book
from meter.backfill.book import Step
from meter.backfill.model import Phase, Tally
from meter.backfill.work import Pace
from meter.model import Event
from tests.contract.backfilling import ask_for, begun, bring, done, run, seen
from tests.contract.correcting import broken, counted, total
from tests.contract.place import Place, send, until
from tests.contract.test_backfill import DAY
from tests.contract.test_duplicates import counts, request, sample

EVENTS = 1_500
FAST = Pace(turn_s=30.0, pause=0.0)


async def tally(place: Place, backfill: UUID, phase: Phase) -> Tally | None:
    """Answer what a phase has come to."""
    found = await seen(place, backfill)
    async with place.pool.connection() as conn:
        return (await book.tallies(conn, [found.id])).get((found.id, phase))


async def killed_while(place: Place, backfill: UUID, step: Step, phase: Phase) -> Tally:
    """Ask for a step and kill the worker that does it once some of it is done; answer how far it had come."""
    await ask_for(place, backfill, step)
    command = (sys.executable, "-m", "tests.contract.backfill_worker", place.url)
    worker = await asyncio.create_subprocess_exec(*command)

    async def begun_with() -> bool:
        return await tally(place, backfill, phase) is not None

    await until(begun_with)
    worker.kill()
    await worker.wait()
    found = await tally(place, backfill, phase)
    assert found is not None
    assert (await seen(place, backfill)).state == phase
    return found


async def test_a_killed_worker_goes_on_where_it_was(place: Place) -> None:
    """Killed while it applies and while it undoes, as live events arrive; usage is exact each time."""
    live = [request(n) for n in range(1, EVENTS) if n % 3]
    await send(place, *live, *map(sample, range(5)))
    before = await counted(place)
    made = await begun(place, DAY, "requests")
    source = [request(n, 1 + (n % 5 == 0)) for n in range(1, EVENTS) if n % 7]
    await bring(place, made, source)
    would = await done(place, made, "compare", FAST)
    middle = await killed_while(place, made, "apply", "applying")
    assert 0 < middle.source < would.source
    newest = request(1)  # in the last slice, and the same fact
    other = Event(id="other", time=DAY[0], meter="tokens.input", quantity=Decimal(3))
    assert counts(await send(place, newest, other)) == (1, 1, [])
    await run(place, FAST)
    assert (await seen(place, made)).state == "applied"
    assert await tally(place, made, "applying") == would
    assert await total(place, "requests") == sum(event.quantity or 0 for event in source)
    assert await broken(place) == []
    part = await killed_while(place, made, "undo", "undoing")
    await run(place, FAST)
    undone = await tally(place, made, "undoing")
    assert undone is not None
    assert (undone.restored, undone.voided) == (would.amended + would.voided, would.added)
    assert part.restored + part.voided < undone.restored + undone.voided
    assert [row for row in await counted(place) if row.meter != "tokens.input"] == before
    assert await broken(place) == []
