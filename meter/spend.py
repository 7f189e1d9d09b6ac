"""What will the running period's invoice come to? Rated anew, with what its meters are expected to come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from meter import bill, results
from meter.bill import Draft
from meter.database import Connection
from meter.model import Team
from meter.rating.money import exact, quotient
from meter.rating.periods import Period
from meter.rating.usage import TOTAL, Usage
from meter.segments import EXACT
from meter.usage import MAX_METERS, SHOWN, Query
from meter.usage import read as read_usage

JOB: Final = "forecast"
BANDS: Final = ("low80", "high80", "low95", "high95")
LATELY: Final = timedelta(hours=25)
"""How old a forecast may be: it is made anew within the hour where data came, and within a day where none did."""


class Expected(NamedTuple):
    """What a meter comes to in the whole period, in its unit, by its forecast; an edge is None where none is known."""

    mean: Decimal
    low80: Decimal | None
    high80: Decimal | None
    low95: Decimal | None
    high95: Decimal | None


class Spend(NamedTuple):
    """What the invoice comes to if all meters come to their mean, or all together to one edge of their bands.

    `made_at` is the oldest forecast's. Of `without` nothing more than was used is counted.
    """

    currency: str
    mean: Decimal
    low80: Decimal | None
    high80: Decimal | None
    low95: Decimal | None
    high95: Decimal | None
    made_at: datetime
    without: tuple[str, ...]


async def read(conn: Connection, team: Team, draft: Draft, now: datetime) -> Spend | None:
    """The spend of a period that runs, None where no meter has a forecast of it. Raises as `meter.usage.read`."""
    found, made = dict[str, Expected](), list[datetime]()
    for meter in draft.billable.meters:
        there = await results.get(conn, team.id, JOB, meter)
        expected = None if there is None or now - there.made_at > LATELY else _expected(there.body, draft.period.end)
        if there is not None and expected is not None:
            found[meter] = expected
            made.append(there.made_at)
    if not found:
        return None
    used = await _used(conn, team, sorted(found), draft.period)
    mean = at_end(draft, {meter: (used[meter], max(used[meter], each.mean)) for meter, each in found.items()})
    bands = {edge: _total(draft, found, used, edge) for edge in BANDS}
    without = tuple(sorted(draft.billable.meters.keys() - found.keys()))
    return Spend(draft.document.currency, mean, **bands, made_at=min(made), without=without)


def _expected(body: Mapping[str, Any], end: datetime) -> Expected | None:
    """The forecast of a period that ends then."""
    total = body.get("total")
    if total is None or total["mean"] is None or datetime.fromisoformat(total["to"]) != end:
        return None
    bands = {edge: None if total[edge] is None else Decimal(total[edge]) for edge in BANDS}
    return Expected(Decimal(total["mean"]), **bands)


async def _used(conn: Connection, team: Team, meters: Sequence[str], period: Period) -> dict[str, Decimal]:
    """What was used of meters so far, that of internal keys too, as it is forecast."""
    used = dict[str, Decimal]()
    for first in range(0, len(meters), MAX_METERS):
        some = tuple(meters[first : first + MAX_METERS])
        asked = Query(meters=some, start=period.start, end=period.end, zone=ZoneInfo(team.timezone))
        for reading in (await read_usage(conn, team, asked)).readings:
            used[reading.meter.slug] = sum((item.quantity or Decimal(0) for item in reading.items), Decimal(0))
    return used


def _total(draft: Draft, found: Mapping[str, Expected], used: Mapping[str, Decimal], edge: str) -> Decimal | None:
    edges = {meter: getattr(expected, edge) for meter, expected in found.items()}
    if None in edges.values():
        return None
    return at_end(draft, {meter: (used[meter], max(used[meter], whole)) for meter, whole in edges.items()})


def at_end(draft: Draft, expected: Mapping[str, tuple[Decimal, Decimal]]) -> Decimal:
    """What the invoice comes to if a meter's usage goes from the first of two numbers to the second; pure.

    What is still to come is used in the period's last part as it was used last: by whom, at which times of the day,
    with which labels. Raises ValueError for usage that can't be priced.
    """
    parts = draft.billable.parts
    more = tuple(row for meter, whole in expected.items() for row in _more(parts, meter, *whole))
    billable = draft.billable._replace(parts=(*parts[:-1], (*parts[-1], *more)))
    return bill.owed(draft.agreement, billable, draft.billed, draft.adjusted)[1].total


@exact()
def _more(parts: Sequence[Sequence[Usage]], meter: str, now: Decimal, then: Decimal) -> tuple[Usage, ...]:
    """What is still to come of a meter, in rows like those of the last part that has any.

    As much of it is billable as of what was used, which internal keys' usage is part of.
    """
    own = [[row for row in part if row.meter == meter and row.measure == TOTAL and row.quantity] for part in parts]
    pattern = next((rows for rows in reversed(own) if rows), [])
    if not pattern or not now or then <= now:
        return ()
    factor = quotient((then - now) * sum(map(_sum, own), Decimal(0)), now * _sum(pattern))
    return tuple(
        replace(
            row,
            quantity=EXACT.quantize(row.quantity * factor, SHOWN),
            money=None if row.money is None else row.money * factor,
            events=None,
        )
        for row in pattern
    )


def _sum(rows: Iterable[Usage]) -> Decimal:
    """What rows come to in their meter's unit: divisors may differ from part to part."""
    return sum((quotient(row.quantity, row.divisor) for row in rows), Decimal(0))
