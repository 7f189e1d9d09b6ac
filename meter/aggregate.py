"""Keeps the buckets fresh: rolls up what the log says is touched, and makes room for events ahead of time."""

from __future__ import annotations

from datetime import datetime, timedelta

from meter.database import Connection
from sql import statement

AHEAD = timedelta(days=14)
MAX_ROWS = 50_000


async def refresh(conn: Connection, max_rows: int = MAX_ROWS) -> bool:
    """Rolls up at most `max_rows` rows of the log; False when another refresher is at it.

    The lock is taken in a statement of its own: a snapshot older than the lock would miss what the last holder did.
    It belongs to the session, so a refresher that dies lets go of it, and the rows it noted are still in the log.
    `conn` must be in autocommit mode: the procedure commits between its steps.
    """
    locked = await (await conn.execute(statement("lock_refresh"))).fetchone()
    if locked is None or not locked[0]:
        return False
    try:
        await conn.execute(statement("refresh_buckets"), {"max_rows": max_rows})
    finally:
        await conn.execute(statement("unlock_refresh"))
    return True


async def prepare(conn: Connection, now: datetime) -> None:
    """Makes partitions or chunks for the two weeks ahead, while no writer waits for them."""
    await conn.execute(statement("prepare_events"), {"since": now, "until": now + AHEAD})
