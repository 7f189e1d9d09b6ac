"""Retention in contract tests: what is kept for how long at a place, and a run of it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from meter import aggregate
from meter.database import Connection
from meter.retention import run
from meter.retention.run import Dropped, Found
from meter.settings import Settings, load
from tests.contract.place import NOW, Place, ask

DAYS = 14


def settings(archive: Path | None = None, points_days: int | None = None, days: int | None = DAYS) -> Settings:
    """Answer settings that keep raw events for two weeks."""
    kept = {"keep_raw_days": days, "keep_points_days": points_days, "archive_dir": archive, "past_days": DAYS}
    return msgspec.structs.replace(load({}), **kept)


async def settled(conn: Connection) -> None:
    """Roll up everything, and follow it."""
    assert await aggregate.refresh(conn)
    await ask(conn, "forget_follow_up")


async def looked(place: Place, chosen: Settings) -> Found:
    """Answer what a run would do."""
    async with place.pool.connection() as conn:
        return await run.look(conn, chosen, NOW)


async def retained(place: Place, chosen: Settings) -> Dropped:
    """Run it once."""
    async with place.pool.connection() as conn:
        return await run.drop(conn, chosen, NOW)
