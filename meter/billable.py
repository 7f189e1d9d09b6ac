"""What of a team's usage in a period is to be paid for? Billable series only, in base units, from one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from math import lcm
from typing import Any, NamedTuple

from meter.clock_cuts import Cuts, by_clock, cut_at, monthly
from meter.database import Connection
from meter.levels import Sum, sums
from meter.rating.levels import rank
from meter.rating.money import exact
from meter.rating.needs import Needs
from meter.rating.periods import Period
from meter.rating.segments import LevelsAsked
from meter.rating.usage import Usage
from meter.spans import Span
from meter.windows import ORIGIN, QUARTER
from sql import statement

Labels = tuple[tuple[str, str], ...]
_Key = tuple[int, int, datetime | None]
_NONE = (Decimal(0), Decimal(1))


class Series(NamedTuple):
    """A billable series: its labels, and what turns its base units into the unit of its meter."""

    id: int
    meter: str
    member: str | None
    service: str | None
    aggregation: str
    divisor: Decimal
    per_month: bool
    title: str
    unit: str
    dimensions: dict[str, Any]


class Group(NamedTuple):
    """Series that are priced as one: one of them, and the labels that its price goes by."""

    series: Series
    labels: Labels


class Asked(NamedTuple):
    """Which usage of a period is wanted: told apart as prices need it, and by the parts of the period it was used in.

    Parts are in their order and do not overlap. `levels` are peaks and percentiles, each given in one of the parts.
    """

    needs: Needs
    parts: Sequence[Span]
    levels: Sequence[LevelsAsked]


class Billable(NamedTuple):
    """The usage of a period by its parts and `outside` of them, title and unit of each meter, and which data it is.

    `data_snapshot` is pg_current_snapshot() as text; `as_of` is when the team's data last changed. `series` are all
    that are billed: id and meter.
    """

    parts: tuple[tuple[Usage, ...], ...]
    outside: tuple[Usage, ...]
    meters: dict[str, tuple[str, str]]
    data_snapshot: str
    as_of: datetime | None
    series: Sequence[tuple[int, str]] = ()

    @property
    def usage(self) -> tuple[Usage, ...]:
        """All of it."""
        return tuple(row for part in (*self.parts, self.outside) for row in part)


def whole(period: Period, needs: Needs) -> Asked:
    """All of a period as one part."""
    span = Span(period.start, period.end)
    levels = [LevelsAsked(meter, measure, ((span.start, span.end),), 0) for meter, measure in needs.measures]
    return Asked(needs, (span,), levels)


async def none(conn: Connection, team_id: int) -> Billable:
    """No usage at all, as of this moment. In the caller's transaction, as `read`."""
    data_snapshot, as_of = (await (await conn.execute(statement("get_snapshot"), {"team_id": team_id})).fetchall())[0]
    return Billable((), (), {}, data_snapshot, as_of)


async def read(conn: Connection, team_id: int, period: Period, asked: Asked) -> Billable:
    """The billable usage of a period by meter, member and service, and more finely where prices need it.

    In the caller's transaction, which must be of one snapshot (`begin_reading`). Usage under internal keys and of
    meters that are not billable is left out. Raises RawDataGone where an edge cuts a quarter whose raw events are
    dropped.
    """
    found = await (await conn.execute(statement("list_billable_series"), {"team_id": team_id})).fetchall()
    series = [Series(*row) for row in found]
    parts: list[list[Usage]] = [[] for _ in (*asked.parts, None)]
    for cuts, some in cut(series, period, asked):
        groups = grouped(some, asked.needs.labels)
        numbered = {each.id: number for number, group in enumerate(groups.values()) for each in group}
        sums_there = await sums(conn, team_id, numbered, cuts.bounds)
        named = [Group(own[0], labels) for (*_, labels), own in groups.items()]
        for part, usage in gathered(named, sums_there, cuts, asked.parts):
            parts[part].append(usage)
    for part, usage in await levels(conn, team_id, asked.levels, {each.meter for each in series}):
        parts[part].append(usage)
    data_snapshot, as_of = (await (await conn.execute(statement("get_snapshot"), {"team_id": team_id})).fetchall())[0]
    used = {row.meter for part in parts for row in part}
    meters = {each.meter: (each.title, each.unit) for each in series if each.meter in used}
    *inside, outside = map(tuple, parts)
    return Billable(tuple(inside), outside, meters, data_snapshot, as_of, [(each.id, each.meter) for each in series])


