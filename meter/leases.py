"""Who may run a timed job now? A row in PostgreSQL decides, by the database's clock, however many workers ask."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, NamedTuple

import psycopg
from psycopg_pool import PoolTimeout

from meter.database import Connection, Pool
from sql import statement

_log = logging.getLogger(__name__)

Outcome = Literal["done", "failed", "stopped"]

TTL = timedelta(seconds=30)
RENEWALS_PER_TTL = 3
SHARE = 6  # a job works at most one part in so many of the time
RETRY_SECONDS = 300.0


class Run(NamedTuple):
    """What became of one run: how long it took in seconds, and in words what it did (None: nothing was to do)."""

    outcome: Outcome
    detail: str | None
    took_s: float


def rest(run: Run, every_s: float) -> timedelta:
    """How long a job rests after a run: its period less the time it took, but at least five times that time.

    So no job works more than a sixth of the time, however long one run takes; a failed one comes again within five
    minutes.
    """
    period = min(every_s, RETRY_SECONDS) if run.outcome == "failed" else every_s
    return timedelta(seconds=max(period - run.took_s, run.took_s * (SHARE - 1), 0.0))


async def register(conn: Connection, names: Iterable[str]) -> None:
    """Makes jobs known, due at once; those that are known keep their clocks."""
    for name in names:
        await conn.execute(statement("register_lease"), {"name": name})


async def take(conn: Connection, name: str, holder: str, ttl: timedelta = TTL) -> bool:
    """Takes a job that is due and free. False when it is not due, or somebody else holds it."""
    found = await conn.execute(statement("take_lease"), {"name": name, "holder": holder, "ttl": ttl})
    row = await found.fetchone()
    if row is not None and row[0] is not None:
        _log.warning("job %s: taking over from %s, which did not come back in time", name, row[0])
    return row is not None


async def renew(conn: Connection, name: str, holder: str, ttl: timedelta = TTL) -> bool:
    """Keeps a job for another `ttl`. False when it was lost to somebody else."""
    found = await conn.execute(statement("renew_lease"), {"name": name, "holder": holder, "ttl": ttl})
    return await found.fetchone() is not None


async def finish(conn: Connection, name: str, holder: str, run: Run, every_s: float) -> bool:
    """Lets go of a job and records its run. False, and nothing is written, when it was lost meanwhile."""
    parameters = {
        "name": name,
        "holder": holder,
        "outcome": run.outcome,
        "detail": run.detail,
        "rest": rest(run, every_s),
    }
    found = await conn.execute(statement("finish_run"), parameters)
    return await found.fetchone() is not None


async def keep(pool: Pool, name: str, holder: str, ttl: timedelta = TTL) -> None:
    """Renews a lease again and again; returns when it is lost, or when it could not be renewed for a whole `ttl`."""
    pause = ttl.total_seconds() / RENEWALS_PER_TTL
    renewed = time.monotonic()
    while time.monotonic() - renewed < ttl.total_seconds():
        await asyncio.sleep(pause)
        try:
            async with pool.connection(timeout=pause) as conn:
                if not await renew(conn, name, holder, ttl):
                    return
            renewed = time.monotonic()
        except (psycopg.OperationalError, PoolTimeout) as error:
            _log.warning("job %s: the lease could not be renewed (%s)", name, type(error).__name__)
