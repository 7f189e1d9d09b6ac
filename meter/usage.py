"""How much was used between two instants: exact for any instants and any zone, complete at the moment of asking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Literal, NamedTuple, ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo

import msgspec

from meter.cells import EXTRAS, FROM_RAW, USUAL_PERCENTILE, Aggregation, Cell, Cells, cells, slots, value
from meter.database import Connection
from meter.errors import InvalidParameter, UnknownMeter
from meter.ingest import load_meters
from meter.labels import Filter, as_parameter, check_known
from meter.levels import FEW, check_raw, instants, sums
from meter.model import Meter, Team
from meter.ranges import Calendar, Compare, Cut, check_count, earlier, windowed
from meter.segments import EXACT
from meter.spans import Span
from sql import statement

MAX_ITEMS = 40_000
MAX_CELLS = 250_000  # windows times groups that one answer may hold; a million took 800 MB and half a minute as CSV
MAX_PARTS = 2_000_000  # parts that its items may be put together from: each trailing window is made of many
MANY = 5_000  # parts; to put together more is left to a thread, so that ingest does not wait for it
MAX_METERS = 20
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # no calendar ends near these
SHOWN = Decimal("1e-12")
LARGEST_SHOWN = 40  # digits before the point that still leave room for twelve after it

Fill = Literal["null", "zero", "previous"]
Group = tuple[str | None, ...]
P = ParamSpec("P")
T = TypeVar("T")


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: meters between two instants, cut into windows of a zone, filtered and grouped.

    `group_by` holds member, service, key or names of declared dimensions; of the groups, the `top` largest stay and the
    rest becomes one. `aggregation` and `percentile` take the place of what the meter declares. With `rolling` each
    window reaches back over as many. `compare` puts an earlier range beside each. `fill` gives windows without data an
    item: "null" says so, "zero" calls it zero, "previous" repeats the last one. `anchor_day` is where billing periods
    begin.
    """

    meters: tuple[str, ...]
    start: datetime
    end: datetime
    zone: ZoneInfo
    window: Cut | None = None
    rolling: int = 1
    filters: tuple[Filter, ...] = ()
    group_by: tuple[str, ...] = ()
    top: int | None = None
    aggregation: Aggregation | None = None
    percentile: Decimal | None = None
    compare: Compare | None = None
    fill: Fill | None = None
    anchor_day: int = 1


class Before(NamedTuple):
    """The earlier range that an item is compared with, and what was used in it."""

    start: datetime
    end: datetime
    quantity: Decimal | None
    events: int


class Item(NamedTuple):
    """Usage of one group in one range; quantity in the reading's unit, None where there is no data.

    `other` marks the rest, where only the largest groups were asked for: its labels are all None.
    """

    start: datetime
    end: datetime
    group: Group
    quantity: Decimal | None
    events: int
    other: bool = False
    before: Before | None = None


class Reading(NamedTuple):
    """The usage of one meter: by which aggregation, in which unit; items in order of range and group."""

    meter: Meter
    aggregation: Aggregation
    unit: str
    items: list[Item]


class Usage(NamedTuple):
    """The answer: a reading per meter, in the order asked; `as_of` is when the team's data last changed."""

    query: Query
    as_of: datetime | None
    readings: list[Reading]


class Groups(NamedTuple):
    """The groups there are, in order, the series of each; the last one is the rest where `has_other`."""

    names: list[Group]
    series: dict[int, int]
    has_other: bool = False


class Ranges(NamedTuple):
    """The ranges asked about, and for each the one to compare it with (none: nothing to compare)."""

    asked: list[Span]
    before: list[Span]


async def read(conn: Connection, team: Team, query: Query) -> Usage:
    """Usage of one team, all meters read in one snapshot.

    Raises UnknownMeter, InvalidParameter (range, windows, labels that a meter does not have, an aggregation it can't
    have) and RawDataGone where raw events are needed that are dropped.
    """
    check(query)
    ranges = ranges_of(query, team)
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        known = await load_meters(conn, team.id)
        readings: list[Reading] = []
        for slug in query.meters:
            readings.append(await _reading(conn, team.id, _meter(known, slug), query, ranges))
            if sum(len(each.items) for each in readings) > MAX_CELLS:
                raise InvalidParameter(f"more than {MAX_CELLS} items; ask for less time, fewer meters or groups")
        row = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    return Usage(query, row[0] if row else None, readings)


