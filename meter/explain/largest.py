"""In which hours, and by which services, was most of a meter used in the time of a line? As the buckets say now."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.model import Meter
from meter.rating.money import displayed
from meter.spans import Span
from meter.windows import ORIGIN, month_seconds
from sql import statement

HOUR = timedelta(hours=1)
SHOWN = 5


class Largest(NamedTuple):
    """What was used of a meter in an hour (UTC), or by a service (None: by none), in the meter's unit."""

    meter: str
    unit: str
    hour: datetime | None
    service: str | None
    events: int
    quantity: Decimal


async def largest(
    conn: Connection, team_id: int, meter: Meter, span: Span, zone: ZoneInfo, by: Literal["hour", "service"]
) -> list[Largest]:
    """The SHOWN largest, largest first. Units per month are of the month in which the span begins."""
    asked = {
        "team_id": team_id,
        "meter": meter.slug,
        "since": span.start - (span.start - ORIGIN) % HOUR,
        "until": span.end,
        "by": by,
        "rows": SHOWN,
    }
    rows = await (await conn.execute(statement("list_largest_hours"), asked)).fetchall()
    counts = meter.aggregation == "count"
    divisor = meter.divisor * (month_seconds(span.start, zone) if meter.per_month else 1)
    return [
        Largest(meter.slug, meter.unit, hour, service, events, Decimal(events) if counts else displayed(total, divisor))
        for hour, service, events, total in rows
    ]
