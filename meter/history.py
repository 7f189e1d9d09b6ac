"""Do the buckets of the whole history equal their raw events? Day by day, in statements that are bounded.

Where raw events are dropped, buckets are held against each other.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

import psycopg
from psycopg.rows import dict_row

from meter.checks import LIMIT
from meter.database import Connection
from meter.spans import Span
from meter.windows import DAY, HOUR, ORIGIN
from sql import statement


class Day(NamedTuple):
    """What was found of a day (UTC): the first places that differ, how many there are, and how long it took in seconds.

    `unfinished` says which part of it came to no answer.
    """

    start: datetime
    rows: list[dict[str, object]]
    places: int
    unfinished: str | None
    took_s: float

    @property
    def holds(self) -> bool:
        """Whether all of it was compared and nothing differs."""
        return not self.rows and self.unfinished is None


class _UnfinishedError(Exception):
    """A part that can't be made smaller took too long."""


def days(since: datetime, until: datetime) -> list[Span]:
    """The days (UTC) that a range touches, whole, oldest first."""
    start = since - (since - ORIGIN) % DAY
    return [Span(start + DAY * n, start + DAY * (n + 1)) for n in range(max(0, -((start - until) // DAY)))]


async def walk(conn: Connection, since: datetime, until: datetime, limit: str = LIMIT) -> AsyncIterator[Day]:
    """Compares day after day; each statement takes at most `limit`, and a day that needs more is halved, down to hours.

    Each statement reads a snapshot of its own and is right by itself, whatever is written meanwhile.
    """
    for day in days(since, until):
        yield await _day(conn, day, limit)


async def _day(conn: Connection, day: Span, limit: str) -> Day:
    began = time.monotonic()
    rows: list[dict[str, object]] = []
    unfinished = None
    try:
        rows += await _compare(conn, "compare_hours", day, limit)
        rows += await _compare(conn, "compare_days", day, limit, smallest=DAY)
    except _UnfinishedError as error:
        unfinished = str(error)
    places = sum(int(str(row.pop("places"))) for row in rows)
    return Day(day.start, rows, places, unfinished, time.monotonic() - began)


async def _compare(
    conn: Connection, name: LiteralString, span: Span, limit: str, smallest: timedelta = HOUR
) -> list[dict[str, object]]:
    """The places of a span that differ; a span that takes too long is halved. Raises _UnfinishedError."""
    try:
        async with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("begin_reading"))
            await cursor.execute(statement("begin_check"), {"limit": limit})
            await cursor.execute(statement(name), {"since": span.start, "until": span.end})
            return await cursor.fetchall()
    except psycopg.errors.QueryCanceled as error:
        if span.end - span.start <= smallest:
            raise _UnfinishedError(f"{span.start.isoformat()} and after did not finish in time") from error
    middle = span.start + HOUR * ((span.end - span.start) // HOUR // 2)
    first = await _compare(conn, name, Span(span.start, middle), limit, smallest)
    return first + await _compare(conn, name, Span(middle, span.end), limit, smallest)
