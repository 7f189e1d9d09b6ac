"""How much was used between two instants: exact for any instants and any zone, complete at the moment of asking."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise, product
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from psycopg.types.json import Jsonb

from meter import windows
from meter.database import Connection
from meter.errors import InvalidParameter, UnknownMeter
from meter.ingest import load_meters
from meter.levels import Sum, sums
from meter.model import Meter, Team
from meter.segments import EXACT
from meter.windows import Window, month_seconds
from sql import statement

MAX_ITEMS = 40_000  # a year of quarters has 35,040
MAX_CELLS = 1_000_000  # windows times groups that one answer may hold
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # no calendar ends near these
SHOWN = Decimal("1e-12")
LARGEST_SHOWN = 40  # digits before the point that still leave room for twelve after it

Fill = Literal["null", "zero"]
Group = tuple[str | None, ...]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: a meter between two instants, cut into windows of a zone, filtered and grouped.

    Filters: None lets all pass. `group_by` holds member, service, key or names of declared dimensions. `fill` gives
    windows without data an item: "null" says so, "zero" calls it zero.
    """

    meter: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    window: Window | None = None
    members: tuple[str, ...] | None = None
    services: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    dimensions: dict[str, str] = msgspec.field(default_factory=dict)
    group_by: tuple[str, ...] = ()
    fill: Fill | None = None


class Item(NamedTuple):
    """Usage of one group in one window; quantity in the meter's unit, None where there is no data."""

    start: datetime
    end: datetime
    group: Group
    quantity: Decimal | None
    events: int


class Usage(NamedTuple):
    """The answer: items in order of window and group; `as_of` is when the team's data last changed."""

    meter: Meter
    query: Query
    as_of: datetime | None
    items: list[Item]


class Slots(NamedTuple):
    """The bounds that cut the range, and for each slot between two of them its window and its month's seconds."""

    bounds: list[datetime]
    window: list[int]
    month_seconds: list[Decimal]


async def read(conn: Connection, team: Team, query: Query) -> Usage:
    """Usage of one team, read in one snapshot.

    Raises UnknownMeter, InvalidParameter (range, windows, dimensions that the meter does not declare) and RawDataGone
    where a bound cuts a quarter of an hour whose raw events are dropped.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        meter = (await load_meters(conn, team.id)).get(query.meter)
        if meter is None:
            raise UnknownMeter(f"there is no meter {query.meter[:64]!r}; GET /v1/meters lists those there are")
        check(query, meter)
        slots = cut(query, meter)
        groups, parts = await _parts(conn, team.id, meter, query, slots)
        row = await (await conn.execute(statement("get_watermark"), {"team_id": team.id})).fetchone()
    return Usage(meter, query, row[0] if row else None, items(query, meter, slots, groups, parts))


def check(query: Query, meter: Meter) -> None:
    """Refuses what can't be answered, before anything is computed. Raises InvalidParameter."""
    if query.start >= query.end:
        raise InvalidParameter("`from` must lie before `to`")
    if query.start < EARLIEST or query.end > LATEST:
        raise InvalidParameter(f"`from` and `to` must lie between {EARLIEST.year} and {LATEST.year}")
    if windows.count_at_most(query.start, query.end, query.window) > MAX_ITEMS:
        raise InvalidParameter(f"more than {MAX_ITEMS} windows; ask for a shorter range or longer windows")
    known = meter.dimensions | {"member", "service", "key"}
    for name in (*query.group_by, *query.dimensions):
        if name not in known:
            raise InvalidParameter(
                f"{name[:64]!r} is not a dimension of {meter.slug}; it has {', '.join(sorted(known))}"
            )


def cut(query: Query, meter: Meter) -> Slots:
    """The bounds of the windows; of months too, for a meter whose unit depends on the month's length."""
    edges = windows.bounds(query.start, query.end, query.window, query.zone)
    if not meter.per_month:
        return Slots(edges, list(range(len(edges) - 1)), [Decimal(1)] * (len(edges) - 1))
    months = windows.bounds(query.start, query.end, "month", query.zone)
    bounds = sorted({*edges, *months})
    lengths = [month_seconds(start, query.zone) for start in months[:-1]]
    window = [bisect_right(edges, start) - 1 for start in bounds[:-1]]
    return Slots(bounds, window, [lengths[bisect_right(months, start) - 1] for start in bounds[:-1]])


