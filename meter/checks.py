"""Does everything still add up? Runs the queries of sql/check, each of which must return nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString, NamedTuple

import psycopg
from psycopg.rows import dict_row

import sql
from meter.database import Connection
from sql import statement

LIMIT = "60s"


class Finding(NamedTuple):
    """What one check returned: its name, what must hold in plain words, and the rows that break it (none: it holds).

    `unfinished` says why the check came to no answer.
    """

    name: str
    says: str
    rows: list[dict[str, object]]
    unfinished: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the check ran to its end and returned nothing."""
        return not self.rows and self.unfinished is None


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
    try:
        async with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement("begin_reading"))
            await cursor.execute(statement("begin_check"), {"limit": limit})
            await cursor.execute(query, {"now": now})
            return Finding(name, words(query), await cursor.fetchall())
    except psycopg.errors.QueryCanceled:
        return Finding(name, words(query), [], "it did not finish in time")
