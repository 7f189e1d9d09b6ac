"""Which ids came again with another time? The events of a range are held against those around it, in parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from meter.database import Connection
from meter.held.slices import parts
from sql import statement

ROWS = 20_000


class Again(NamedTuple):
    """Where an id is that came with another time before: both are places of rows."""

    time: datetime
    event_id: UUID
    first_time: datetime


class Look(NamedTuple):
    """Which range of a team to look at, how many events it has, and how far around it the same id is looked for."""

    team_id: int
    since: datetime
    until: datetime
    events: int
    around: timedelta


Take = Callable[[Sequence[Again]], Awaitable[int]]


async def look(conn: Connection, asked: Look, take: Take) -> int:
    """Hands all that is found to `take`, ROWS at most at once, until it takes no more; how many it took."""
    taken = 0
    for part in parts(asked.events):
        while True:
            found = await _find(conn, asked, part)
            done = await take(found) if found else 0
            taken += done
            if len(found) < ROWS or not done:
                break
    return taken


async def _find(conn: Connection, asked: Look, part: tuple[UUID, UUID]) -> list[Again]:
    parameters = {
        "team_id": asked.team_id,
        "since": asked.since,
        "until": asked.until,
        "around_since": asked.since - asked.around,
        "around_until": asked.until + asked.around,
        "from_id": part[0],
        "to_id": part[1],
        "rows": ROWS,
    }
    async with conn.transaction():
        await conn.execute(statement("join_by_hashes"))
        rows = await (await conn.execute(statement("find_repeated"), parameters)).fetchall()
    return [Again(*row) for row in rows]
