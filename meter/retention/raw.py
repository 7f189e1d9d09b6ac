"""Raw events, week by week: closed to writers, compared with their buckets, archived, dropped; oldest first.

A crash between any two steps leaves the week's events, or a verified file of them; the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from meter import history
from meter.archive.keep import Archive, keep_week
from meter.database import Connection
from meter.retention.floors import NotNowError, close, floors, reopen
from meter.retention.holds import Held, held
from meter.retention.weeks import WEEK, between
from meter.windows import HOUR, ORIGIN
from sql import statement


class DiffersError(RuntimeError):
    """Buckets differ from raw events that are to be dropped, or could not be compared in time: nothing is dropped."""


class Due(NamedTuple):
    """The weeks that may be dropped; then the first that is old enough and held back, and by what."""

    weeks: list[datetime]
    stopped: datetime | None
    holds: Sequence[Held]


async def due(conn: Connection, keep: timedelta, now: datetime) -> Due:
    """What may be dropped of the raw events: whole weeks that ended `keep` ago, up to the first that is held back."""
    row = await (await conn.execute(statement("find_oldest_event"))).fetchone()
    weeks: list[datetime] = []
    if row is None or row[0] is None:
        return Due(weeks, None, ())
    for week in between(row[0], now - keep):
        holds = await held(conn, week, week + WEEK)
        if holds:
            return Due(weeks, week, holds)
        weeks.append(week)
    return Due(weeks, None, ())


async def finish(conn: Connection) -> None:
    """Drops what an earlier run left behind the floor. Raises NotNowError."""
    row = await (await conn.execute(statement("find_left_event"))).fetchone()
    found = await floors(conn)
    if row and row[0] and found.raw is not None:
        await _drop(conn, found.raw, archived=True)


async def drop_week(conn: Connection, week: datetime, archive: Archive | None, now: datetime) -> None:
    """Drops a week's raw events, once they are known to be what the buckets say and, if asked, safe in the archive.

    Raises:
        NotNowError: something waits to be rolled up, or is in use; the next run goes on.
        DiffersError, ArchiveError: nothing is dropped, and what comes late is taken again.
    """
    until = week + WEEK
    await close(conn, until)
    try:
        await compare(conn, week, until)
        if archive is not None:
            await keep_week(conn, archive, week, until, now)
    except (RuntimeError, OSError, psycopg.Error):
        if not conn.closed:
            await reopen(conn)
        raise
    await _drop(conn, until, archived=archive is not None)


async def compare(conn: Connection, since: datetime, until: datetime) -> None:
    """Holds the buckets of [since, until) against the raw events that are kept of it. Raises DiffersError."""
    floor = (await floors(conn)).raw
    if floor is not None and floor > since:
        since = floor + (ORIGIN - floor) % HOUR
    async for day in history.walk(conn, since, until):
        if not day.holds:
            what = day.unfinished or "; ".join(_words(row) for row in day.rows)
            raise DiffersError(f"{day.start:%Y-%m-%d} is not dropped, buckets differ from raw events: {what}")


def _words(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


async def _drop(conn: Connection, until: datetime, *, archived: bool) -> None:
    try:
        await conn.execute(statement("drop_events"), {"until": until, "archived": archived})
    except psycopg.errors.ObjectInUse as error:
        raise NotNowError(str(error.diag.message_primary)) from error
