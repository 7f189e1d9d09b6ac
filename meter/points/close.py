"""Levels that nothing followed: counted to the end of their gap once no timely point can cut them short any more."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from meter.database import Connection
from meter.points.counting import Head, Row, rows_of
from meter.points.streams import advance, lock_due
from meter.points.write import write_usage
from meter.rows import MAX_ROWS
from meter.store import NoRoomError, Room, hold_floor

MOST = 5_000


async def close_gaps(conn: Connection, now: datetime) -> int:
    """Closes levels that are due, MOST streams at a time, each time in one transaction; how many that were."""
    room, closed, done = Room(), 0, 1
    while done:
        try:
            async with conn.transaction():
                done = await _close(conn, now, room)
        except NoRoomError as error:
            await room.prepare(conn, error.times_us)
            continue
        closed += done
    return closed


async def _close(conn: Connection, now: datetime, room: Room) -> int:
    """Closes those that nobody writes to just now. Raises NoRoomError before anything is written."""
    floor = await hold_floor(conn)
    due = await lock_due(conn, now, MOST)
    heads: dict[int, Head] = {}
    rows: dict[int, list[Row]] = defaultdict(list)
    for stream_id, (team_id, origin, head) in due.items():
        if head is not None and head.last is not None:
            held = rows_of(origin, [head.last], closed_us=head.last.time_us)
            rows[team_id] += [row for row in held if row.time_us >= floor]
            heads[stream_id] = head._replace(closed=True)
        if sum(map(len, rows.values())) > MAX_ROWS:
            break  # the others are due as before
    room.check(row.time_us for mine in rows.values() for row in mine)
    for team_id in sorted(rows):
        await write_usage(conn, team_id, [], rows[team_id])
    await advance(conn, heads)
    return len(heads)
