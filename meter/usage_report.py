"""What did each member, or each service, use, and what would it cost at list price? Rows that add up exactly."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from meter import list_price, reported
from meter.coverage import read as coverages
from meter.coverage.read import Asked, Rule
from meter.coverage.share import Counts, together
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.ingest import load_meters
from meter.labels import Filter
from meter.levels import sums
from meter.model import Meter, Team
from meter.rating.totals import Metered, Part, Row, table
from meter.reported import Group
from meter.spans import Span
from meter.usage import EARLIEST, LATEST
from meter.usage_events import check_labels
from meter.windows import month_seconds
from sql import statement

By = Literal["member", "service"]
MAX_CELLS = 1_000_000


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of which meters (none named: of all) in [start, end), by what; `by` None answers the total alone.

    `zone` says where calendar months begin, for units that are per month. With the coverage as of `now`, None: without.
    """

    start: datetime
    end: datetime
    zone: ZoneInfo
    by: By | None = None
    meters: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    now: datetime | None = None


class Coverage(NamedTuple):
    """How much of what was expected came, by name and meter; None where nobody knows how much that is."""

    counts: dict[tuple[str | None, str], Counts]

    def of(self, name: str | None, meter: str) -> Counts | None:
        """Of what is under one name of one meter."""
        return self.counts.get((name, meter))

    def of_name(self, name: str | None) -> Counts | None:
        """Of what is under one name."""
        return self._sum(counts for key, counts in self.counts.items() if key[0] == name)

    def of_meter(self, meter: str) -> Counts | None:
        """Of one meter under all names."""
        return self._sum(counts for key, counts in self.counts.items() if key[1] == meter)

    def whole(self) -> Counts | None:
        """Of everything."""
        return self._sum(self.counts.values())

    @staticmethod
    def _sum(counts: Iterable[Counts]) -> Counts | None:
        found = list(counts)
        return together(found) if found else None


class Report(NamedTuple):
    """A row per name, dearest first, and the total of all; `as_of` is when the team's data last changed."""

    as_of: datetime | None
    rows: list[Row]
    total: Row
    coverage: Coverage


async def read(conn: Connection, team: Team, query: Query) -> Report:
    """The report, read in one snapshot. An event costs what the plan of its own time says.

    Raises UnknownMeter, InvalidParameter (range, filters on what no such meter has, too much at once) and RawDataGone
    where an end of the range cuts a quarter of an hour whose raw events are dropped.
    """
    if not EARLIEST <= query.start < query.end <= LATEST:
        raise InvalidParameter(f"`from` must lie before `to`, between {EARLIEST.year} and {LATEST.year}")
    whole = Span(query.start, query.end)
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        meters = await load_meters(conn, team.id)
        check_labels(query.meters, query.filters, meters)
        groups = await reported.groups(conn, team.id, query.by, query.meters, query.filters)
        tariffs = await list_price.read(conn, team)
        bounds = sorted(await reported.edges(conn, query.start, query.end, query.zone, groups, tariffs))
        if len(groups) * (len(bounds) - 1) > MAX_CELLS:
            raise InvalidParameter(f"more than {MAX_CELLS} figures; ask for a shorter range, or fewer meters")
        numbered = {series: number for number, group in enumerate(groups) for series in group.series}
        found = await sums(conn, team.id, numbered, bounds)
        rules = [_rule(meters[group.meter.slug]) for group in groups]
        coverage = await _coverage(
            conn, query, groups, Asked(team.id, numbered, dict(enumerate(rules)), [whole], whole)
        )
        row = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    parts: defaultdict[Metered, list[Part]] = defaultdict(list)
    seconds = [int(month_seconds(start, query.zone)) for start in bounds[:-1]]
    for each in found:
        group = groups[each.group]
        price = tariffs.price(group.meter.slug, bounds[each.slot], billable=group.billable)
        parts[group.meter].append(Part(group.name, each.events, each.total, seconds[each.slot], price))
    rows, total = await asyncio.to_thread(table, parts)  # thousands of names take it longer than others should wait
    return Report(row[0] if row else None, rows, total, coverage)


def _rule(meter: Meter) -> Rule:
    return Rule(meter.expected_every_seconds, meter.time_weighted)


async def _coverage(conn: Connection, query: Query, groups: Sequence[Group], asked: Asked) -> Coverage:
    found = None if query.now is None else await coverages.read(conn, asked, query.now)
    counts: defaultdict[tuple[str | None, str], list[Counts]] = defaultdict(list)
    for (_, number), each in (found.items if found else {}).items():
        counts[groups[number].name, groups[number].meter.slug].append(each)
    return Coverage({key: together(each) for key, each in counts.items()})
