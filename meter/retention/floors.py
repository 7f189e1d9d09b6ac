"""What is kept since when, and how the line is moved behind which nothing is taken any more."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import NamedTuple

import psycopg

from meter.database import Connection
from sql import statement

PATIENCE_S = 60.0
PAUSE_S = 0.05


class Floors(NamedTuple):
    """Raw events and points before these instants are gone; None where all are kept.

    Before `closed` nothing is taken or changed any more; before `unarchived` some of what is gone is in no archive.
    """

    raw: datetime | None
    closed: datetime | None
    unarchived: datetime | None
    points: datetime | None


class NotNowError(RuntimeError):
    """What is to be dropped is in use, or not rolled up; the next run tries again."""


async def floors(conn: Connection) -> Floors:
    """The floors as they are now."""
    row = await (await conn.execute(statement("get_floors"))).fetchone()
    return Floors(None, None, None, None) if row is None else Floors(*row)


async def close(conn: Connection, until: datetime) -> None:
    """Takes nothing more before an instant: who writes there has committed, and what came is rolled up.

    The lock that every writer shares is waited for in short spells, so that nobody waits long behind us. `conn` must be
    in autocommit mode. Raises NotNowError when writers never pause, or when something waits to be rolled up.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            async with conn.transaction():
                await conn.execute(statement("wait_briefly"))
                await conn.execute(statement("lock_floor"))
                if await (await conn.execute(statement("close_events"), {"until": until})).fetchone() is None:
                    raise NotNowError(f"quarters before {until:%Y-%m-%d} wait to be rolled up")
                return
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > deadline:
                raise NotNowError("somebody writes all the time") from None
            await asyncio.sleep(PAUSE_S)


async def reopen(conn: Connection) -> None:
    """Takes again what comes for the weeks that were closed and not dropped."""
    await conn.execute(statement("reopen_events"))
