"""Which rows are meant? By the id that an event was sent with, by the place that it has here, or by a query.

A sample held over time is several rows, at most a quarter of an hour long each: whichever is found, all are meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from meter import labels
from meter.corrections.decide import Labels, Place, Stored, earlier, lasts
from meter.database import Connection
from meter.errors import BatchTooLarge, InvalidParameter
from meter.facts import instant, microseconds
from meter.identity import hashed, time_in
from meter.labels import Filter
from meter.model import Meter
from meter.segments import QUARTER_US
from meter.usage import EARLIEST, LATEST
from meter.usage_events import MAX_SERIES, check_labels
from sql import statement

MAX_ROWS = 100_000


class Named(NamedTuple):
    """An event by the id it was sent with: of one meter or (None) of any, at a time or (None) in [start, end)."""

    id: str
    source: str
    meter: str | None
    time: datetime | None
    start: datetime
    end: datetime


class Known(NamedTuple):
    """An event by our own identity and its time, as drill-down shows both."""

    event_id: UUID
    time: datetime


class Query(NamedTuple):
    """The events of these meters (none named: of all) that lie in [start, end) and whose labels pass every filter.

    A sample held over time lies where it ends.
    """

    start: datetime
    end: datetime
    meters: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


class Found(NamedTuple):
    """The rows that are meant, each once, and the positions of what was asked for and is not there."""

    rows: list[Stored]
    missing: list[int]


async def by_query(conn: Connection, team_id: int, query: Query, meters: Mapping[str, Meter]) -> Found:
    """The rows of a query. Raises UnknownMeter, InvalidParameter, BatchTooLarge."""
    if not EARLIEST <= query.start < query.end <= LATEST:
        raise InvalidParameter(f"`from` must lie before `to`, between {EARLIEST.year} and {LATEST.year}")
    check_labels(query.meters, query.filters, meters)
    asked = {
        "team_id": team_id,
        "meters": list(query.meters) or None,
        "filters": labels.as_parameter(query.filters),
        "rows": MAX_SERIES + 1,
    }
    series = [row[0] for row in await (await conn.execute(statement("list_picked_series"), asked)).fetchall()]
    if len(series) > MAX_SERIES:
        raise InvalidParameter(f"more than {MAX_SERIES} series; name a meter, or filter by more")
    picked = {"since": query.start, "until": query.end, "series": series, "rows": MAX_ROWS + 1}
    rows = _bounded(await rows_of(conn, "pick_events", team_id, picked))
    end_us = microseconds(query.end)
    last = lasts(rows)
    reaching = [row for row in rows if last[row.place] is row and row.time_us + QUARTER_US >= end_us]
    last = lasts([*rows, *await later_segments(conn, team_id, reaching)])
    ends = {last[row.place] for row in rows}
    return Found(await whole(conn, team_id, {row for row in ends if row.time_us < end_us}, rows), [])


async def by_names(
    conn: Connection, team_id: int, asked: Sequence[Named | Known], meters: Mapping[str, Meter]
) -> Found:
    """The rows of events that are named. Raises UnknownMeter, BatchTooLarge.

    An event without a time is looked for where its id, or else its first arrival, says that it is, and then in all its
    range: naming the time is faster.
    """
    check_labels([each.meter for each in asked if isinstance(each, Named) and each.meter is not None], (), meters)
    found = await _at_times(conn, team_id, asked, meters)
    found |= await _in_ranges(conn, team_id, {n: each for n, each in enumerate(asked) if not found.get(n)}, meters)
    rows = {row for each in found.values() for row in each}
    known = {row for n, each in enumerate(asked) if isinstance(each, Known) for row in found.get(n, ())}
    last = lasts([*rows, *await later_segments(conn, team_id, known)])
    complete = await whole(conn, team_id, {last[row.place] for row in rows}, list(last.values()))
    return Found(complete, [n for n in range(len(asked)) if not found.get(n)])


async def described(conn: Connection, team_id: int, series: Iterable[int]) -> dict[int, Labels]:
    """What some series of a team are, by their ids."""
    asked = {"team_id": team_id, "series": sorted(series)}
    rows = await (await conn.execute(statement("describe_corrected_series"), asked)).fetchall()
    return {row[0]: Labels(*row) for row in rows}


def _identities(named: Named, meters: Mapping[str, Meter]) -> list[bytes]:
    slugs = [named.meter] if named.meter is not None else list(meters)
    return [hashed(b"i", named.source, named.id, slug) for slug in slugs]


async def _at_times(
    conn: Connection, team_id: int, asked: Sequence[Named | Known], meters: Mapping[str, Meter]
) -> dict[int, list[Stored]]:
    """What is found at the times that are named, or that ids or first arrivals tell, by position."""
    arrivals = await _arrivals(conn, team_id, asked)
    wanted: dict[Place, list[int]] = defaultdict(list)
    for n, each in enumerate(asked):
        time = each.time or arrivals.get(n)
        if time is None:
            continue
        identities = [each.event_id.bytes] if isinstance(each, Known) else _identities(each, meters)
        for identity in identities:
            wanted[microseconds(time), identity].append(n)
            wanted[microseconds(time) - 1, identity].append(n)  # where the last segment of a sample lies
    found: dict[int, list[Stored]] = defaultdict(list)
    for row in await at_places(conn, team_id, wanted):
        for n in wanted[row.place]:
            time = asked[n].time or arrivals[n]
            ended = row.time_us + 1 == microseconds(time)
            if ended == (row.covers_us is not None) or isinstance(asked[n], Known):
                found[n].append(row)
    return found


async def _arrivals(conn: Connection, team_id: int, asked: Sequence[Named | Known]) -> dict[int, datetime]:
    """When events were that came without a time: as their id says, or when they arrived first."""
    untimed = {n: each for n, each in enumerate(asked) if isinstance(each, Named) and each.time is None}
    found = {n: time for n, each in untimed.items() if (time := time_in(each.id)) is not None}
    ids = {n: UUID(bytes=hashed(b"i", each.source, each.id, "")) for n, each in untimed.items() if n not in found}
    if ids:
        parameters = {"team_id": team_id, "event_ids": sorted(set(ids.values()))}
        rows = await (await conn.execute(statement("list_arrivals"), parameters)).fetchall()
        times: dict[UUID, datetime] = dict(rows)
        found |= {n: times[event_id] for n, event_id in ids.items() if event_id in times}
    return found


async def _in_ranges(
    conn: Connection, team_id: int, asked: Mapping[int, Named | Known], meters: Mapping[str, Meter]
) -> dict[int, list[Stored]]:
    """What is found of events without a time in the ranges that they are looked for in, by position."""
    wanted: dict[tuple[datetime, datetime], dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for n, each in asked.items():
        if isinstance(each, Named) and each.time is None:
            for identity in _identities(each, meters):
                wanted[each.start, each.end][identity].append(n)
    found: dict[int, list[Stored]] = defaultdict(list)
    for (start, end), positions in wanted.items():
        ids = [UUID(bytes=identity) for identity in positions]
        parameters = {"since": start, "until": end, "event_ids": ids, "rows": MAX_ROWS + 1}
        for row in _bounded(await rows_of(conn, "find_named_events", team_id, parameters)):
            for n in positions[row.event_id]:
                found[n].append(row)
    return found


async def later_segments(conn: Connection, team_id: int, rows: Iterable[Stored]) -> list[Stored]:
    """The segments after some segments, quarter by quarter, as far as there are any; and of samples beside theirs."""
    found: dict[Place, Stored] = {}
    reaching = [row for row in rows if _at_edge(row)]
    while reaching:
        parameters = {
            "series": [row.series_id for row in reaching],
            "starts": [instant(row.start_us) for row in reaching],
            "times": [instant(row.time_us) for row in reaching],
        }
        came = await rows_of(conn, "find_later_segments", team_id, parameters)
        reaching = [row for row in came if row.place not in found and _at_edge(row)]
        found.update((row.place, row) for row in came)
    return _bounded(list(found.values()))


def _at_edge(row: Stored) -> bool:
    return row.covers_us is not None and (row.time_us + 1) % QUARTER_US == 0


async def whole(conn: Connection, team_id: int, ends: Iterable[Stored], there: Sequence[Stored]) -> list[Stored]:
    """All segments of the samples that end with these rows, of which some are `there` already."""
    known = {row.place: row for row in there} | {row.place: row for row in ends}
    wanted = {place for row in ends for place in (row.place, *earlier(row))}
    known |= {row.place: row for row in await at_places(conn, team_id, wanted - known.keys())}
    return sorted(_bounded([known[place] for place in wanted if place in known]))


async def at_places(conn: Connection, team_id: int, places: Iterable[Place]) -> list[Stored]:
    """The rows that are stored at these places."""
    ordered = sorted(places)
    if not ordered:
        return []
    parameters = {
        "times": [instant(time_us) for time_us, _ in ordered],
        "event_ids": [UUID(bytes=event_id) for _, event_id in ordered],
    }
    return await rows_of(conn, "find_events", team_id, parameters)


async def rows_of(conn: Connection, name: LiteralString, team_id: int, parameters: Mapping[str, Any]) -> list[Stored]:
    """The rows that a statement finds, whose columns are time, identity and the rest of Stored."""
    rows = await (await conn.execute(statement(name), {"team_id": team_id, **parameters})).fetchall()
    return [Stored(microseconds(time), event_id.bytes, *rest) for time, event_id, *rest in rows]


def _bounded(rows: list[Stored]) -> list[Stored]:
    if len(rows) > MAX_ROWS:
        raise BatchTooLarge(f"a correction takes at most {MAX_ROWS} rows; ask for a shorter range, or filter by more")
    return rows
