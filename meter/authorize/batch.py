"""A batch in one transaction: held and read, decided, written. Whoever prepared it hears what each request came to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import psycopg
from psycopg.pq import TransactionStatus

from meter.authorize.decide import decide
from meter.authorize.hold import Ids, hold
from meter.authorize.prepare import Wanted
from meter.authorize.requests import Answer
from meter.authorize.write import write
from meter.database import Connection
from meter.errors import Problem

ATTEMPTS = 5
CROSSED = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected)
"""What is raised where somebody else came between; the same may be tried again."""


class StaleError(Exception):
    """Something else is true by now of these teams, or these counters are gone: to be prepared anew."""

    def __init__(self, teams: Sequence[int], counters: Sequence[int]) -> None:
        """Names both by id."""
        super().__init__("what was known is not so any more")
        self.teams = teams
        self.counters = counters


@asynccontextmanager
async def _sent_together(conn: Connection) -> AsyncIterator[None]:
    """A transaction whose begin goes out with the first statements, and whose commit with the last."""
    try:
        async with conn.pipeline(), conn.transaction():
            yield
    finally:
        if conn.info.transaction_status != TransactionStatus.IDLE and not conn.closed:
            await conn.rollback()  # a server that met a mistake in a pipeline passes over all that follows in it


async def book(conn: Connection, wanted: Sequence[Wanted], ids: Ids, now: datetime) -> list[Answer | Problem]:
    """What each request came to, all of it committed. `ids` are those of the counters that they look at.

    Raises StaleError, and what CROSSED names; then nothing is written.
    """
    async with _sent_together(conn):
        holding = await hold(conn, wanted, ids)
        stale = holding.stale({each.terms for each in wanted if each.terms})
        if stale or holding.missing:
            raise StaleError(stale, holding.missing)
        done = decide(wanted, holding)
        await write(conn, done, holding.till, now)
    return done.answers
