"""What one group used in one range, put together from slots, and what a meter's aggregation makes of it. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from meter import windows
from meter.levels import Extras, Sum
from meter.model import Meter
from meter.segments import EXACT
from meter.spans import Span
from meter.windows import month_seconds

Aggregation = Literal["sum", "count", "min", "max", "average", "latest", "unique", "percentile", "time_weighted"]
USUAL_PERCENTILE = Decimal(95)
FROM_RAW: frozenset[str] = frozenset({"unique", "percentile"})
EXTRAS: dict[str, Extras] = {
    "min": Extras(extremes=True),
    "max": Extras(extremes=True),
    "latest": Extras(latest=True),
}


class Slots(NamedTuple):
    """The bounds that cut the ranges; for each slot between two of them its month's seconds and the ranges it is in."""

    bounds: list[datetime]
    month_seconds: list[Decimal]
    homes: list[list[int]]


class Cell(NamedTuple):
    """Usage of one group in one range; `answer` is there where the database has already aggregated."""

    events: int
    total: Decimal
    smallest: Decimal | None = None
    largest: Decimal | None = None
    latest: list[Decimal] | None = None
    answer: Decimal | None = None


Cells = dict[tuple[int, int], Cell]
"""By range and group, both numbered from 0; without data, without a cell."""


def slots(ranges: Sequence[Span], zone: ZoneInfo, *, per_month: bool) -> Slots:
    """Slots that every range is a whole number of; no slot leaves its month for a meter whose unit depends on it.

    Ranges may overlap, and an empty one has no slots.
    """
    edges = {edge for each in ranges for edge in each}
    months = windows.bounds(min(edges), max(edges), "month", zone) if per_month else []
    bounds = sorted(edges.union(months))
    homes: list[list[int]] = [[] for _ in bounds[:-1]]
    for number, each in enumerate(ranges):
        for slot in range(bisect_left(bounds, each.start), bisect_left(bounds, each.end)):
            homes[slot].append(number)
    if not per_month:
        return Slots(bounds, [Decimal(1)] * len(homes), homes)
    lengths = [month_seconds(start, zone) for start in months[:-1]]
    return Slots(bounds, [lengths[bisect_right(months, start) - 1] for start in bounds[:-1]], homes)


def cells(parts: Iterable[Sum], cut: Slots, meter: Meter) -> Cells:
    """The parts added up by range and group; a level per month is divided by its own month's seconds here."""
    found: Cells = {}
    for part in parts:
        total = part.total
        if meter.per_month:
            total = EXACT.divide(total, cut.month_seconds[part.slot])
        cell = Cell(part.events, total, part.smallest, part.largest, part.latest)
        for number in cut.homes[part.slot]:
            key = (number, part.group)
            before = found.get(key)
            found[key] = cell if before is None else merged(before, cell)
    return found


def merged(one: Cell, other: Cell) -> Cell:
    """Two disjoint parts of one range and group as one."""
    return Cell(
        one.events + other.events,
        EXACT.add(one.total, other.total),
        _least(one.smallest, other.smallest),
        _most(one.largest, other.largest),
        max((each for each in (one.latest, other.latest) if each is not None), default=None),
    )


def _least(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _most(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return max((each for each in (one, other) if each is not None), default=None)


def value(meter: Meter, aggregation: str, cell: Cell) -> Decimal | None:
    """What the aggregation makes of a cell, in its unit: divided once, here; None where nothing can be said."""
    if aggregation == "count":
        return Decimal(cell.events)
    if aggregation == "unique":
        return cell.answer
    found = _base_value(aggregation, cell)
    return found if found is None or meter.divisor == 1 else EXACT.divide(found, meter.divisor)


def _base_value(aggregation: str, cell: Cell) -> Decimal | None:
    match aggregation:
        case "average":
            return EXACT.divide(cell.total, Decimal(cell.events)) if cell.events else None
        case "min":
            return cell.smallest
        case "max":
            return cell.largest
        case "latest":
            return cell.latest[1] if cell.latest else None
        case "percentile":
            return cell.answer
        case _:
            return cell.total
