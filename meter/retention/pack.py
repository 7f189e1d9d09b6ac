"""Moves what hardly changes any more to the columnstore, chunk by chunk, where the engine has one."""

from __future__ import annotations

from datetime import datetime, timedelta

from meter.database import Connection
from sql import statement


async def pack(conn: Connection, after_days: int, now: datetime) -> int:
    """Moves chunks of raw events and points that ended so many days ago (0: none); how many. `conn` in autocommit mode.

    Readers go on meanwhile. Who writes to a chunk waits until it is moved; one in use is left for later.
    """
    if not after_days:
        return 0
    before = now - timedelta(days=after_days)
    row = await (await conn.execute(statement("pack_chunks"), {"before": before})).fetchone()
    return 0 if row is None else int(row[0])
