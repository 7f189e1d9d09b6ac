"""What will the running period's invoice come to? Rated anew, with what its meters are expected to come to."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from meter import bill, expected, usage_report
from meter.bill import Draft
from meter.database import Connection
from meter.errors import InvalidParameter, NotRateable, Problem, RawDataGone
from meter.expected import BANDS, Expected
from meter.model import Team
from meter.rating.money import MAX_PLACES, cut, exact, quotient
from meter.rating.periods import Period
from meter.rating.usage import TOTAL, Usage
from meter.segments import EXACT
from meter.usage import SHOWN
from meter.usage_report import Query

_log = logging.getLogger(__name__)


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


async def read(conn: Connection, team: Team, draft: Draft, now: datetime) -> Spend | Problem | None:
    """The spend of a period that runs, None where no meter has a forecast of it.

    Or the Problem that keeps it from being told: that usage can be priced does not mean that more of it can.
    """
    found = await expected.read(conn, team.id, draft.billable.meters, draft.period, now)
    if not found:
        return None
    try:
        used = await _used(conn, team, sorted(found), draft.period)
        return _spend(draft, found, used)
    except (InvalidParameter, RawDataGone) as problem:
        return problem
    except (ValueError, ArithmeticError) as error:
        _log.warning("what team %s will owe can't be told: %s", team.public_id, error)
        return NotRateable(f"what is expected can't be priced: {error}")


def _spend(draft: Draft, found: Mapping[str, Expected], used: Mapping[str, Decimal]) -> Spend:
    mean = at_end(draft, {meter: (used[meter], max(used[meter], each.mean)) for meter, each in found.items()})
    bands = {edge: _total(draft, found, used, edge) for edge in BANDS}
    without = tuple(sorted(draft.billable.meters.keys() - found.keys()))
    made_at = min(each.made_at for each in found.values())
    return Spend(draft.document.currency, mean, **bands, made_at=made_at, without=without)


async def _used(conn: Connection, team: Team, meters: Sequence[str], period: Period) -> dict[str, Decimal]:
    """What was used of meters so far, that of internal keys too, as it is forecast; all of them are read at once."""
    asked = Query(start=period.start, end=period.end, zone=ZoneInfo(team.timezone), meters=tuple(meters))
    report = await usage_report.read(conn, team, asked)
    return dict.fromkeys(meters, Decimal(0)) | {
        each.meter.slug: each.quantity or Decimal(0) for each in report.total.usage
    }


def _total(draft: Draft, found: Mapping[str, Expected], used: Mapping[str, Decimal], edge: str) -> Decimal | None:
    edges = {meter: getattr(each, edge) for meter, each in found.items()}
    if None in edges.values():
        return None
    return at_end(draft, {meter: (used[meter], max(used[meter], whole)) for meter, whole in edges.items()})


def at_end(draft: Draft, usage: Mapping[str, tuple[Decimal, Decimal]]) -> Decimal:
    """What the invoice comes to if a meter's usage goes from the first of two numbers to the second; pure.

    What is still to come is used in the period's last part as it was used last: by whom, at which times of the day,
    with which labels. Raises ValueError for usage that can't be priced, ArithmeticError for numbers beyond all measure.
    """
    parts = draft.billable.parts
    more = tuple(row for meter, whole in usage.items() for row in _more(parts, meter, *whole))
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
            money=None if row.money is None else cut(row.money * factor, MAX_PLACES),
            events=None,
        )
        for row in pattern
    )


def _sum(rows: Iterable[Usage]) -> Decimal:
    """What rows come to in their meter's unit: divisors may differ from part to part."""
    return sum((quotient(row.quantity, row.divisor) for row in rows), Decimal(0))
