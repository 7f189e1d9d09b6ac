"""Does everything still add up? Runs the queries of sql/check, each of which must return nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple

import msgspec
import psycopg
from psycopg.rows import dict_row

import sql
from meter.database import Connection
from sql import statement

LIMIT = "60s"
KEPT_ROWS = 3
USAGE_HAS_PRICES = "usage_has_prices"
APART = (USAGE_HAS_PRICES,)
"""Findings that are made and kept by jobs of their own: no query alone can answer them."""


class Finding(NamedTuple):
    """What one check returned: its name, what must hold in plain words, and the rows that break it (none: it holds).

    `unfinished` says why the check came to no answer, `took_s` how long it took in seconds.
    """

    name: str
    says: str
    rows: list[dict[str, object]]
    unfinished: str | None = None
    took_s: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the check ran to its end and returned nothing."""
        return not self.rows and self.unfinished is None


class Result(NamedTuple):
    """What the worker found last: as a Finding, with the first rows only, in milliseconds, and when it was."""

    name: str
    says: str
    holds: bool
    unfinished: str | None
    rows: list[dict[str, object]]
    took_ms: int
    at: datetime


def words(query: str) -> str:
    """The comment at the head of a check, as one paragraph of plain words."""
    lines: list[str] = []
    for line in query.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


async def run(
    conn: Connection, now: datetime, queries: Mapping[str, LiteralString] | None = None, limit: str = LIMIT
) -> list[Finding]:
    """Runs every check, each on a snapshot of its own for at most `limit`, and answers one Finding for each.

    `queries` replaces those of sql/check, name to text. Raises psycopg.OperationalError when the database goes away.
    """
    chosen = sql.checks() if queries is None else queries
    return [await _run_one(conn, name, query, now, limit) for name, query in chosen.items()]


async def _run_one(conn: Connection, name: str, query: LiteralString, now: datetime, limit: str) -> Finding:
    began = time.monotonic()
    rows: list[dict[str, object]] = []
    unfinished = None
    try:
        async with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("begin_reading"))
            await cursor.execute(statement("begin_check"), {"limit": limit})
            await cursor.execute(query, {"now": now})
            rows = await cursor.fetchall()
    except psycopg.errors.QueryCanceled:
        unfinished = "it did not finish in time"
    return Finding(name, words(query), rows, unfinished, time.monotonic() - began)


async def keep(conn: Connection, found: Sequence[Finding], now: datetime) -> None:
    """Puts what was found in place of what was found last; findings of APART stay as they are."""
    parameters = {
        "names": [each.name for each in found],
        "known": [*(each.name for each in found), *APART],
        "says": [each.says for each in found],
        "holds": [each.holds for each in found],
        "unfinished": [each.unfinished for each in found],
        "rows": [msgspec.json.encode(each.rows[:KEPT_ROWS]).decode() for each in found],
        "took_ms": [round(each.took_s * 1000) for each in found],
        "now": now,
    }
    await conn.execute(statement("keep_check_results"), parameters)


async def keep_one(conn: Connection, found: Finding, rows: int, now: datetime) -> None:
    """Puts what one check found, so many rows of it, in place of what it found last."""
    parameters = {
        "name": found.name,
        "says": found.says,
        "holds": found.holds,
        "unfinished": found.unfinished,
        "rows": msgspec.json.encode(found.rows[:rows]).decode(),
        "took_ms": round(found.took_s * 1000),
        "now": now,
    }
    await conn.execute(statement("keep_check_result"), parameters)


async def last(conn: Connection) -> list[Result]:
    """What the worker found last, by name; nothing before its first run."""
    rows = await (await conn.execute(statement("list_check_results"))).fetchall()
    return [Result(*row) for row in rows]
