"""Points of streams: dropped behind the floor of the raw events that are made of them, never before it."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg

from meter.database import Connection
from meter.retention.floors import Floors, NotNowError
from meter.retention.weeks import week_of
from sql import statement


def due(found: Floors, keep: timedelta, now: datetime) -> datetime | None:
    """Up to which instant points may be dropped; None where none may."""
    return None if found.raw is None else min(week_of(now - keep), week_of(found.raw))


async def drop(conn: Connection, until: datetime) -> None:
    """Drops points before an instant, and goes on where an earlier run stopped. Raises NotNowError."""
    try:
        await conn.execute(statement("drop_points"), {"until": until})
    except psycopg.errors.ObjectInUse as error:
        raise NotNowError(str(error.diag.message_primary)) from error