async def _parts(
    conn: Connection, team_id: int, meter: Meter, query: Query, slots: Slots
) -> tuple[list[Group], list[Sum]]:
    """The groups there are, and what the buckets say of each."""
    parameters = {
        "team_id": team_id,
        "meter_id": meter.id,
        "members": _listed(query.members),
        "services": _listed(query.services),
        "keys": _listed(query.keys),
        "dimensions": Jsonb(query.dimensions),
    }
    series = await (await conn.execute(statement("list_series"), parameters)).fetchall()
    grouped = {row[0]: _group(query.group_by, row) for row in series}
    groups = sorted(set(grouped.values()), key=lambda group: [(name is not None, name or "") for name in group])
    if len(groups) * (len(slots.bounds) - 1) > MAX_CELLS:
        raise InvalidParameter(f"more than {MAX_CELLS} windows times groups; ask for less time, or group by less")
    number = {group: position for position, group in enumerate(groups)}
    numbered = {series_id: number[group] for series_id, group in grouped.items()}
    return groups, await sums(conn, team_id, numbered, slots.bounds)


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _group(group_by: Sequence[str], row: tuple[Any, ...]) -> Group:
    """The group of a series row (id, member, service, key, dimensions)."""
    labels: Mapping[str, str | None] = {**row[4], "member": row[1], "service": row[2], "key": row[3]}
    return tuple(labels.get(name) for name in group_by)


def items(query: Query, meter: Meter, slots: Slots, groups: Sequence[Group], parts: Sequence[Sum]) -> list[Item]:
    """Items in the meter's unit, in order of window and group; windows without data only where `fill` asks for them."""
    edges = list(pairwise(_window_bounds(slots)))
    found: dict[tuple[int, int], tuple[Decimal, int]] = {}
    for part in parts:
        key = (slots.window[part.slot], part.group)
        total = part.total if not meter.per_month else EXACT.divide(part.total, slots.month_seconds[part.slot])
        before = found.get(key)
        found[key] = (total, part.events) if before is None else (EXACT.add(before[0], total), before[1] + part.events)
    names = groups or ([] if query.group_by else [()])
    if query.fill is not None and len(edges) * len(names) > MAX_ITEMS:
        raise InvalidParameter(f"more than {MAX_ITEMS} windows times groups; ask for fewer, or without `fill`")
    cells = sorted(found) if query.fill is None else product(range(len(edges)), range(len(names)))
    missing = Decimal(0) if query.fill == "zero" else None
    return [
        Item(*edges[window], names[group], missing if cell is None else value(meter, *cell), cell[1] if cell else 0)
        for window, group in cells
        for cell in [found.get((window, group))]
    ]


def _window_bounds(slots: Slots) -> list[datetime]:
    firsts = [slots.bounds[i] for i, window in enumerate(slots.window) if i == 0 or window != slots.window[i - 1]]
    return [*firsts, slots.bounds[-1]]


def value(meter: Meter, total: Decimal, events: int) -> Decimal | None:
    """A total in the meter's unit: divided once, here; an average of nothing is None."""
    if meter.aggregation == "count":
        return Decimal(events)
    if meter.aggregation == "average":
        return EXACT.divide(total, Decimal(events)) if events else None
    return total if meter.divisor == 1 else EXACT.divide(total, meter.divisor)


def plain(quantity: Decimal) -> str:
    """A quantity for people and programs: at most 12 decimals, no exponent, no trailing zeros."""
    shown = EXACT.quantize(quantity, SHOWN) if quantity.adjusted() < LARGEST_SHOWN else quantity
    text = format(shown or Decimal(0), "f")  # no minus before a zero
    return text.rstrip("0").rstrip(".") if "." in text else text
