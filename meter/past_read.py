"""What did a team use of a meter by hour and by day up to now? Read for forecasts, ahead of time or on demand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter import past_limits
from meter.coverage.share import Counts
from meter.database import Connection
from meter.errors import InvalidParameter
from meter.labels import Filter
from meter.model import Team
from meter.past import REACH, Left, Past, Step, Window
from meter.past_limits import Limit
from meter.rating.totals import ADDITIVE
from meter.subscriptions.current import running_period
from meter.usage import Item, Query, Usage, read
from meter.windows import floor


class Asked(NamedTuple):
    """Which meter, by the clock of which zone, and of whose usage."""

    meter: str
    zone: ZoneInfo
    filters: tuple[Filter, ...] = ()


class Found(NamedTuple):
    """The past, the meter's unit, when the team's data had last changed, and how much of what was expected came."""

    past: Past
    unit: str
    as_of: datetime | None
    coverage: Counts | None


async def read_past(conn: Connection, team: Team, asked: Asked, now: datetime) -> Found:
    """Usage of a meter that adds up, up to the hour that runs at `now`.

    Raises InvalidParameter for a meter that does not add up, and as `usage.read`.
    """
    period = await running_period(conn, team, now)
    hours = await read(conn, team, _query(asked, "hour", now), now)
    (reading,) = hours.readings
    if reading.aggregation not in ADDITIVE:
        raise InvalidParameter(f"meter: {asked.meter} is {reading.aggregation}, which does not add up over time")
    days = await read(conn, team, _query(asked, "day", now), now)
    begun = floor(now, "hour", asked.zone)
    known = await _sum(conn, team, asked, period.start, begun)
    there = [] if asked.filters else await past_limits.limits(conn, team, asked.meter, period, now)
    left = [await _left(conn, team, asked, each, begun) for each in there]
    past = Past(now, asked.zone.key, _windows(hours), _windows(days), period.end, known, left)
    return Found(past, reading.unit, hours.as_of, hours.coverage)


async def _left(conn: Connection, team: Team, asked: Asked, limit: Limit, begun: datetime) -> Left:
    """What is left of a limit when the hour begins that runs now."""
    used = await _sum(conn, team, asked, limit.start, begun)
    return Left(limit.kind, limit.name, limit.amount, limit.amount - used, limit.end)


async def _sum(conn: Connection, team: Team, asked: Asked, start: datetime, end: datetime) -> Decimal:
    if start >= end:
        return Decimal(0)
    whole = Query(meters=(asked.meter,), start=start, end=end, zone=asked.zone, filters=asked.filters)
    return sum((item.quantity or Decimal(0) for item in _items(await read(conn, team, whole))), Decimal(0))


def _query(asked: Asked, step: Step, now: datetime) -> Query:
    return Query(
        meters=(asked.meter,),
        start=floor(now - REACH[step], step, asked.zone),
        end=floor(now, step, asked.zone),
        zone=asked.zone,
        window=step,
        filters=asked.filters,
        fill="null",
    )


def _items(usage: Usage) -> list[Item]:
    return usage.readings[0].items


def _windows(usage: Usage) -> list[Window]:
    return [Window(each.start, each.quantity, *(each.coverage or Counts(0, 0))) for each in _items(usage)]