def check(query: Query) -> None:
    """Refuses what can't be answered whatever the meter, before anything is computed. Raises InvalidParameter."""
    if query.start >= query.end:
        raise InvalidParameter("`from` must lie before `to`")
    if query.start < EARLIEST or query.end > LATEST:
        raise InvalidParameter(f"`from` and `to` must lie between {EARLIEST.year} and {LATEST.year}")
    if not 0 < len(query.meters) <= MAX_METERS or len(set(query.meters)) != len(query.meters):
        raise InvalidParameter(f"meter: name 1 to {MAX_METERS} meters, each once")
    if query.top is not None and not query.group_by:
        raise InvalidParameter("top: needs group_by, the largest of which it keeps")
    check_count(query.start, query.end, query.window, query.rolling)


def ranges_of(query: Query, team: Team) -> Ranges:
    """What is asked about, and what it is compared with."""
    calendar = query.window and Calendar(query.window, query.zone, ZoneInfo(team.timezone), query.anchor_day)
    asked = windowed(query.start, query.end, calendar or None, query.rolling)
    before = earlier(asked, query.compare, calendar or None, query.zone) if query.compare else []
    if before and before[0].start < EARLIEST:
        raise InvalidParameter(f"compare: nothing lies before {EARLIEST.year}")
    return Ranges(asked, before)


def _meter(known: Mapping[str, Meter], slug: str) -> Meter:
    if slug not in known:
        raise UnknownMeter(f"there is no meter {slug[:64]!r}; GET /v1/meters lists those there are")
    return known[slug]


def aggregation_of(meter: Meter, query: Query) -> Aggregation:
    """By what the meter is read: what the query names, else what it declares. Raises InvalidParameter."""
    declared = cast("Aggregation", meter.aggregation)
    asked = query.aggregation or declared
    if asked not in {declared, "count"} and (meter.time_weighted or asked in {"time_weighted", "unique"}):
        raise InvalidParameter(f"aggregation: {meter.slug} is {declared}; it can't be read as {asked}")
    if query.percentile is not None and asked != "percentile":
        raise InvalidParameter("percentile: goes with aggregation=percentile")
    return asked


def unit_of(meter: Meter, aggregation: Aggregation) -> str:
    """The unit of a reading: events are counted in events, everything else is in the meter's unit."""
    return "event" if aggregation == "count" != meter.aggregation else meter.unit


async def _reading(conn: Connection, team_id: int, meter: Meter, query: Query, ranges: Ranges) -> Reading:
    """What one meter says, in the caller's snapshot."""
    aggregation = aggregation_of(meter, query)
    check_known((*query.group_by, *(each.name for each in query.filters)), meter)
    groups = await _groups(conn, team_id, meter, query)
    if query.top is not None and groups.names:
        whole = await _cells(conn, team_id, meter, query, groups, [Span(query.start, query.end)])
        groups = largest(groups, query.top, {group: value(meter, aggregation, whole[0, group]) for _, group in whole})
    found = await _cells(conn, team_id, meter, query, groups, ranges.asked)
    before = await _cells(conn, team_id, meter, query, groups, ranges.before) if ranges.before else {}
    shown = await _aside(len(found) + len(before), items, query, meter, groups, ranges, found, before)
    return Reading(meter, aggregation, unit_of(meter, aggregation), shown)


