"""What did everybody use, across teams, and what would it cost at list price? The largest, and what all come to."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from meter import list_costs
from meter.cells import Cell, slots, value
from meter.database import Connection, Pool
from meter.errors import InvalidParameter, UnknownMeter
from meter.ingest import load_meters
from meter.levels import instants
from meter.list_costs import METER, Costs, Unpriced
from meter.model import Meter, Team
from meter.rating.money import cut
from meter.rating.totals import ADDITIVE
from meter.spans import Span, spans
from meter.usage import EARLIEST, LATEST
from meter.windows import DAY, ORIGIN
from sql import statement

By = Literal["team", "member", "service", "meter"]
NO_TEAM = 0  # of the catalogue alone: ids begin at 1
MAX_TEAMS = 200
"""Whose costs one answer is of: those with the most events. A team takes some 10 ms."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of everybody in [start, end): of teams, of their members or services, or of meters; the `top` largest.

    `zone` says where calendar months begin, for units that are per month.
    """

    start: datetime
    end: datetime
    zone: ZoneInfo
    by: By
    top: int
    meters: tuple[str, ...] = ()


class Largest(NamedTuple):
    """A team, or what has a name in it (None: what belongs to none), and how much that is; a meter is of no team."""

    team: UUID | None
    team_name: str | None
    name: str | None
    currency: str | None
    quantity: Decimal


class Whole(NamedTuple):
    """What all groups come to, in a currency or (None) in the meter's unit; None: nobody used anything."""

    currency: str | None
    quantity: Decimal | None
    groups: int


class Everybody(NamedTuple):
    """The largest of each currency, largest first, and what all come to. `teams` used something.

    Those `left_out` are in none of the sums: so many teams are not priced in one answer.
    """

    items: list[Largest]
    wholes: list[Whole]
    teams: int
    left_out: int = 0
    as_of: datetime | None = None
    meters: tuple[str, ...] = ()
    unit: str | None = None
    unpriced: tuple[Unpriced, ...] = ()


async def quantities(conn: Connection, query: Query) -> Everybody:
    """How much of a meter of the catalogue everybody used; added up by the database, in one snapshot.

    Raises UnknownMeter, and InvalidParameter for what can't be added up or cuts a quarter of an hour.
    """
    check(query)
    meter = await _meter(conn, query)
    slotted = slots([Span(query.start, query.end)], query.zone, per_month=meter.per_month)
    levels = spans(slotted.bounds)
    if levels.raw:
        raise InvalidParameter(
            "`from` and `to` must lie on the quarter hour: all teams' events are not read one by one"
        )
    parts = [
        *(("day", span) for span in levels.daily),
        *(("hour", span) for span in levels.hourly),
        *(("quarter", span) for span in levels.quarter),
    ]
    asked = {
        "meter_id": meter.id,
        "by": None if query.by == "team" else query.by,
        "bounds": instants(slotted.bounds),
        "seconds": slotted.month_seconds,
        "levels": [level for level, _ in parts],
        "span_from": instants([span.start for _, span in parts]),
        "span_to": instants([span.end for _, span in parts]),
        "counted": meter.aggregation == "count",
        "rows": query.top,
    }
    rows = await (await conn.execute(statement("sum_everybody"), asked)).fetchall()
    items = [Largest(row[0], row[1], row[2], None, _value(meter, *row[3:5])) for row in rows]
    _, _, groups, teams = rows[0][5:] if rows else (0, Decimal(0), 0, 0)
    whole = _value(meter, *rows[0][5:7]) if rows else None
    return Everybody(items, [Whole(None, whole, groups)], teams, meters=(meter.slug,), unit=meter.unit)


def check(query: Query) -> None:
    """Refuses ranges that are empty or outside the calendar. Raises InvalidParameter."""
    if not EARLIEST < query.start < query.end < LATEST:
        raise InvalidParameter(f"`from` must lie before `to`, both between {EARLIEST.year} and {LATEST.year}")


async def _meter(conn: Connection, query: Query) -> Meter:
    known = await load_meters(conn, NO_TEAM)
    if len(query.meters) != 1 or query.by == METER:
        raise InvalidParameter("meter: name the one whose quantity is meant, by team, member or service")
    (slug,) = query.meters
    if slug not in known:
        raise UnknownMeter(f"the catalogue has no meter {slug[:64]!r}; a team's own is not everybody's")
    if known[slug].aggregation not in ADDITIVE:
        raise InvalidParameter(f"meter: {slug} can't be added up, so nobody has most of it")
    return known[slug]


