"""How far behind are the roll-ups? Answers are complete all the same; a growing lag means that no worker runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from meter.database import Connection
from sql import statement


async def lag(conn: Connection, now: datetime) -> timedelta:
    """How long the oldest touched bucket has been waiting; zero where none waits."""
    row = await (await conn.execute(statement("find_oldest_touched"))).fetchone()
    return max(now - row[0], timedelta()) if row else timedelta()
