"""Usage between bounds, from the coarsest buckets that no bound cuts: one short statement per level that is needed.

All of them must see one snapshot: the caller's transaction is `begin_reading`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

from meter.database import Connection
from meter.errors import RawDataGone
from meter.spans import Span, spans
from sql import statement

DENSE = 0.5
"""From this share of covered time on, one scan over spans and gaps is cheaper than one per span."""

DENSE_STATEMENTS = ("sum_dense_hours", "sum_dense_quarters")
FEW = 200
"""Up to so many series the planner is told which ones; to weigh 5,000 took it 0.1 s a statement, to join them 10 ms."""

AT_ONCE = 5_000
"""Rows that are read before the event loop turns to others."""

Named = tuple[LiteralString, Sequence[Span]]


class Sum(NamedTuple):
    """What the buckets say of one group in one slot between two bounds, in the base unit; both numbered from 0.

    Extremes and the latest (seconds since 1970, quantity) are there where they were asked for.
    """

    group: int
    slot: int
    events: int
    total: Decimal
    smallest: Decimal | None = None
    largest: Decimal | None = None
    latest: list[Decimal] | None = None


class Extras(NamedTuple):
    """What beside events and totals is asked for; what is not costs nothing."""

    extremes: bool = False
    latest: bool = False


async def sums(
    conn: Connection,
    team_id: int,
    groups: Mapping[int, int],
    bounds: Sequence[datetime],
    extras: Extras = Extras(),  # noqa: B008 (an immutable value)
) -> list[Sum]:
    """Usage of series (id to group) in each slot between neighbouring bounds. A pair may come in several parts.

    Raises RawDataGone where a bound cuts a quarter of an hour whose raw events are dropped.
    """
    common = {
        "team_id": team_id,
        "series": list(groups),
        "groups": list(groups.values()),
        "bounds": instants(bounds),
        "many": len(groups) > FEW,
        **extras._asdict(),
    }
    found: list[Sum] = []
    for name, parts in needed(bounds) if groups else ():
        if name == "sum_edges":
            await check_raw(conn, parts[0].start)
        async for rows in _rows(conn, name, common | ranges(parts)):
            found += [Sum(group, slot - 1, *what) for group, slot, *what in rows]
    return found


async def _rows(conn: Connection, name: LiteralString, asked: dict[str, Any]) -> AsyncIterator[list[Any]]:
    """What a statement answers, some rows at a time; a dense one without looking rows up one by one.

    Team and series of a bucket are not independent, as the planner believes: it expects a hundredth of the rows, and
    would compare each with every series. And it would fetch them in the order of series, each from another page, as
    they lie in the order of time (50 series, a year of hours: 860 ms of its processor's time against 280 ms).
    """
    if name in DENSE_STATEMENTS:
        await conn.execute(statement("allow_lookups"), {"allowed": "off"})
    cursor = await conn.execute(statement(name), asked)
    if name in DENSE_STATEMENTS:
        await conn.execute(statement("allow_lookups"), {"allowed": "on"})
    while rows := await cursor.fetchmany(AT_ONCE):
        yield rows
        await asyncio.sleep(0)  # rows are here already: without this nothing else would run until the last is read


def needed(bounds: Sequence[datetime]) -> list[Named]:
    """The statements that answer a range cut at these bounds, each with the spans it is for."""
    levels = spans(bounds)
    named: list[Named] = [
        ("sum_days", levels.daily),
        (_hours(levels.hourly), levels.hourly),
        (_quarters(levels.quarter), levels.quarter),
        ("sum_edges", levels.raw),
    ]
    return [(name, parts) for name, parts in named if parts]


def _hours(parts: Sequence[Span]) -> LiteralString:
    return "sum_dense_hours" if _dense(parts) else "sum_hours"


def _quarters(parts: Sequence[Span]) -> LiteralString:
    return "sum_dense_quarters" if _dense(parts) else "sum_quarters"


def _dense(parts: Sequence[Span]) -> bool:
    if not parts:
        return False
    covered = sum((part.end - part.start for part in parts), timedelta())
    return covered >= DENSE * (parts[-1].end - parts[0].start)


def ranges(parts: Sequence[Span]) -> dict[str, Any]:
    """The spans as parameters: both as pairs of ends and as one row of edges."""
    return {
        "span_from": instants([part.start for part in parts]),
        "span_to": instants([part.end for part in parts]),
        "edges": instants([edge for part in parts for edge in part]),
        "first": parts[0].start,
        "last": parts[-1].end,
    }


def instants(given: Sequence[datetime]) -> str:
    """Instants as PostgreSQL writes an array of them; psycopg's own writer takes five times as long."""
    return "{" + ",".join([instant.isoformat() for instant in given]) + "}"


async def check_raw(conn: Connection, since: datetime) -> None:
    """Refuses a question to raw events that begins among dropped ones. Raises RawDataGone."""
    row = await (await conn.execute(statement("get_floor"))).fetchone()
    if row and row[0] and since < row[0]:
        raise RawDataGone(f"raw events before {row[0].isoformat()} are gone; use instants on the quarter hour")
