"""The billable usage of a period from raw events alone, as they are or stood in a snapshot; no bucket is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from meter import billable
from meter.billable import Asked, Billable, Group, Series, cut, gathered, grouped
from meter.database import Connection
from meter.errors import RawDataGone
from meter.ingest import load_meters
from meter.levels import Sum, instants
from meter.rating.levels import rank
from meter.rating.money import exact
from meter.rating.periods import Period
from meter.rating.segments import LevelsAsked
from meter.rating.usage import Usage
from meter.retention.floors import floors
from meter.windows import ORIGIN, QUARTER
from sql import statement

AT_ONCE = timedelta(days=7)
"""So much time is added up by one statement: none takes long, however much was used in a year."""

LEVEL_SECONDS = int(QUARTER.total_seconds())


async def read(conn: Connection, team_id: int, period: Period, asked: Asked, snapshot: str | None = None) -> Billable:
    """As `billable.read`, from raw events; with a `snapshot` (pg_current_snapshot() as text) as they stood in it.

    Then each statement looks at what that snapshot saw, so the caller's transaction may be of any kind; without one it
    must be of one snapshot (`begin_reading`). Rows that a stream's late point took away since are gone for both.
    Raises RawDataGone where raw events of the period were dropped.
    """
    await check_kept(conn, period)
    found = await (await conn.execute(statement("list_billable_series"), {"team_id": team_id})).fetchall()
    series = [Series(*row) for row in found]
    parts: list[list[Usage]] = [[] for _ in (*asked.parts, None)]
    for cuts, some in cut(series, period, asked):
        groups = grouped(some, asked.needs.labels)
        numbered = {each.id: number for number, group in enumerate(groups.values()) for each in group}
        sums_there = await sums(conn, team_id, numbered, cuts.bounds, snapshot)
        named = [Group(own[0], labels) for (*_, labels), own in groups.items()]
        for part, usage in gathered(named, sums_there, cuts, asked.parts):
            parts[part].append(usage)
    for part, usage in await _levels(conn, team_id, asked.levels, series, snapshot):
        parts[part].append(usage)
    none = await billable.none(conn, team_id)
    used = {row.meter for part in parts for row in part}
    meters = {each.meter: (each.title, each.unit) for each in series if each.meter in used}
    *inside, outside = map(tuple, parts)
    return Billable(tuple(inside), outside, meters, snapshot or none.data_snapshot, none.as_of)


async def check_kept(conn: Connection, period: Period) -> None:
    """Raises RawDataGone where raw events of a period were dropped."""
    kept = (await floors(conn)).raw
    if kept is not None and period.start < kept:
        raise RawDataGone(f"raw events before {kept.isoformat()} are gone, so nothing can be counted again there")


async def sums(
    conn: Connection, team_id: int, groups: Mapping[int, int], bounds: Sequence[datetime], snapshot: str | None
) -> list[Sum]:
    """As `levels.sums`: usage of series (id to group) in each slot between neighbouring bounds, in several parts."""
    if not groups:
        return []
    common = {
        "team_id": team_id,
        "series": list(groups),
        "groups": list(groups.values()),
        "bounds": instants(bounds),
        "snapshot": snapshot,
    }
    found: list[Sum] = []
    for start, end in pairwise(_weeks(bounds[0], bounds[-1])):
        asked = common | {"range_from": start, "range_to": end}
        rows = await (await conn.execute(statement("sum_raw"), asked)).fetchall()
        found += [Sum(group, slot - 1, events, total) for group, slot, events, total in rows]
    return found


def _weeks(start: datetime, end: datetime) -> list[datetime]:
    """From one instant up to the end of the quarter that holds the other, cut where no quarter is."""
    last = end + (ORIGIN - end) % QUARTER
    edges, at = [start], _quarter(start) + AT_ONCE
    while at < last:
        edges.append(at)
        at += AT_ONCE
    return [*edges, last]


async def _levels(
    conn: Connection,
    team_id: int,
    asked: Sequence[LevelsAsked],
    series: Sequence[Series],
    snapshot: str | None,
) -> list[tuple[int, Usage]]:
    """As `billable.levels`: the quarter of an hour in a place from the highest, quarters without usage last."""
    known = {each.meter for each in series}
    scales = {slug: each.level_scale for slug, each in (await load_meters(conn, team_id)).items()}
    return [
        (each.segment, await _level(conn, team_id, each, series, scales[each.meter], snapshot))
        for each in asked
        if each.meter in known
    ]


async def _level(
    conn: Connection,
    team_id: int,
    asked: LevelsAsked,
    series: Sequence[Series],
    scale: Decimal,
    snapshot: str | None,
) -> Usage:
    own = {each.id: 0 for each in series if each.meter == asked.meter}
    totals: list[Decimal] = []
    quarters = 0
    for start, end in asked.ranges:
        first, last = _quarter(start), _quarter(end)
        bounds = [first + QUARTER * step for step in range((last - first) // QUARTER + 1)]
        quarters += len(bounds) - 1
        if len(bounds) > 1:
            totals += _by_slot(await sums(conn, team_id, own, bounds, snapshot))
    place = quarters - rank(quarters, asked.measure) + 1
    if not 1 <= place <= len(totals):
        return Usage(asked.meter, Decimal(0), measure=asked.measure)
    highest = sorted(totals, reverse=True)[place - 1]
    return Usage(asked.meter, highest, measure=asked.measure, divisor=LEVEL_SECONDS * scale)


@exact()
def _by_slot(found: Sequence[Sum]) -> list[Decimal]:
    totals: defaultdict[int, Decimal] = defaultdict(Decimal)
    for each in found:
        totals[each.slot] += each.total
    return list(totals.values())


def _quarter(instant: datetime) -> datetime:
    return instant - (instant - ORIGIN) % QUARTER
