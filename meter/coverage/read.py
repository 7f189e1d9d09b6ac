"""The coverage of usage: which series of a question were expected to report when, and what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from meter.coverage import share
from meter.coverage.share import Cover, Grid, Seen, Summed, Time, cover, quarter
from meter.database import Connection
from meter.levels import FEW
from meter.spans import Span
from sql import statement

Rows = Sequence[Sequence[Any]]
MANY = 20_000  # ranges and groups, or days, that a thread is asked for rather than the event loop


class Rule(NamedTuple):
    """What the meter of a group says: how often it expects to hear of a series (None: learned), if it is of levels."""

    declared: int | None
    held: bool


class Asked(NamedTuple):
    """Series of a team by their ids, each with the number of its group, and the groups' rules.

    `whole` is what is asked about in all.
    """

    team_id: int
    groups: Mapping[int, int]
    rules: Mapping[int, Rule]
    ranges: Sequence[Span]
    whole: Span


class Kind(NamedTuple):
    """Series of a group that are looked at alike: a report speaks for `slot` quarters, from `end` on none is missed."""

    group: int
    slot: int
    end: int


async def read(conn: Connection, asked: Asked, now: datetime) -> Cover | None:
    """How much of what was expected came, in the caller's snapshot; None where no series is known to be expected."""
    if not asked.groups:
        return None
    many = len(asked.groups) > FEW
    start, end = min(each.start for each in asked.ranges), max(each.end for each in asked.ranges)
    start, end = min(start, asked.whole.start), max(end, asked.whole.end)
    parameters: dict[str, Any] = {
        "team_id": asked.team_id,
        "many": many,
        "series": [] if many else list(asked.groups),
        "range_from": start,
        "range_to": end,
    }
    rows = await (await conn.execute(statement("list_expected"), parameters)).fetchall()
    times, kinds = _expected([row for row in rows if row[0] in asked.groups], asked, now)
    if not times:
        return None
    numbers = {kind: number for number, kind in enumerate(dict.fromkeys(kinds.values()))}
    grid = share.grid(asked.ranges, asked.whole)
    whole_days, other_days = _days(grid, times, numbers)
    parameters |= {
        "series": list(kinds),
        "groups": [numbers[kind] for kind in kinds.values()],
        "many": len(kinds) > FEW,
    }
    summed = await _rows(conn, "sum_coverage", parameters | _before(whole_days)) if whole_days else []
    listed = {"days": [share.date_of(day) for day in other_days]}
    days = await _rows(conn, "list_covered", parameters | listed) if other_days else []
    work = (grid, times, days, summed, list(numbers))
    if len(asked.ranges) * len(numbers) + len(days) + len(summed) > MANY:
        return await asyncio.to_thread(_cover, *work)
    return _cover(*work)


def _days(grid: Grid, times: Sequence[Time], kinds: Iterable[Kind]) -> tuple[dict[int, int], list[int]]:
    """Days of which sums say all, with how many quarters lie before their one edge; and those whose quarters matter.

    That is where windows are short, where what is not due yet is to be left out, and for slots longer than a quarter.
    """
    edges = grid.edges
    first = max(edges[0], min(time.start for time in times)) // share.DAY
    last = min(edges[-1], max(time.end for time in times)) // share.DAY
    due = min(kind.end for kind in kinds) // share.DAY if all(kind.slot == 1 for kind in kinds) else first
    cuts = share.cuts(edges)
    sums = {day: sum(cuts.get(day, ())) for day in range(first, min(due, last + 1)) if len(cuts.get(day, ())) <= 1}
    return sums, [day for day in range(first, last + 1) if day not in sums]


async def _rows(conn: Connection, name: LiteralString, parameters: Mapping[str, Any]) -> Rows:
    return await (await conn.execute(statement(name), parameters)).fetchall()


def _before(days: Mapping[int, int]) -> dict[str, Any]:
    """Days, and of each so many first quarters as ones."""
    return {
        "days": [share.date_of(day) for day in days],
        "before": ["1" * into + "0" * (share.DAY - into) for into in days.values()],
    }


def _expected(rows: Rows, asked: Asked, now: datetime) -> tuple[list[Time], dict[int, Kind]]:
    """When each series was expected, in whole slots, and how it is looked at; rows in order of series and time."""
    found: list[Time] = []
    kinds: dict[int, Kind] = {}
    newest, passed = None, 0
    for series, learned, since, until, at in rows:
        group = asked.groups[series]
        rule = asked.rules[group]
        every = rule.declared or learned
        if every is None:
            continue  # nobody knows
        slot = share.slot(every, held=rule.held)
        end = share.missing_before(every, slot, min(now, at))
        if series != newest:
            newest, passed = series, 0
            kinds[series] = Kind(group, slot, end)
        start = max(quarter(since) // slot * slot, passed)
        passed = end if until is None else min(end, -(-quarter(until) // slot) * slot)
        if start < passed:
            found.append(Time(group, start, passed))
    return found, kinds


def _cover(grid: Grid, times: Sequence[Time], days: Rows, summed: Rows, kinds: Sequence[Kind]) -> Cover:
    seen: list[Seen] = []
    for number, date, text, series in days:
        kind, day = kinds[number], share.day_number(date)
        quarters = share.until(share.widened(int(text, 2), kind.slot), day, kind.end)
        seen.append(Seen(kind.group, day, quarters, series))
    sums = [Summed(kinds[number].group, share.day_number(date), *counts) for number, date, *counts in summed]
    return cover(grid, times, seen, sums)


async def silent(conn: Connection) -> int | None:
    """How many series of all teams were silent when the worker last counted them; None where it never did."""
    row = await (await conn.execute(statement("get_coverage_until"))).fetchone()
    return None if row is None or row[0] is None else int(row[1])
