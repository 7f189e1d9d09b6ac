"""What of a team's usage in a period is to be paid for? Billable series only, in base units, from one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from math import lcm
from typing import Any, NamedTuple

from meter.clock_cuts import Cuts, by_clock, monthly
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.levels import Sum, sums
from meter.rating.levels import rank
from meter.rating.money import exact
from meter.rating.needs import Needs
from meter.rating.periods import Period
from meter.rating.usage import Usage
from meter.windows import ORIGIN, QUARTER
from sql import statement

Labels = tuple[tuple[str, str], ...]


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


class Billable(NamedTuple):
    """The usage of a period, title and unit of each meter in it, and which data it is.

    `data_snapshot` is pg_current_snapshot() as text; `as_of` is when the team's data last changed.
    """

    usage: tuple[Usage, ...]
    meters: dict[str, tuple[str, str]]
    data_snapshot: str
    as_of: datetime | None


async def read(conn: Connection, team_id: int, period: Period, needs: Needs) -> Billable:
    """The billable usage of a period by meter, member and service, and more finely where prices need it.

    In the caller's transaction, which must be of one snapshot (`begin_reading`). Usage under internal keys and of
    meters that are not billable is left out. Raises InvalidParameter for levels of a period off the quarter hours, and
    RawDataGone where an edge cuts a quarter whose raw events are dropped.
    """
    check_grid(period, needs)
    found = await (await conn.execute(statement("list_billable_series"), {"team_id": team_id})).fetchall()
    series = [Series(*row) for row in found]
    usage: list[Usage] = []
    for cuts, some in _cut(series, period, needs):
        groups = _groups(some, needs.labels)
        numbered = {each.id: number for number, group in enumerate(groups.values()) for each in group}
        parts = await sums(conn, team_id, numbered, cuts.bounds)
        usage += gathered([Group(own[0], labels) for (*_, labels), own in groups.items()], parts, cuts)
    usage += await _levels(conn, team_id, period, needs, {each.meter for each in series})
    data_snapshot, as_of = (await (await conn.execute(statement("get_snapshot"), {"team_id": team_id})).fetchall())[0]
    used = {row.meter for row in usage}
    meters = {each.meter: (each.title, each.unit) for each in series if each.meter in used}
    return Billable(tuple(usage), meters, data_snapshot, as_of)


def check_grid(period: Period, needs: Needs) -> None:
    """Refuses levels of a period that cuts a quarter of an hour: part of a quarter has no average of 15 minutes."""
    if needs.measures and any((edge - ORIGIN) % QUARTER for edge in (period.start, period.end)):
        raise InvalidParameter("this plan goes by levels per quarter of an hour; begin and end the period on one")


def _cut(series: Sequence[Series], period: Period, needs: Needs) -> list[tuple[Cuts, list[Series]]]:
    """Series by where their usage is cut: most at months only."""
    by_minutes: defaultdict[tuple[int, ...], list[Series]] = defaultdict(list)
    for each in series:
        by_minutes[needs.clocks.get(each.meter, ())].append(each)
    return [(by_clock(period, minutes) if minutes else monthly(period), some) for minutes, some in by_minutes.items()]


def _groups(
    series: Iterable[Series], labels: Mapping[str, frozenset[str]]
) -> dict[tuple[str, str | None, str | None, Labels], list[Series]]:
    """Series that differ in key, or in dimensions that no price goes by, are priced as one."""
    groups: defaultdict[tuple[str, str | None, str | None, Labels], list[Series]] = defaultdict(list)
    for each in series:
        names = labels.get(each.meter, frozenset())
        own = tuple(sorted((name, str(value)) for name, value in each.dimensions.items() if name in names))
        groups[each.meter, each.member, each.service, own].append(each)
    return dict(groups)


async def _levels(conn: Connection, team_id: int, period: Period, needs: Needs, meters: set[str]) -> list[Usage]:
    """Peaks and percentiles of the team's levels, per quarter of an hour; quarters without usage count as none."""
    wanted = [(meter, measure) for meter, measure in needs.measures if meter in meters]
    if not wanted:
        return []
    quarters = (period.end - period.start) // QUARTER
    asked = {
        "team_id": team_id,
        "meters": [meter for meter, _ in wanted],
        "measures": [measure for _, measure in wanted],
        "places": [quarters - rank(quarters, measure) + 1 for _, measure in wanted],
        "period_from": period.start,
        "period_to": period.end,
    }
    rows = await (await conn.execute(statement("read_levels"), asked)).fetchall()
    found = [Usage(meter, total, measure=measure, divisor=divisor) for meter, measure, total, divisor in rows]
    silent = set(wanted) - {(each.meter, each.measure) for each in found}
    return [*found, *(Usage(meter, Decimal(0), measure=measure) for meter, measure in sorted(silent))]


@exact()
def gathered(groups: Sequence[Group], sums: Iterable[Sum], cuts: Cuts) -> tuple[Usage, ...]:
    """One Usage per group, and time of day where the cuts tell it, that has any.

    A unit that is per month is divided by the month's own seconds, as in /v1/usage: 10 GB over a third of a month are
    3.33 GB-months. Several months come to one divisor, their least common multiple, so that nothing is rounded here.
    """
    common = lcm(*cuts.month_seconds)
    quantities: defaultdict[tuple[int, datetime | None], Decimal] = defaultdict(Decimal)
    events: defaultdict[tuple[int, datetime | None], int] = defaultdict(int)
    for part in sums:
        series, key = groups[part.group].series, (part.group, cuts.at[part.slot])
        counted = Decimal(part.events) if series.aggregation == "count" else part.total
        quantities[key] += counted * (common // cuts.month_seconds[part.slot] if series.per_month else 1)
        events[key] += part.events
    order = sorted(quantities, key=lambda key: (key[0], key[1] or cuts.bounds[0]))
    return tuple(_usage(groups[key[0]], quantities[key], common, events[key], key[1]) for key in order)


def _usage(group: Group, quantity: Decimal, month_seconds: int, events: int, at: datetime | None) -> Usage:
    series = group.series
    divisor = Decimal(1) if series.aggregation == "count" else series.divisor
    if series.per_month:
        divisor *= month_seconds
    who = (series.member, series.service)
    return Usage(series.meter, quantity, *who, group.labels, divisor=divisor, events=events, at=at)
