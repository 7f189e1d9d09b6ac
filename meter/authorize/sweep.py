"""Reservations whose time is over: what they hold comes free, whoever made them, wherever that one is now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from meter.authorize import held, prepare
from meter.authorize.batch import ATTEMPTS, CROSSED, book
from meter.authorize.requests import Answer, Release, Released
from meter.database import Connection
from meter.errors import Busy, Problem
from sql import statement

AT_ONCE = 100
MOST = 5_000


async def turn(conn: Connection, now: datetime) -> int:
    """Gives back what expired, no more than MOST of it; how many there were. `conn` in autocommit mode."""
    expired = 0
    for _ in range(MOST // AT_ONCE):
        rows = await (
            await conn.execute(statement("list_expired_reservations"), {"now": now, "most": AT_ONCE})
        ).fetchall()
        answers = await expire(conn, [public_id for (public_id,) in rows], now)
        expired += sum(isinstance(each, Released) and each.state == "expired" for each in answers)
        if len(rows) < AT_ONCE:
            break
    return expired


async def expire(conn: Connection, public_ids: Sequence[UUID], now: datetime) -> Sequence[Answer | Problem]:
    """Gives back what these reservations hold, if still open. Raises Busy where others keep getting between."""
    for _ in range(ATTEMPTS):
        found = await held.find(conn, public_ids)
        wanted = [prepare.release(Release(None, each, now, expired=True), found[each]) for each in found]
        try:
            return await book(conn, wanted, {}, now)
        except CROSSED:
            continue
    raise Busy("others settle the same reservations; the next turn goes on")


async def trim(conn: Connection, before: datetime) -> None:
    """Forgets reservations that were closed before an instant: nobody asks for their answers again."""
    forgotten = MOST
    while forgotten == MOST:
        forgotten = (await conn.execute(statement("forget_reservations"), {"before": before, "most": MOST})).rowcount
