"""What of a team's usage in a period is to be paid for? Billable series only, in base units, from one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import lcm
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter import windows
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.levels import Sum, sums
from meter.rating.money import exact
from meter.rating.periods import Period
from meter.rating.usage import PEAK, Usage
from meter.windows import ORIGIN, QUARTER, month_seconds
from sql import statement


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


class Billable(NamedTuple):
    """The usage of a period, title and unit of each meter in it, and which data it is.

    `data_snapshot` is pg_current_snapshot() as text; `as_of` is when the team's data last changed.
    """

    usage: tuple[Usage, ...]
    meters: dict[str, tuple[str, str]]
    data_snapshot: str
    as_of: datetime | None


async def read(conn: Connection, team_id: int, period: Period, peak_meters: Sequence[str]) -> Billable:
    """The billable usage of a period by meter, member and service, and the team's peaks of the meters asked for.

    In the caller's transaction, which must be of one snapshot (`begin_reading`). Usage under internal keys and of
    meters that are not billable is left out. Raises InvalidParameter for peaks of a period off the quarter hours, and
    RawDataGone where an edge cuts a quarter whose raw events are dropped.
    """
    check_grid(period, peak_meters)
    found = await (await conn.execute(statement("list_billable_series"), {"team_id": team_id})).fetchall()
    series = [Series(*row) for row in found]
    months = windows.bounds(period.start, period.end, "month", ZoneInfo(period.zone))
    groups = _groups(series)
    numbered = {each.id: number for number, group in enumerate(groups.values()) for each in group}
    parts = await sums(conn, team_id, numbered, months)
    peaks = await _peaks(conn, team_id, period, peak_meters) if peak_meters else []
    data_snapshot, as_of = (await (await conn.execute(statement("get_snapshot"), {"team_id": team_id})).fetchall())[0]
    seconds = [int(month_seconds(start, ZoneInfo(period.zone))) for start in months[:-1]]
    usage = (*gathered([each[0] for each in groups.values()], parts, seconds), *peaks)
    used = {row.meter for row in usage}
    meters = {each.meter: (each.title, each.unit) for each in series if each.meter in used}
    return Billable(usage, meters, data_snapshot, as_of)


def check_grid(period: Period, peak_meters: Sequence[str]) -> None:
    """Refuses peaks of a period that cuts a quarter of an hour: part of a quarter has no average of 15 minutes."""
    if peak_meters and any((edge - ORIGIN) % QUARTER for edge in (period.start, period.end)):
        raise InvalidParameter("this plan counts peaks per quarter of an hour; begin and end the period on one")


def _groups(series: Iterable[Series]) -> dict[tuple[str, str | None, str | None], list[Series]]:
    """Series that differ in key or dimensions only are priced as one."""
    groups: defaultdict[tuple[str, str | None, str | None], list[Series]] = defaultdict(list)
    for each in series:
        groups[each.meter, each.member, each.service].append(each)
    return dict(groups)


async def _peaks(conn: Connection, team_id: int, period: Period, meters: Sequence[str]) -> list[Usage]:
    asked = {
        "team_id": team_id,
        "meters": list(meters),
        "period_from": period.start,
        "period_to": period.end,
    }
    rows = await (await conn.execute(statement("read_peaks"), asked)).fetchall()
    return [Usage(meter, total, measure=PEAK, divisor=divisor) for meter, total, divisor in rows]


@exact()
def gathered(groups: Sequence[Series], sums: Iterable[Sum], month_lengths: Sequence[int]) -> tuple[Usage, ...]:
    """One Usage per group that has any; `month_lengths` are the seconds of each calendar month the period touches.

    A unit that is per month is divided by the month's own seconds, as in /v1/usage: 10 GB over a third of a month are
    3.33 GB-months. Several months come to one divisor, their least common multiple, so that nothing is rounded here.
    """
    common = lcm(*month_lengths)
    found: defaultdict[int, Decimal] = defaultdict(Decimal)
    for part in sums:
        group = groups[part.group]
        counted = Decimal(part.events) if group.aggregation == "count" else part.total
        found[part.group] += counted * (common // month_lengths[part.slot] if group.per_month else 1)
    return tuple(_usage(groups[number], quantity, common) for number, quantity in sorted(found.items()))


def _usage(group: Series, quantity: Decimal, month_seconds: int) -> Usage:
    divisor = Decimal(1) if group.aggregation == "count" else group.divisor
    if group.per_month:
        divisor *= month_seconds
    return Usage(group.meter, quantity, group.member, group.service, divisor=divisor)
