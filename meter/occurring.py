"""Which series are there, and which values do their labels have? All there ever were, or those used in a range."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from meter import labels, windows
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.ingest import load_meters
from meter.labels import Filter
from meter.levels import sums
from meter.model import Team
from meter.rating.totals import Metered, Part, Used
from meter.rating.totals import used as used_of
from meter.usage import EARLIEST, LATEST
from meter.usage_events import MAX_SERIES, check_labels
from meter.windows import month_seconds
from sql import statement


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Series of which meters (none named: of all), with which labels; in a range, or None: whenever they were used."""

    meters: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    between: tuple[datetime, datetime] | None = None


class Value(NamedTuple):
    """A value that a label has, and how many series have it."""

    name: str
    value: str
    series: int


class Values(NamedTuple):
    """Values by name; `as_of` is when the team's data last changed."""

    as_of: datetime | None
    values: list[Value]


class Wanted(NamedTuple):
    """Which values: of the label of that name, beginning with a prefix, after (name, value) of the page before."""

    name: str | None = None
    prefix: str | None = None
    after: tuple[str, str] | None = None


class Series(NamedTuple):
    """A series with its labels; `usage` is what the range has of it, None where no range was asked about."""

    public_id: UUID
    created_at: datetime
    meter: Metered
    billable: bool
    member: str | None
    service: str | None
    key: str | None
    dimensions: dict[str, str]
    usage: Used | None


class SeriesPage(NamedTuple):
    """Series by their ids; `as_of` is when the team's data last changed."""

    as_of: datetime | None
    series: list[Series]


async def values(conn: Connection, team: Team, query: Query, wanted: Wanted, rows: int) -> Values:
    """At most `rows` values that occur, by name and value, read in one snapshot.

    Raises UnknownMeter, InvalidParameter (range, filters on what no such meter has, too many series for a range) and
    RawDataGone where an end of the range cuts a quarter of an hour whose raw events are dropped.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        await _check(conn, team, query)
        asked = _asked(team, query) | {
            "series": None if query.between is None else await _in_use(conn, team, query, query.between),
            "name": wanted.name,
            "prefix": wanted.prefix,
            "after_name": wanted.after[0] if wanted.after else None,
            "after_value": wanted.after[1] if wanted.after else None,
            "rows": rows,
        }
        found = await (await conn.execute(statement("list_occurring"), asked)).fetchall()
        as_of = await _as_of(conn, team.id)
    return Values(as_of, [Value(*row) for row in found])


async def series(conn: Connection, team: Team, query: Query, after: UUID | None, rows: int) -> SeriesPage:
    """At most `rows` series after one of them, read in one snapshot. Raises as `values`."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        await _check(conn, team, query)
        asked = _asked(team, query) | {"after": after, "rows": rows}
        found = await (await conn.execute(statement("page_series"), asked)).fetchall()
        meters = {row[0]: Metered(*row[3:9]) for row in found}
        usage = None if query.between is None else await _usage(conn, team, meters, query.between)
        as_of = await _as_of(conn, team.id)
    return SeriesPage(as_of, [_series(row, meters[row[0]], usage) for row in found])


def _series(row: Sequence[Any], meter: Metered, usage: Mapping[int, Used] | None) -> Series:
    """A series from its row (id, public id, created, six columns of its meter, billable, labels)."""
    number, public_id, created_at, *_, billable, member, service, key, dimensions = row
    used = usage[number] if usage else None
    return Series(public_id, created_at, meter, billable, member, service, key, dimensions, used)


async def _check(conn: Connection, team: Team, query: Query) -> None:
    if query.between and not EARLIEST <= query.between[0] < query.between[1] <= LATEST:
        raise InvalidParameter(f"`from` must lie before `to`, between {EARLIEST.year} and {LATEST.year}")
    check_labels(query.meters, query.filters, await load_meters(conn, team.id))


def _asked(team: Team, query: Query) -> dict[str, object]:
    return {
        "team_id": team.id,
        "meters": list(query.meters) or None,
        "filters": labels.as_parameter(query.filters),
    }


async def _in_use(conn: Connection, team: Team, query: Query, between: tuple[datetime, datetime]) -> list[int]:
    """The series that have events in the range."""
    asked = _asked(team, query) | {"rows": MAX_SERIES + 1}
    found = [row[0] for row in await (await conn.execute(statement("list_picked_series"), asked)).fetchall()]
    if len(found) > MAX_SERIES:
        raise InvalidParameter(f"more than {MAX_SERIES} series; name a meter, filter by more, or ask without a range")
    parts = await sums(conn, team.id, {each: number for number, each in enumerate(found)}, between)
    return sorted({found[part.group] for part in parts if part.events})


async def _usage(
    conn: Connection, team: Team, meters: dict[int, Metered], between: tuple[datetime, datetime]
) -> dict[int, Used]:
    """What each series was used in the range, in its meter's unit; calendar months are those of the team's zone."""
    zone, ids = ZoneInfo(team.timezone), list(meters)
    months = any(meter.per_month for meter in meters.values())
    bounds: Sequence[datetime] = windows.bounds(*between, "month", zone) if months else between
    seconds = [int(month_seconds(start, zone)) for start in bounds[:-1]]
    parts: defaultdict[int, list[Part]] = defaultdict(list)
    for each in await sums(conn, team.id, {key: number for number, key in enumerate(ids)}, bounds):
        parts[ids[each.group]].append(Part(None, each.events, each.total, seconds[each.slot], "not_billable"))
    return {key: used_of(meter, parts[key]) for key, meter in meters.items()}


async def _as_of(conn: Connection, team_id: int) -> datetime | None:
    row = await (await conn.execute(statement("get_watermark"), {"team_id": team_id})).fetchone()
    return row[0] if row else None
