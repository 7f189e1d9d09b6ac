"""Which series are there, how do they report, and who is silent? A page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from meter import labels
from meter.coverage.facts import Report, State, state_of
from meter.database import Connection
from meter.ingest import load_meters
from meter.labels import Filter
from meter.model import Team
from meter.usage_events import check_labels
from meter.windows import ORIGIN, QUARTER
from sql import statement

Wanted = Literal["all", "new", "reporting", "silent", "gone"]
BATCH = 2_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Series of which meters (none named: of all), with which labels, in which state; `new` are those since `since`."""

    wanted: Wanted = "all"
    since: datetime | None = None
    meters: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


class Row(NamedTuple):
    """A row of page_reporting."""

    number: int
    public_id: UUID
    created_at: datetime
    meter: str
    unit: str
    member: str | None
    service: str | None
    key: str | None
    dimensions: dict[str, str]
    every_seconds: int | None
    declared: bool | None
    last_quarter: datetime | None
    first_quarter: datetime | None
    until: datetime | None
    ended: bool | None


class Series(NamedTuple):
    """A series: how it reports, where it stands, its labels and the start of its first quarter of an hour with data.

    When there was data is None where nobody looks for it: of series that are not expected to report.
    """

    report: Report
    state: State | None
    row: Row


class SeriesPage(NamedTuple):
    """Series by their ids; `as_of` is when the team's data last changed."""

    as_of: datetime | None
    series: list[Series]


async def page(conn: Connection, team: Team, query: Query, after: UUID | None, rows: int, now: datetime) -> SeriesPage:
    """At most `rows` series after one of them, read in one snapshot. Raises UnknownMeter and InvalidParameter."""
    found: list[Series] = []
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        check_labels(query.meters, query.filters, await load_meters(conn, team.id))
        recent = await _recent(conn, team.id, now)
        more = True
        while more and len(found) < rows:
            batch = await _batch(conn, team.id, query, after, max(BATCH, rows))
            more = len(batch) == max(BATCH, rows)
            after = batch[-1].public_id if batch else after
            seen = await _last_seen(conn, team.id, batch, recent)
            found += [each for row in batch if _is_wanted(each := _series(row, seen, now), query.wanted)]
        as_of = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    return SeriesPage(as_of[0] if as_of else None, found[:rows])


async def _recent(conn: Connection, team_id: int, now: datetime) -> dict[int, datetime]:
    """When series had data last, of those that had any in the running quarter or the one before, or later."""
    since = now - (now - ORIGIN) % QUARTER - QUARTER
    rows = await (await conn.execute(statement("list_last_seen"), {"team_id": team_id, "since": since})).fetchall()
    return {series: _instant(seconds) for series, seconds in rows}


async def _batch(conn: Connection, team_id: int, query: Query, after: UUID | None, rows: int) -> list[Row]:
    asked = {
        "team_id": team_id,
        "meters": list(query.meters) or None,
        "filters": labels.as_parameter(query.filters),
        "after": after,
        "since": query.since if query.wanted == "new" else None,
        "expected": query.wanted in {"reporting", "silent", "gone"},
        "rows": rows,
    }
    found = await (await conn.execute(statement("page_reporting"), asked)).fetchall()
    return [Row(*row) for row in found]


async def _last_seen(
    conn: Connection, team_id: int, batch: Sequence[Row], recent: Mapping[int, datetime]
) -> dict[int, datetime]:
    """When series had data last: of the others from their newest quarter, whose end it is where that is dropped."""
    found = {row.number: recent[row.number] for row in batch if row.declared is not None and row.number in recent}
    others = {row.number: row.last_quarter for row in batch if row.last_quarter and row.number not in found}
    found |= {number: quarter + QUARTER for number, quarter in others.items()}
    asked = {"team_id": team_id, "series": list(others), "quarters": list(others.values())}
    rows = await (await conn.execute(statement("find_last_seen"), asked)).fetchall() if others else []
    return found | {number: _instant(seconds) for number, seconds in rows}


def _instant(seconds: Decimal) -> datetime:
    return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _is_wanted(series: Series, wanted: Wanted) -> bool:
    return wanted in {"all", "new", series.state}


def _series(row: Row, seen: Mapping[int, datetime], now: datetime) -> Series:
    last_seen, until = seen.get(row.number), row.until
    if last_seen is not None and until is not None and last_seen >= until:
        until = None  # it is back, which is not noted yet
    ended = bool(row.ended) and until is not None
    report = Report(row.public_id, row.meter, row.every_seconds, bool(row.declared), last_seen, until, ended)
    return Series(report, state_of(report, now), row)
