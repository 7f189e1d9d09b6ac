"""One run of retention: what would be dropped of each class, what holds it back, and the dropping itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from meter.archive.keep import Archive
from meter.database import Connection
from meter.retention import points, raw, rows
from meter.retention.floors import Floors, floors
from meter.retention.holds import Held
from meter.retention.rows import Rows
from meter.retention.weeks import WEEK
from meter.settings import Settings
from sql import statement


class Found(NamedTuple):
    """What stands to be dropped: weeks of raw events, points up to an instant, rows; and what holds which week back.

    `kept` is how it stands now. A class that is kept for ever has None for its days.
    """

    kept: Floors
    raw_days: int | None
    weeks: list[datetime]
    stopped: datetime | None
    holds: list[Held]
    points_days: int | None
    points_until: datetime | None
    rows: Rows


class Dropped(NamedTuple):
    """What a run has dropped: weeks of raw events, points up to an instant (None: none), and how many rows."""

    weeks: list[datetime]
    points_until: datetime | None
    rows: Rows = Rows()


class RunningError(RuntimeError):
    """Another run is at it."""


def archive_of(settings: Settings) -> Archive | None:
    """Where raw events go before they are dropped; None for nowhere."""
    return None if settings.archive_dir is None else Archive(settings.archive_dir)


async def look(conn: Connection, settings: Settings, now: datetime) -> Found:
    """What may be dropped now, and what not yet; changes nothing."""
    kept = await floors(conn)
    days = settings.keep_raw_days
    due = raw.Due([], None, ()) if days is None else await raw.due(conn, timedelta(days=days), now)
    reached = due.weeks[-1] + WEEK if due.weeks else kept.raw
    points_days = settings.keep_points_days
    points_until = None
    if points_days is not None:
        points_until = points.due(kept._replace(raw=reached), timedelta(days=points_days), now)
    old = await rows.due(conn, settings, now)
    return Found(kept, days, due.weeks, due.stopped, list(due.holds), points_days, points_until, old)


async def drop(conn: Connection, settings: Settings, now: datetime) -> Dropped:
    """Drops what may be dropped, week after week; goes on where an earlier run stopped. `conn` is in autocommit mode.

    Rows that stand by themselves go first: a week that has to stay is no reason to keep them.

    Raises:
        RunningError: another run is at it.
        NotNowError: something is in use, or waits to be rolled up.
        DiffersError, ArchiveError: a week is not what it must be; it stays, and all after it.
    """
    async with _alone(conn):
        gone = await rows.drop(conn, settings, now)
        weeks = []
        if settings.keep_raw_days is not None:
            await raw.finish(conn)
            due = await raw.due(conn, timedelta(days=settings.keep_raw_days), now)
            for week in due.weeks:
                await raw.drop_week(conn, week, archive_of(settings), now)
                weeks.append(week)
        until = None
        if settings.keep_points_days is not None:
            before = await floors(conn)
            due_until = points.due(before, timedelta(days=settings.keep_points_days), now)
            if due_until is not None:
                await points.drop(conn, due_until)
            after = await floors(conn)
            until = after.points if after.points != before.points else None
        return Dropped(weeks, until, gone)


@asynccontextmanager
async def _alone(conn: Connection) -> AsyncIterator[None]:
    """Keeps other runs out. The lock is the session's: a run that dies lets go of it. Raises RunningError."""
    row = await (await conn.execute(statement("lock_retention"))).fetchone()
    if row is None or not row[0]:
        raise RunningError("another run of retention is at it")
    try:
        yield
    finally:
        if not conn.closed:
            await conn.execute(statement("unlock_retention"))