def cut(series: Sequence[Series], period: Period, asked: Asked) -> list[tuple[Cuts, list[Series]]]:
    """Series by where their usage is cut: most at months and parts only."""
    edges = {edge for part in asked.parts for edge in part}
    by_minutes: defaultdict[tuple[int, ...], list[Series]] = defaultdict(list)
    for each in series:
        by_minutes[asked.needs.clocks.get(each.meter, ())].append(each)
    return [
        (cut_at(by_clock(period, minutes) if minutes else monthly(period), edges), some)
        for minutes, some in by_minutes.items()
    ]


def grouped(
    series: Iterable[Series], labels: Mapping[str, frozenset[str]]
) -> dict[tuple[str, str | None, str | None, Labels], list[Series]]:
    """Series that differ in key, or in dimensions that no price goes by, are priced as one."""
    groups: defaultdict[tuple[str, str | None, str | None, Labels], list[Series]] = defaultdict(list)
    for each in series:
        names = labels.get(each.meter, frozenset())
        own = tuple(sorted((name, str(value)) for name, value in each.dimensions.items() if name in names))
        groups[each.meter, each.member, each.service, own].append(each)
    return dict(groups)


async def levels(
    conn: Connection, team_id: int, asked: Sequence[LevelsAsked], meters: set[str]
) -> list[tuple[int, Usage]]:
    """Peaks and percentiles of the team's levels, per quarter of an hour; quarters without usage count as none.

    A quarter that is cut belongs to what comes after the cut: all of them are somebody's, and none is twice.
    """
    wanted = [each for each in asked if each.meter in meters]
    if not wanted:
        return []
    rows = [
        (number, each.meter, _place(each), _quarter(start), _quarter(end))
        for number, each in enumerate(wanted)
        for start, end in each.ranges
    ]
    columns = zip(("asks", "meters", "places", "starts", "ends"), map(list, zip(*rows, strict=True)), strict=True)
    found = await (await conn.execute(statement("read_levels"), {"team_id": team_id, **dict(columns)})).fetchall()
    known = {ask: (total, divisor) for ask, total, divisor in found}
    return [(each.segment, _level(each, *known.get(number, _NONE))) for number, each in enumerate(wanted)]


def _level(levels: LevelsAsked, total: Decimal, divisor: Decimal) -> Usage:
    return Usage(levels.meter, total, measure=levels.measure, divisor=divisor)


def _place(levels: LevelsAsked) -> int:
    quarters = sum((_quarter(end) - _quarter(start)) // QUARTER for start, end in levels.ranges)
    return quarters - rank(quarters, levels.measure) + 1


def _quarter(instant: datetime) -> datetime:
    return instant - (instant - ORIGIN) % QUARTER


@exact()
def gathered(
    groups: Sequence[Group], sums: Iterable[Sum], cuts: Cuts, parts: Sequence[Span]
) -> tuple[tuple[int, Usage], ...]:
    """One Usage per group, part of the period, and time of day where the cuts tell it, that has any.

    Each with the number of its part; what lies in none has the number after the last.
    A unit that is per month is divided by the month's own seconds, as in /v1/usage: 10 GB over a third of a month are
    3.33 GB-months. Several months come to one divisor, their least common multiple, so that nothing is rounded here.
    """
    common = lcm(*cuts.month_seconds)
    part_of = [_part(start, parts) for start in cuts.bounds[:-1]]
    quantities: defaultdict[_Key, Decimal] = defaultdict(Decimal)
    events: defaultdict[_Key, int] = defaultdict(int)
    for part in sums:
        series, key = groups[part.group].series, (part_of[part.slot], part.group, cuts.at[part.slot])
        counted = Decimal(part.events) if series.aggregation == "count" else part.total
        quantities[key] += counted * (common // cuts.month_seconds[part.slot] if series.per_month else 1)
        events[key] += part.events
    order = sorted(quantities, key=lambda key: (key[:2], key[2] or cuts.bounds[0]))
    return tuple((key[0], _usage(groups[key[1]], quantities[key], common, events[key], key[2])) for key in order)


def _part(start: datetime, parts: Sequence[Span]) -> int:
    return next((number for number, part in enumerate(parts) if part.start <= start < part.end), len(parts))


def _usage(group: Group, quantity: Decimal, month_seconds: int, events: int, at: datetime | None) -> Usage:
    series = group.series
    divisor = Decimal(1) if series.aggregation == "count" else series.divisor
    if series.per_month:
        divisor *= month_seconds
    who = (series.member, series.service)
    return Usage(series.meter, quantity, *who, group.labels, divisor=divisor, events=events, at=at)
