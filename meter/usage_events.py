"""Which events is usage made of? Newest first, page by page, each with what it would cost at list price."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from meter import labels, levels, list_price
from meter.archive.read import Reader
from meter.database import Connection, Pool
from meter.errors import InvalidParameter, RawDataGone, UnknownMeter
from meter.ingest import load_meters
from meter.labels import Filter
from meter.list_price import Cost, Tariffs
from meter.model import Meter, Team
from meter.rating.money import displayed
from meter.retention.floors import floors
from meter.usage import EARLIEST, LATEST
from meter.windows import ORIGIN, QUARTER, month_seconds
from sql import statement

MAX_SERIES = 100_000
MAX_EXPORTED = 1_000_000
EXPORT_PAGE = 1_000
FIRST_LOOK = timedelta(days=1)
WIDER = 4  # each look back reaches this many times as far as the one before
MICROSECOND = timedelta(microseconds=1)
LAST_ID = UUID(int=2**128 - 1)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: of these meters (none named: of all), in [start, end), whose labels pass every filter."""

    start: datetime
    end: datetime
    meters: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


class Place(NamedTuple):
    """Where an event stands in the order that pages have."""

    time: datetime
    event_id: UUID


class Series(NamedTuple):
    """Whose usage of which meter; `billable` is false for what is never billed. A quantity / `divisor` is in `unit`."""

    meter: str
    unit: str
    aggregation: str
    divisor: Decimal
    per_month: bool
    billable: bool
    member: str | None
    service: str | None
    key: str | None
    dimensions: dict[str, str]


class Event(NamedTuple):
    """One stored event. `quantity` is in the meter's unit; a segment of a sample says which time it covers.

    `original_id` and `attributes` (JSON text) are there where the event brought attributes.
    """

    place: Place
    series: Series
    quantity: Decimal
    segment: tuple[datetime, datetime] | None
    cost: Cost
    original_id: str | None
    attributes: str | None


class Page(NamedTuple):
    """Some events; `next` is where the page after begins, None on the last. `as_of`: when the data last changed."""

    events: list[Event]
    next: Place | None
    as_of: datetime | None


async def read(
    conn: Connection, team: Team, query: Query, after: Place | None, limit: int, archive: Reader | None = None
) -> Page:
    """A page of at most `limit` events after a place, read in one snapshot; what is dropped, from the archive.

    Raises UnknownMeter, InvalidParameter (range, filters on what no such meter has, too many series), RawDataGone where
    the range begins before what is kept, here or there, and ArchiveAway.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        series = await _picked(conn, team.id, query, archive)
        rows = await _kept_rows(conn, team.id, query, series, after or Place(query.end, LAST_ID), limit + 1, archive)
        described = await _described(conn, team.id, {row[2] for row in rows})
        tariffs = await list_price.read(conn, team)
        row = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    zone = ZoneInfo(team.timezone)
    events = [_event(each, described[each[2]], tariffs, zone) for each in rows[:limit]]
    return Page(events, events[-1].place if len(rows) > limit else None, row[0] if row else None)


async def check_exportable(conn: Connection, team: Team, query: Query, archive: Reader | None = None) -> None:
    """Refuses more events at once than we send; the buckets know how many there are, in whole quarters of an hour.

    Raises InvalidParameter, and as `read`.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        series = await _picked(conn, team.id, query, archive)
        if series is None:
            series = await _series(conn, team.id, Query(start=query.start, end=query.end))
        around = [query.start - (query.start - ORIGIN) % QUARTER, query.end + (ORIGIN - query.end) % QUARTER]
        parts = await levels.sums(conn, team.id, dict.fromkeys(series, 0), around)
    found = sum(part.events for part in parts)
    if found > MAX_EXPORTED:
        raise InvalidParameter(f"{found} events are more than the {MAX_EXPORTED} sent at once; ask for a shorter range")


async def export(pool: Pool, team: Team, query: Query, archive: Reader | None = None) -> AsyncIterator[Sequence[Event]]:
    """All events in the range, page by page, each page in a snapshot of its own: no connection waits for a reader."""
    after: Place | None = None
    while True:
        async with pool.connection() as conn:
            page = await read(conn, team, query, after, EXPORT_PAGE, archive)
        yield page.events
        if page.next is None:
            return
        after = page.next


async def _picked(conn: Connection, team_id: int, query: Query, archive: Reader | None) -> list[int] | None:
    """The series that are asked for; None where all are."""
    if not EARLIEST <= query.start < query.end <= LATEST:
        raise InvalidParameter(f"`from` must lie before `to`, between {EARLIEST.year} and {LATEST.year}")
    check_labels(query.meters, query.filters, await load_meters(conn, team_id))
    await check_kept(conn, query.start, archived=archive is not None)
    return await _series(conn, team_id, query) if query.meters or query.filters else None