def _value(meter: Meter, events: int, total: Decimal) -> Decimal:
    return cut(value(meter, meter.aggregation, Cell(events, total)) or Decimal(0))


async def costs(readers: Pool, query: Query, now: datetime) -> Everybody:
    """What everybody's usage costs at list price, by currency: team by team, each read in a snapshot of its own.

    Of no more than MAX_TEAMS teams, those with the most events on the days of the range. Raises what `list_costs.read`
    does.
    """
    check(query)
    teams, there = await _busiest(readers, query)
    asked = list_costs.Query(
        start=query.start,
        end=query.end,
        zone=query.zone,
        now=now,
        shown_from=query.start,
        by=None if query.by == "team" else query.by,
        meters=query.meters,
    )
    summing = _Summing(query.by, query.top)
    for team in teams:
        async with readers.connection() as conn:
            summing.take(team, await list_costs.read(conn, team, asked))
    return summing.told(there, there - len(teams))


async def _busiest(readers: Pool, query: Query) -> tuple[list[Team], int]:
    """The teams to price, and how many there are."""
    first = query.start - (query.start - ORIGIN) % DAY
    last = query.end + (ORIGIN - query.end) % DAY
    asked = {"first": first, "last": last, "meters": list(query.meters) or None, "rows": MAX_TEAMS}
    async with readers.connection() as conn:
        known = await load_meters(conn, NO_TEAM)
        for slug in query.meters:
            if slug not in known:
                raise UnknownMeter(f"the catalogue has no meter {slug[:64]!r}; a team's own is not everybody's")
        rows = await (await conn.execute(statement("list_busiest_teams"), asked)).fetchall()
    return [Team(*row[:9]) for row in rows], rows[0][9] if rows else 0


class _Summing:
    """Adds costs up team by team; keeps of each currency no more than the largest."""

    def __init__(self, by: By, top: int) -> None:
        self._by = by
        self._top = top
        self._largest: defaultdict[str, list[Largest]] = defaultdict(list)
        self._meters: defaultdict[str, dict[str | None, Decimal]] = defaultdict(dict)
        self._wholes: dict[str, Whole] = {}
        self._unpriced: dict[Unpriced, None] = {}
        self._used: set[str] = set()
        self._as_of: datetime | None = None

    def take(self, team: Team, found: Costs) -> None:
        """Takes the costs of one team in."""
        self._unpriced |= dict.fromkeys(found.unpriced)
        self._used.update(found.meters)
        self._as_of = max((at for at in (self._as_of, found.as_of) if at is not None), default=None)
        if not found.items:
            return
        amount = sum((item.amount for item in found.items), Decimal(0))
        _, so_far, groups = self._wholes.get(team.currency, Whole(team.currency, Decimal(0), 0))
        new = len(found.items)
        if self._by == METER:
            of_meters = self._meters[team.currency]
            new = sum(item.name not in of_meters for item in found.items)
            for item in found.items:
                of_meters[item.name] = of_meters.get(item.name, Decimal(0)) + item.amount
        else:
            mine = [Largest(team.public_id, team.name, item.name, team.currency, item.amount) for item in found.items]
            self._largest[team.currency] = _top([*self._largest[team.currency], *mine], self._top)
        self._wholes[team.currency] = Whole(team.currency, (so_far or Decimal(0)) + amount, groups + new)

    def told(self, teams: int, left_out: int) -> Everybody:
        """What all that was taken in comes to."""
        for currency, amounts in self._meters.items():
            found = [Largest(None, None, name, currency, amount) for name, amount in amounts.items()]
            self._largest[currency] = _top(found, self._top)
        return Everybody(
            [each for currency in sorted(self._largest) for each in self._largest[currency]],
            [self._wholes[currency] for currency in sorted(self._wholes)],
            teams,
            left_out,
            self._as_of,
            tuple(sorted(self._used)),
            unpriced=tuple(self._unpriced),
        )


def _top(found: Iterable[Largest], top: int) -> list[Largest]:
    """The largest; of equals those of the team with the smaller id, then by name."""
    return heapq.nsmallest(
        top, found, key=lambda each: (-each.quantity, str(each.team), each.name is None, each.name or "")
    )
