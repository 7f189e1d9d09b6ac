"""What would a backfill change, hour by hour? In the meters' units, with the invoices that were made of those hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from meter.backfill.decide import Figures
from meter.backfill.model import Backfill, Phase
from meter.corrections.moved import ADDED_UP, MAX_INVOICES, Billed
from meter.database import Connection
from meter.ingest import load_meters
from meter.model import Meter, Team
from meter.rating.money import displayed
from meter.windows import month_seconds
from sql import statement

HOUR = timedelta(hours=1)
MOST_LEFT = 100


class Amount(NamedTuple):
    """Events and their quantity in the meter's unit; None for a meter that does not add up."""

    events: int
    quantity: Decimal | None


class Hour(NamedTuple):
    """The difference in an hour (UTC) of a meter. `amended` is before and after; `kept` differ and stay."""

    meter: str
    unit: str
    start: datetime
    end: datetime
    stored: Amount
    source: Amount
    added: Amount
    amended: tuple[Amount, Amount]
    voided: Amount
    kept: int


class Left(NamedTuple):
    """An event that is left as it is, and why."""

    time: datetime
    event_id: UUID
    why: str


async def hours(
    conn: Connection, team: Team, backfill: Backfill, after: tuple[datetime, str] | None, rows: int, *, whole: bool
) -> list[Hour]:
    """At most `rows` hours in order of time and meter, from after one: those with a difference, or (`whole`) all."""
    asked = {
        "backfill_id": backfill.id,
        "after": after and after[0],
        "after_meter": after and after[1],
        "whole": whole,
        "rows": rows,
    }
    found = await (await conn.execute(statement("list_backfill_hours"), asked)).fetchall()
    meters = await load_meters(conn, team.id)
    return [_hour(row, meters, ZoneInfo(team.timezone)) for row in found]


def _hour(row: Sequence[Any], meters: Mapping[str, Meter], zone: ZoneInfo) -> Hour:
    start, slug, *rest = row
    meter, each = meters[slug], Figures(*rest)
    divisor = meter.divisor * (month_seconds(start, zone) if meter.per_month else 1)

    def amount(events: int, quantity: Decimal) -> Amount:
        if meter.aggregation == "count":
            return Amount(events, Decimal(events))
        return Amount(events, displayed(quantity, divisor) if meter.aggregation in ADDED_UP else None)

    return Hour(
        slug,
        meter.unit,
        start,
        start + HOUR,
        amount(each.stored_events, each.stored),
        amount(each.source_events, each.source),
        amount(each.added_events, each.added),
        (amount(each.amended_events, each.amended_from), amount(each.amended_events, each.amended_to)),
        amount(each.voided_events, each.voided),
        each.kept_events,
    )


async def invoices(conn: Connection, backfill: Backfill) -> list[Billed]:
    """The invoices, at most MAX_INVOICES, that were made of hours which it moves; they stay as they are."""
    asked = {"team_id": backfill.team_id, "backfill_id": backfill.id, "rows": MAX_INVOICES}
    return [Billed(*row) for row in await (await conn.execute(statement("list_backfill_invoices"), asked)).fetchall()]


async def left(conn: Connection, backfill: Backfill, phase: Phase) -> list[Left]:
    """The first MOST_LEFT events that a phase has left as they are."""
    asked = {"backfill_id": backfill.id, "phase": phase, "rows": MOST_LEFT}
    return [Left(*row) for row in await (await conn.execute(statement("list_backfill_left"), asked)).fetchall()]
