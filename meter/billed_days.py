"""How much of a meter was used on each day of a billed period? Billable usage alone, as an invoice counts it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from meter import windows
from meter.billable import Series
from meter.clock_cuts import cut_at, monthly
from meter.database import Connection
from meter.errors import RawDataGone
from meter.levels import Sum, sums
from meter.rating.money import displayed
from meter.rating.periods import Period
from meter.rating.totals import ADDITIVE
from meter.windows import Window
from sql import statement

MOST_DAYS = timedelta(days=92)
"""Longer periods are told by weeks."""


class Days(NamedTuple):
    """A meter's usage in the `window`s that begin at `starts`, day by day or week by week, in its unit."""

    meter: str
    title: str
    unit: str
    window: Window
    starts: Sequence[datetime]
    quantities: Sequence[Decimal]


async def read(conn: Connection, team_id: int, period: Period, meters: Sequence[str]) -> list[Days]:
    """The billable usage of these meters, in their order, by local days of the period; as it is known now.

    Read in a transaction of its own, from one snapshot. A meter that can't be added up, or has no billable usage at
    all, is left out; all of them where an edge needs raw events that are dropped.
    """
    window, starts = days_of(period)
    cuts = cut_at(monthly(period), starts)  # a week may lie in two months, and units may be per month
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        rows = [Series(*row) for row in await _series(conn, team_id)]
        series = [each for each in rows if each.meter in meters and each.aggregation in ADDITIVE]
        try:
            found = await sums(conn, team_id, {each.id: number for number, each in enumerate(series)}, cuts.bounds)
        except RawDataGone:
            return []
    used: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for part in found:
        one, day = series[part.group], bisect_right(starts, cuts.bounds[part.slot]) - 1
        used[one.meter, day] += _quantity(one, part, cuts.month_seconds[part.slot])
    words = {each.meter: (each.title, each.unit) for each in series}
    return [
        Days(slug, *words[slug], window, starts, [used[slug, day] for day in range(len(starts))])
        for slug in meters
        if slug in words
    ]


async def _series(conn: Connection, team_id: int) -> Sequence[Sequence[Any]]:
    return await (await conn.execute(statement("list_billable_series"), {"team_id": team_id})).fetchall()


def days_of(period: Period) -> tuple[Window, list[datetime]]:
    """By which windows a period is told, and when each begins within it."""
    window: Window = "day" if period.end - period.start <= MOST_DAYS else "week"
    return window, windows.bounds(period.start, period.end, window, ZoneInfo(period.zone))[:-1]


def _quantity(series: Series, part: Sum, month_seconds: int) -> Decimal:
    """What a slot has of a series, in its meter's unit."""
    if series.aggregation == "count":
        return Decimal(part.events)
    return displayed(part.total, series.divisor * (month_seconds if series.per_month else 1))