async def check_kept(conn: Connection, since: datetime, *, archived: bool = False) -> None:
    """Refuses what begins before the raw events that are kept, or (`archived`) before those that the archive has.

    Raises RawDataGone.
    """
    kept = await floors(conn)
    if kept.raw is None or since >= kept.raw:
        return
    if kept.unarchived is not None and since < kept.unarchived:
        raise RawDataGone(f"events before {kept.unarchived.isoformat()} are gone, only their sums are kept")
    if not archived:
        raise RawDataGone(f"events before {kept.raw.isoformat()} are gone, only their sums are kept; ask from then on")


def check_labels(asked: Sequence[str], filters: Sequence[Filter], meters: Mapping[str, Meter]) -> None:
    """Refuses meters there are not, and filters on what none of those asked for has (none named: none of all).

    Raises UnknownMeter, InvalidParameter.
    """
    for slug in asked:
        if slug not in meters:
            raise UnknownMeter(f"there is no meter {slug[:64]!r}; GET /v1/meters lists those there are")
    known = frozenset(labels.BUILT_IN).union(*(meters[slug].dimensions for slug in asked or meters))
    for each in filters:
        if each.name not in known:
            raise InvalidParameter(f"{each.name[:64]!r} is no dimension here; there are {', '.join(sorted(known))}")


async def _series(conn: Connection, team_id: int, query: Query) -> list[int]:
    asked = {
        "team_id": team_id,
        "meters": list(query.meters) or None,
        "filters": labels.as_parameter(query.filters),
        "rows": MAX_SERIES + 1,
    }
    found = [row[0] for row in await (await conn.execute(statement("list_picked_series"), asked)).fetchall()]
    if len(found) > MAX_SERIES:
        raise InvalidParameter(f"more than {MAX_SERIES} series; name a meter, or filter by more")
    return found


async def _kept_rows(
    conn: Connection,
    team_id: int,
    query: Query,
    series: list[int] | None,
    before: Place,
    rows: int,
    archive: Reader | None,
) -> list[tuple[Any, ...]]:
    """The newest `rows` events before a place: those that are kept, and then those of the archive."""
    floor = (await floors(conn)).raw
    if floor is None or query.start >= floor or archive is None:
        return await _rows(conn, team_id, query, series, before, rows)
    found: list[tuple[Any, ...]] = []
    if query.end > floor and before.time >= floor:
        kept = msgspec.structs.replace(query, start=floor)
        found = await _rows(conn, team_id, kept, series, before, rows)
    if len(found) < rows:
        dropped = query.start, min(query.end, floor)
        found += await archive.newest(conn, team_id, dropped, before, series, rows - len(found))
    return found


async def _rows(
    conn: Connection, team_id: int, query: Query, series: list[int] | None, before: Place, rows: int
) -> list[tuple[Any, ...]]:
    """The newest `rows` events before a place. Of some series, look by look further back: few have all of a year."""
    asked = {"team_id": team_id, "before": before.time, "before_id": before.event_id, "series": series}
    until = before.time + MICROSECOND if before.time < query.end else query.end
    if series is None:
        return await _fetch(conn, "read_events", asked | {"since": query.start, "until": until, "rows": rows})
    asked["many"] = len(series) > levels.FEW
    found: list[tuple[Any, ...]] = []
    look = FIRST_LOOK
    while series and len(found) < rows and until > query.start:
        since = query.start if until - query.start <= look else until - look
        found += await _fetch(
            conn, "read_picked_events", asked | {"since": since, "until": until, "rows": rows - len(found)}
        )
        until, look = since, look * WIDER
    return found


async def _fetch(conn: Connection, name: LiteralString, asked: Mapping[str, object]) -> list[tuple[Any, ...]]:
    return await (await conn.execute(statement(name), asked)).fetchall()


async def _described(conn: Connection, team_id: int, series: set[int]) -> dict[int, Series]:
    rows = await _fetch(conn, "describe_series", {"team_id": team_id, "series": sorted(series)})
    return {row[0]: Series(*row[1:]) for row in rows}


def _event(row: Sequence[Any], series: Series, tariffs: Tariffs, zone: ZoneInfo) -> Event:
    """An event from its row (time, id, series, quantity, segment's ends, original id, attributes)."""
    time, event_id, _, stored, start, end, original_id, attributes = row
    counted = series.aggregation == "count"
    quantity = Decimal(1) if counted else stored
    divisor = Decimal(1) if counted else series.divisor
    if series.per_month:
        divisor *= month_seconds(time, zone)
    return Event(
        place=Place(time, event_id),
        series=series,
        quantity=displayed(quantity, divisor),
        segment=None if start is None else (start, end),
        cost=tariffs.cost(series.meter, time, quantity, divisor, billable=series.billable),
        original_id=original_id,
        attributes=attributes,
    )
