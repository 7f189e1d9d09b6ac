"""Who goes on with a backfill, and how fast? A worker, a slice at a time, and never for longer than it rests.

Live ingest shares the database: a slice is short and holds no lock when it ends, then the work pauses for as long as
the slice took; five times as long where somebody wrote usage meanwhile, so it has a sixth of the time then, as any job
has; and longer while what is touched waits to be rolled up.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import NamedTuple

from meter.backfill import book, compare, walk
from meter.backfill.apply import Memory, apply
from meter.backfill.undo import take_back
from meter.database import Connection
from meter.errors import Busy, Problem
from meter.model import Team
from sql import statement

SWEPT_AT_ONCE = 5_000


class Pace(NamedTuple):
    """How hard to work: seconds in a turn, seconds to pause for each second of work, rows at once.

    `backlog` touched quarters may wait to be rolled up meanwhile; `shared` is the pause where others write usage.
    """

    turn_s: float = 5.0
    pause: float = 1.0
    rows: int = walk.ROWS
    backlog: int = 5_000
    shared: float = 5.0


PACE = Pace()


async def turn(conn: Connection, now: datetime, pace: Pace = PACE) -> str | None:
    """Goes on with backfills for a while, those that waited longest first; says which came to an end of a phase."""
    ends = time.monotonic() + pace.turn_s
    memories: dict[int, Memory] = {}
    said: list[str] = []
    await conn.execute(statement("expire_backfills"), {"before": now - book.FORGOTTEN_AFTER})
    while time.monotonic() < ends:
        began = time.monotonic()
        row = await (await conn.execute(statement("find_due_backfill"))).fetchone()
        if row is None:
            if not await _sweep(conn):
                break
        elif await _crowded(conn, pace.backlog):
            await asyncio.sleep(min(0.2, pace.turn_s))
            continue
        else:
            try:
                over = await _step(conn, row[0], Team(*row[1:]), memories.setdefault(row[0], Memory()), now, pace.rows)
            except Busy:
                break  # others are at the same events: the next turn tries again
            said += [over] if over else []
        await _rest(conn, time.monotonic() - began, pace)
    return "; ".join(said) or None


async def _step(conn: Connection, backfill_id: int, team: Team, memory: Memory, now: datetime, rows: int) -> str | None:
    """Does one slice of whatever is under way; says so when that is over."""
    async with conn.transaction():
        backfill = await book.hold(conn, backfill_id)
    phase = backfill.state
    if phase not in ("comparing", "applying", "undoing"):
        return None
    try:
        if phase == "comparing":
            more = await compare.look(conn, backfill_id, now, rows)
        elif phase == "applying":
            more = await apply(conn, team, backfill_id, memory, now, rows)
        else:
            more = await take_back(conn, team, backfill_id, memory, now, rows)
    except Busy:
        raise
    except Problem as problem:
        async with conn.transaction():
            held = await book.hold(conn, backfill_id)
            if held.state == phase:
                await book.move(conn, held, "failed", now, held.ordered_by, (phase, problem.detail))
        return f"{backfill.public_id} failed while {phase}: {problem.detail}"
    return None if more else f"{backfill.public_id} is no longer {phase}"


async def _rest(conn: Connection, took_s: float, pace: Pace) -> None:
    """Pauses after a slice, longer where others write usage meanwhile."""
    if not pace.pause:
        return
    before = await _written(conn)
    await asyncio.sleep(took_s * pace.pause)
    if await _written(conn) != before:
        await asyncio.sleep(took_s * max(0.0, pace.shared - pace.pause))


async def _written(conn: Connection) -> int:
    """A number that grows whenever anybody writes usage."""
    (row,) = await (await conn.execute(statement("count_written"))).fetchall()
    return int(row[0])


async def _crowded(conn: Connection, most: int) -> bool:
    """Whether as many touched quarters wait to be rolled up as there may."""
    row = await (await conn.execute(statement("count_touched"), {"most": most})).fetchone()
    return row is not None and row[0] >= most


async def _sweep(conn: Connection) -> bool:
    """Forgets some events of sources that nobody needs any more; whether there were any."""
    row = await (await conn.execute(statement("find_unswept_backfill"))).fetchone()
    if row is None:
        return False
    given = {"backfill_id": row[0], "keeps_added": row[1], "rows": SWEPT_AT_ONCE}
    gone = await conn.execute(statement("drop_backfill_events"), given)
    if gone.rowcount == 0:
        await conn.execute(statement("mark_backfill_swept"), {"backfill_id": row[0]})
    return True
