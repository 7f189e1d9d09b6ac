"""What did usage cost at list price, window by window and by whatever it is told apart by? Amounts that add up exactly.

Each window's amounts are those that `GET /v1/usage/members` tells of it: rounded once per meter and window.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec

from meter import labels, list_price, reported, windows
from meter.coverage import read as coverages
from meter.coverage.read import Asked, Rule
from meter.coverage.share import Counts
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.ingest import load_meters
from meter.labels import Filter
from meter.levels import Sum, sums
from meter.list_price import Tariffs
from meter.model import Meter, Team
from meter.rating.list_price import NoPrice
from meter.rating.totals import Metered, Part, amounts_by_name
from meter.reported import Group
from meter.spans import Span
from meter.usage import MAX_CELLS, MAX_METERS
from meter.usage_events import check_labels
from meter.windows import Window, month_seconds
from sql import statement

METER = "meter"  # what amounts can be told apart by beside labels
REASONS: tuple[NoPrice, ...] = get_args(NoPrice)


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of which meters (none named: of all) in [start, end), cut into windows, by `meter` or a label, or by none.

    The coverage is as of `now`, and of what begins at `shown_from` or later: what lies before is read to compare with.
    """

    start: datetime
    end: datetime
    zone: ZoneInfo
    now: datetime
    shown_from: datetime
    window: Window | None = None
    by: str | None = None
    meters: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


class Item(NamedTuple):
    """What one name's usage in the window from `start` on costs, in major units of the team's currency."""

    start: datetime
    name: str | None
    amount: Decimal


class Unpriced(NamedTuple):
    """A meter of which some usage, or all, has no list price, and why."""

    meter: str
    reason: NoPrice


class Costs(NamedTuple):
    """Amounts by window and name; what has no list price is in none of them and listed, what matters most first.

    `meters` are those of which the team has series that the question is about. `as_of`: when its data last changed.
    """

    as_of: datetime | None
    meters: tuple[str, ...]
    items: list[Item]
    unpriced: tuple[Unpriced, ...]
    coverage: Counts | None


class Cut(NamedTuple):
    """The windows' starts, and the bounds that cut them where a price or a month does."""

    windows: list[datetime]
    bounds: list[datetime]


async def read(conn: Connection, team: Team, query: Query) -> Costs:
    """The amounts, read in one snapshot. An event costs what the plan of its own time says.

    Raises UnknownMeter, InvalidParameter (labels that no such meter has, too much at once) and RawDataGone where an end
    of the range cuts a quarter of an hour whose raw events are dropped.
    """
    if len(query.meters) > MAX_METERS:
        raise InvalidParameter(f"meter: name {MAX_METERS} at most, or none for all")
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        meters = await load_meters(conn, team.id)
        check_labels(query.meters, query.filters, meters)
        check_by(query, meters)
        groups = await _groups(conn, team.id, query)
        tariffs = await list_price.read(conn, team)
        cut = await _cut(conn, query, groups, tariffs)
        if len(groups) * len(cut.bounds) > MAX_CELLS:
            raise InvalidParameter(f"more than {MAX_CELLS} windows times groups; ask for less time, or group by less")
        numbered = {series: number for number, group in enumerate(groups) for series in group.series}
        found = await sums(conn, team.id, numbered, cut.bounds)
        coverage = await _coverage(conn, team.id, query, numbered, [meters[group.meter.slug] for group in groups])
        row = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    # thousands of windows take it longer than others should wait
    items, unpriced = await asyncio.to_thread(_priced, found, groups, cut, tariffs, query.zone)
    slugs = tuple(sorted({group.meter.slug for group in groups}))
    return Costs(row[0] if row else None, slugs, items, unpriced, coverage)


def check_by(query: Query, meters: Mapping[str, Meter]) -> None:
    """Refuses to tell apart by what none of the meters has. Raises InvalidParameter."""
    dimensions = (meters[slug].dimensions for slug in query.meters or meters)
    known = frozenset((METER, *labels.BUILT_IN)).union(*dimensions)
    if query.by is not None and query.by not in known:
        raise InvalidParameter(f"{query.by[:64]!r} is no dimension here; there are {', '.join(sorted(known))}")


async def _groups(conn: Connection, team_id: int, query: Query) -> list[Group]:
    """The groups by label, or under the meters' names."""
    by_meter = query.by == METER
    found = await reported.groups(conn, team_id, None if by_meter else query.by, query.meters, query.filters)
    return [group._replace(name=group.meter.slug) for group in found] if by_meter else found


async def _coverage(
    conn: Connection, team_id: int, query: Query, numbered: Mapping[int, int], meters: Sequence[Meter]
) -> Counts | None:
    shown = Span(query.shown_from, query.end)
    rules = {number: Rule(meter.expected_every_seconds, meter.time_weighted) for number, meter in enumerate(meters)}
    found = await coverages.read(conn, Asked(team_id, numbered, rules, [shown], shown), query.now)
    return None if found is None else found.whole


async def _cut(conn: Connection, query: Query, found: Sequence[Group], tariffs: Tariffs) -> Cut:
    """Where the range is cut: at its windows, and where prices do."""
    cut = windows.bounds(query.start, query.end, query.window, query.zone)
    prices = await reported.edges(conn, query.start, query.end, query.zone, found, tariffs)
    return Cut(cut[:-1], sorted({*cut, *prices}))


def _priced(
    found: Iterable[Sum], groups: Sequence[Group], cut: Cut, tariffs: Tariffs, zone: ZoneInfo
) -> tuple[list[Item], tuple[Unpriced, ...]]:
    """What was used, at the prices of its time."""
    parts: defaultdict[datetime, defaultdict[Metered, list[Part]]] = defaultdict(lambda: defaultdict(list))
    unpriced: set[Unpriced] = set()
    seconds: dict[int, int] = {}
    for each in found:
        group, at = groups[each.group], cut.bounds[each.slot]
        price = tariffs.price(group.meter.slug, at, billable=group.billable)
        if isinstance(price, str):
            unpriced.add(Unpriced(group.meter.slug, price))
            continue
        if group.meter.per_month and each.slot not in seconds:
            seconds[each.slot] = int(month_seconds(at, zone))
        part = Part(group.name, each.events, each.total, seconds.get(each.slot, 1), price)
        parts[cut.windows[bisect_right(cut.windows, at) - 1]][group.meter].append(part)
    items = [
        Item(start, name, amount) for start in sorted(parts) for name, amount in amounts_by_name(parts[start]).items()
    ]
    return items, tuple(sorted(unpriced, key=lambda each: (REASONS.index(each.reason), each.meter)))
