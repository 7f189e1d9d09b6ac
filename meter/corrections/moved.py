"""What does a correction move? Hours of meters with their usage before and after, and the invoices they are in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.facts import instant
from meter.model import Meter, Team
from meter.rating.money import displayed
from meter.segments import QUARTER_US
from meter.windows import month_seconds
from sql import statement

HOUR_US = 4 * QUARTER_US
MAX_HOURS = 500
MAX_INVOICES = 100
ADDED_UP = frozenset({"sum", "count", "time_weighted"})


class Delta(NamedTuple):
    """By how much one row moves its hour: in events and in the meter's base unit."""

    meter: str
    time_us: int
    events: int
    quantity: Decimal


class Hour(NamedTuple):
    """The usage of a meter in an hour (UTC) before and after, in its unit; None for a meter that does not add up."""

    meter: str
    unit: str
    start: datetime
    end: datetime
    before: Decimal | None
    after: Decimal | None


class Moved(NamedTuple):
    """The first MAX_HOURS hours that are moved, how many there are, and the invoices whose period has one of them."""

    hours: list[Hour]
    found: int
    invoices: list[Billed]


class Billed(NamedTuple):
    """An invoice that usage was billed by as it was then."""

    public_id: UUID
    number: str | None
    status: str
    start: datetime
    end: datetime


async def moved(conn: Connection, team: Team, deltas: Iterable[Delta], meters: Mapping[str, Meter]) -> Moved:
    """What these rows move, asked before they do."""
    by_hour: dict[tuple[datetime, str], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for meter, time_us, events, quantity in deltas:
        hour = instant(time_us - time_us % HOUR_US), meter
        so_far = by_hour[hour]
        by_hour[hour] = so_far[0] + events, so_far[1] + quantity
    keys = sorted(by_hour)
    shown = keys[:MAX_HOURS]
    asked = {"team_id": team.id, "hours": sorted({hour for hour, _ in shown}), "meters": sorted({m for _, m in shown})}
    rows = await (await conn.execute(statement("sum_moved_hours"), asked)).fetchall()
    before = {(hour, meter): (events, total) for meter, hour, events, total in rows}
    zone = ZoneInfo(team.timezone)
    hours = [_hour(key, meters[key[1]], before.get(key, (0, Decimal(0))), by_hour[key], zone) for key in shown]
    return Moved(hours, len(keys), await _invoices(conn, team.id, {hour for hour, _ in keys}))


def _hour(
    key: tuple[datetime, str], meter: Meter, was: tuple[int, Decimal], delta: tuple[int, Decimal], zone: ZoneInfo
) -> Hour:
    start = key[0]
    end = start + timedelta(hours=1)
    if meter.aggregation not in ADDED_UP:
        return Hour(meter.slug, meter.unit, start, end, None, None)
    if meter.aggregation == "count":
        return Hour(meter.slug, meter.unit, start, end, Decimal(was[0]), Decimal(was[0] + delta[0]))
    divisor = meter.divisor * (month_seconds(start, zone) if meter.per_month else 1)
    return Hour(meter.slug, meter.unit, start, end, displayed(was[1], divisor), displayed(was[1] + delta[1], divisor))


async def _invoices(conn: Connection, team_id: int, hours: Iterable[datetime]) -> list[Billed]:
    asked = {"team_id": team_id, "hours": sorted(hours), "rows": MAX_INVOICES}
    rows = await (await conn.execute(statement("list_moved_invoices"), asked)).fetchall()
    return [Billed(*row) for row in rows]