async def _aside(parts: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function answers, computed beside the event loop if it is of many parts."""
    return await asyncio.to_thread(function, *args, **kwargs) if parts > MANY else function(*args, **kwargs)


async def _groups(conn: Connection, team_id: int, meter: Meter, query: Query) -> Groups:
    """The groups there are, in the order of their labels, those without a label first."""
    parameters = {
        "team_id": team_id,
        "meter_id": meter.id,
        "group_by": list(query.group_by),
        "filters": as_parameter(query.filters),
    }
    rows = await (await conn.execute(statement("list_series"), parameters)).fetchall()
    rows.sort(key=lambda row: [(name is not None, name or "") for name in row[0]])
    names = [tuple(row[0]) for row in rows]
    return Groups(names, {series: number for number, row in enumerate(rows) for series in row[1]})


def largest(groups: Groups, top: int, values: Mapping[int, Decimal | None]) -> Groups:
    """The groups with the largest values, largest first and by name where equal; others, if any, are one, the last."""
    order = sorted(range(len(groups.names)), key=lambda number: _rank(values.get(number), number))
    place = {number: min(position, top) for position, number in enumerate(order)}
    names = [groups.names[number] for number in order[:top]]
    series = {series: place[number] for series, number in groups.series.items()}
    if len(order) <= top:
        return Groups(names, series)
    return Groups([*names, (None,) * len(names[0])], series, has_other=True)


def _rank(quantity: Decimal | None, number: int) -> tuple[bool, Decimal, int]:
    return quantity is None, (quantity or Decimal(0)).copy_negate(), number


async def _cells(
    conn: Connection, team_id: int, meter: Meter, query: Query, groups: Groups, ranges: Sequence[Span]
) -> Cells:
    """What was used by range and group: from the buckets, or from raw events where they can't say."""
    if len(ranges) * len(groups.names) > MAX_CELLS:
        raise InvalidParameter(f"more than {MAX_CELLS} windows times groups; ask for less time, or group by less")
    aggregation = aggregation_of(meter, query)
    if aggregation in FROM_RAW:
        return await _raw_cells(conn, team_id, meter, query, groups, ranges)
    cut = slots(ranges, query.zone, per_month=meter.per_month)
    if len(cut.bounds) < 2:  # noqa: PLR2004 (every range is empty)
        return {}
    parts = sum(map(len, cut.homes)) * len(groups.names)
    if parts > MAX_PARTS:
        raise InvalidParameter(f"windows times rolling times groups is above {MAX_PARTS}; ask for fewer, or the `top`")
    extras = EXTRAS.get(aggregation)
    found = await sums(conn, team_id, groups.series, cut.bounds, *([extras] if extras else []))
    return await _aside(parts, cells, found, cut, meter)


async def _raw_cells(
    conn: Connection, team_id: int, meter: Meter, query: Query, groups: Groups, ranges: Sequence[Span]
) -> Cells:
    """Unique counts and percentiles, exact from the events themselves."""
    await check_raw(conn, min(each.start for each in ranges))
    parameters: dict[str, object] = {
        "team_id": team_id,
        "series": list(groups.series),
        "groups": list(groups.series.values()),
        "many": len(groups.series) > FEW,
        "range_from": instants([each.start for each in ranges]),
        "range_to": instants([each.end for each in ranges]),
        "unique_of": meter.unique_of,
        "percentile": query.percentile or meter.percentile or USUAL_PERCENTILE,
    }
    name = "count_unique" if aggregation_of(meter, query) == "unique" else "pick_percentile"
    rows = await (await conn.execute(statement(name), parameters)).fetchall()
    return {(number - 1, group): Cell(events, Decimal(0), answer=found) for number, group, events, found in rows}


def items(query: Query, meter: Meter, groups: Groups, ranges: Ranges, found: Cells, before: Cells) -> list[Item]:
    """Items in order of range and group; ranges without data only if `fill` asks for them. Raises InvalidParameter."""
    aggregation = aggregation_of(meter, query)
    names = groups.names or ([] if query.group_by else [()])
    if query.fill is not None and len(ranges.asked) * len(names) > MAX_ITEMS:
        raise InvalidParameter(f"more than {MAX_ITEMS} windows times groups; ask for fewer, or without `fill`")
    keys = (
        sorted(found.keys() | before.keys())
        if query.fill is None
        else product(range(len(ranges.asked)), range(len(names)))
    )
    last: dict[int, Decimal | None] = {}
    shown = []
    for number, group in keys:
        cell = found.get((number, group))
        quantity = _filled(query.fill, last.get(group)) if cell is None else value(meter, aggregation, cell)
        last[group] = quantity
        shown.append(
            Item(
                *ranges.asked[number],
                names[group],
                quantity,
                cell.events if cell else 0,
                groups.has_other and group == len(names) - 1,
                _before(query.fill, meter, aggregation, ranges.before[number], before.get((number, group)))
                if ranges.before
                else None,
            )
        )
    return shown


def _filled(fill: Fill | None, last: Decimal | None) -> Decimal | None:
    return Decimal(0) if fill == "zero" else last if fill == "previous" else None


def _before(fill: Fill | None, meter: Meter, aggregation: Aggregation, span: Span, cell: Cell | None) -> Before:
    if cell is None:
        return Before(*span, _filled(fill, None), 0)
    return Before(*span, value(meter, aggregation, cell), cell.events)


def plain(quantity: Decimal) -> str:
    """A quantity for people and programs: at most 12 decimals, no exponent, no trailing zeros."""
    shown = EXACT.quantize(quantity, SHOWN) if quantity.adjusted() < LARGEST_SHOWN else quantity
    text = format(shown or Decimal(0), "f")  # no minus before a zero
    return text.rstrip("0").rstrip(".") if "." in text else text
