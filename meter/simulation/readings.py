"""A team's usage of many periods from one reading, each given as billing would read it alone."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from meter import billable
from meter.billable import Asked, Billable, Group, Series
from meter.clock_cuts import Cuts
from meter.database import Connection
from meter.levels import Sum, sums
from meter.rating.needs import together
from meter.rating.periods import Period
from meter.rating.segments import LevelsAsked
from meter.rating.usage import Usage
from sql import statement

_Clocks = tuple[tuple[int, ...], ...]


class Wanted(NamedTuple):
    """The usage of a period, told apart as somebody asks."""

    period: Period
    asked: Asked


class _Read(NamedTuple):
    """What the buckets say of some series: their groups, told apart as all who ask need together, and the bounds."""

    groups: list[list[Series]]
    bounds: list[datetime]
    by_slot: dict[int, list[Sum]]


async def read(conn: Connection, team_id: int, wanted: Sequence[Wanted], *, by_member: bool = True) -> list[Billable]:
    """The billable usage of each, in their order, without the words of meters and which data it is.

    Where it does not matter whose usage it is, `by_member` False, that of all members is one. In the caller's
    transaction, which must be of one snapshot. Raises RawDataGone as billing does, for all of them.
    """
    rows = await (await conn.execute(statement("list_billable_series"), {"team_id": team_id})).fetchall()
    series = [Series(*row) if by_member else Series(*row)._replace(member=None) for row in rows]
    levels = await _levels(conn, team_id, wanted, {each.meter for each in series})
    parts: list[list[list[Usage]]] = [[[] for _ in (*asked.parts, None)] for _, asked in wanted]
    for some in _alike(series, wanted):
        cuts = [_cuts(some, each) for each in wanted]
        found = await _sums(conn, team_id, some, wanted, cuts)
        for number, (each, cut) in enumerate(zip(wanted, cuts, strict=True)):
            for part, usage in _of(found, each.asked, cut):
                parts[number][part].append(usage)
    for number, (_, asked) in enumerate(wanted):
        for level in asked.levels:
            if level in levels:
                parts[number][level.segment].append(levels[level])
    return [Billable(tuple(map(tuple, inside)), tuple(outside), {}, "", None) for *inside, outside in parts]


def _alike(series: Iterable[Series], wanted: Sequence[Wanted]) -> list[list[Series]]:
    """Series by the times of day at which those who ask cut them: mostly all are cut at months and parts only."""
    clocks = [each.asked.needs.clocks for each in wanted]
    found: defaultdict[_Clocks, list[Series]] = defaultdict(list)
    for each in series:
        found[tuple(clock.get(each.meter, ()) for clock in clocks) if any(clocks) else ()].append(each)
    return list(found.values())


def _cuts(some: Sequence[Series], wanted: Wanted) -> Cuts:
    ((cuts, _),) = billable.cut(some, *wanted)
    return cuts


async def _sums(
    conn: Connection, team_id: int, some: Sequence[Series], wanted: Sequence[Wanted], cuts: Sequence[Cuts]
) -> _Read:
    labels = together(each.asked.needs for each in wanted).labels
    groups = list(billable.grouped(some, labels).values())
    numbered = {each.id: number for number, group in enumerate(groups) for each in group}
    bounds = sorted({bound for cut in cuts for bound in cut.bounds})
    by_slot: defaultdict[int, list[Sum]] = defaultdict(list)
    for each in await sums(conn, team_id, numbered, bounds):
        by_slot[each.slot].append(each)
    return _Read(groups, bounds, dict(by_slot))


def _of(found: _Read, asked: Asked, cuts: Cuts) -> tuple[tuple[int, Usage], ...]:
    """What one who asks gets: groups and slots as coarse as theirs alone would be."""
    own = billable.grouped((each for group in found.groups for each in group), asked.needs.labels)
    place = {each.id: number for number, group in enumerate(own.values()) for each in group}
    groups = [place[group[0].id] for group in found.groups]
    first = bisect_right(found.bounds, cuts.bounds[0]) - 1
    last = bisect_right(found.bounds, cuts.bounds[-1]) - 1
    mapped = [
        each._replace(group=groups[each.group], slot=bisect_right(cuts.bounds, found.bounds[slot]) - 1)
        for slot in range(first, last)
        for each in found.by_slot.get(slot, ())
    ]
    named = [Group(group[0], labels) for (*_, labels), group in own.items()]
    return billable.gathered(named, mapped, cuts, asked.parts)


async def _levels(
    conn: Connection, team_id: int, wanted: Sequence[Wanted], meters: set[str]
) -> dict[LevelsAsked, Usage]:
    asked = tuple(dict.fromkeys(level for each in wanted for level in each.asked.levels if level.meter in meters))
    found = await billable.levels(conn, team_id, asked, meters)
    return {level: usage for level, (_, usage) in zip(asked, found, strict=True)}
