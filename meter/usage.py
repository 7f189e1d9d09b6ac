"""How much was used between two instants: exact for any instants and any zone, complete at the moment of asking."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, product
from typing import Literal, NamedTuple, ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo

import msgspec

from meter.cells import EXTRAS, FROM_RAW, USUAL_PERCENTILE, Aggregation, Cell, Cells, cells, slots, value
from meter.coverage import read as coverages
from meter.coverage.read import Asked, Rule
from meter.coverage.share import Counts, Cover, together
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

    `other` marks the rest, where only the largest groups were asked for: its labels are all None. `coverage` is None
    where nobody knows how much data there should be.
    """

    start: datetime
    end: datetime
    group: Group
    quantity: Decimal | None
    events: int
    other: bool = False
    before: Before | None = None
    coverage: Counts | None = None


class Reading(NamedTuple):
    """The usage of one meter: by which aggregation, in which unit; items in order of range and group.

    `cover` also has the ranges without an item; None where nobody knows how much data there should be.
    """

    meter: Meter
    aggregation: Aggregation
    unit: str
    items: list[Item]
    cover: Cover | None = None


class Usage(NamedTuple):
    """The answer: a reading per meter, in the order asked; `as_of` is when the team's data last changed."""

    query: Query
    as_of: datetime | None
    readings: list[Reading]

    @property
    def coverage(self) -> Counts | None:
        """The whole range of all meters; None where nobody knows how much data there should be."""
        known = [each.cover.whole for each in self.readings if each.cover is not None]
        return together(known) if known else None


class Groups(NamedTuple):
    """The groups there are, in order, the series of each; the last one is the rest where `has_other`."""

    names: list[Group]
    series: dict[int, int]
    has_other: bool = False


class Ranges(NamedTuple):
    """The ranges asked about, and for each the one to compare it with (none: nothing to compare)."""

    asked: list[Span]
    before: list[Span]


class Part(NamedTuple):
    """Of all items those of a range and all after it, until there are more than `most` beside that range's own."""

    since: Span | None
    most: int


class Subject(NamedTuple):
    """What is read of one meter: by which aggregation, for which groups."""

    meter: Meter
    aggregation: Aggregation
    groups: Groups


async def read(
    conn: Connection, team: Team, query: Query, now: datetime | None = None, part: Part | None = None
) -> Usage:
    """Usage of one team, all meters read in one snapshot; with the coverage as of `now`, None: without.

    With `part`, ranges are read as far as it needs them: a page of a year by hours costs what a page costs.

    Raises UnknownMeter, InvalidParameter (range, windows, labels that a meter does not have, an aggregation it can't
    have) and RawDataGone where raw events are needed that are dropped.
    """
    check(query)
    ranges = ranges_of(query, team)
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        known = await load_meters(conn, team.id)
        subjects = [await _subject(conn, team.id, _meter(known, slug), query, ranges) for slug in query.meters]
        readings = [Reading(meter, by, unit_of(meter, by), []) for meter, by, _ in subjects]
        for some in _stretches(query, ranges, subjects, part):
            for number, subject in enumerate(subjects):
                readings[number] = await _more(conn, team.id, subject, query, some, readings[number], now)
                if sum(len(each.items) for each in readings) > MAX_CELLS:
                    raise InvalidParameter(f"more than {MAX_CELLS} items; ask for less time, fewer meters or groups")
            if part is not None and _enough(readings, part):
                break
        row = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    return Usage(query, row[0] if row else None, readings)


def _stretches(query: Query, ranges: Ranges, subjects: Sequence[Subject], part: Part | None) -> Iterator[Ranges]:
    """The ranges, a stretch of them at a time, ever longer ones; all at once where each leans on those before it."""
    if part is None or query.fill == "previous":
        yield ranges
        return
    at = 0 if part.since is None else bisect_left(ranges.asked, part.since[::-1], key=lambda span: span[::-1])
    size = 1 + part.most // max(1, sum(len(each.groups.names) for each in subjects))
    while at < len(ranges.asked):
        yield Ranges(ranges.asked[at : at + size], ranges.before[at : at + size])
        at, size = at + size, size * 4


def _enough(readings: Sequence[Reading], part: Part) -> bool:
    items = chain.from_iterable(each.items for each in readings)
    return sum((item.start, item.end) != part.since for item in items) > part.most


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


async def _subject(conn: Connection, team_id: int, meter: Meter, query: Query, ranges: Ranges) -> Subject:
    """What is to be read of a meter: its groups, only the largest if the query says so."""
    aggregation = aggregation_of(meter, query)
    check_known((*query.group_by, *(each.name for each in query.filters)), meter)
    groups = await _groups(conn, team_id, meter, query)
    if query.top is not None and groups.names:
        whole = await _cells(conn, team_id, meter, query, groups, [Span(query.start, query.end)])
        groups = largest(groups, query.top, {group: value(meter, aggregation, whole[0, group]) for _, group in whole})
    _check_cells(ranges.asked, groups)
    return Subject(meter, aggregation, groups)


async def _more(
    conn: Connection,
    team_id: int,
    subject: Subject,
    query: Query,
    ranges: Ranges,
    reading: Reading,
    now: datetime | None,
) -> Reading:
    """What one meter says, in the caller's snapshot, of these ranges added to those before."""
    meter, _, groups = subject
    found = await _cells(conn, team_id, meter, query, groups, ranges.asked)
    before = await _cells(conn, team_id, meter, query, groups, ranges.before) if ranges.before else {}
    cover = await _cover(conn, team_id, meter, query, groups, ranges, now)
    shown = await _aside(len(found) + len(before), items, query, meter, groups, ranges, found, before, cover)
    return reading._replace(items=reading.items + shown, cover=cover)


async def _aside(parts: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function answers, computed beside the event loop if it is of many parts."""
    return await asyncio.to_thread(function, *args, **kwargs) if parts > MANY else function(*args, **kwargs)


async def _cover(
    conn: Connection, team_id: int, meter: Meter, query: Query, groups: Groups, ranges: Ranges, now: datetime | None
) -> Cover | None:
    """How much of what was expected came, by range and group."""
    if now is None:
        return None
    rules = dict.fromkeys(groups.series.values(), Rule(meter.expected_every_seconds, meter.time_weighted))
    asked = Asked(team_id, groups.series, rules, ranges.asked, Span(query.start, query.end))
    return await coverages.read(conn, asked, now)


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
    _check_cells(ranges, groups)
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


def _check_cells(ranges: Sequence[Span], groups: Groups) -> None:
    if len(ranges) * len(groups.names) > MAX_CELLS:
        raise InvalidParameter(f"more than {MAX_CELLS} windows times groups; ask for less time, or group by less")


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


def items(
    query: Query, meter: Meter, groups: Groups, ranges: Ranges, found: Cells, before: Cells, cover: Cover | None = None
) -> list[Item]:
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
                cover.items.get((number, group)) if cover else None,
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
