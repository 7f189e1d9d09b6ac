"""Where does a team stand in its billing period? Usage today and so far, what the plan includes, and what is owed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter import bill, usage_report, windows
from meter.bill import Draft
from meter.coverage.share import Counts
from meter.database import Connection
from meter.errors import CurrencyMismatch, InvalidParameter, NoSubscription, NotRateable, Problem
from meter.labels import Filter
from meter.model import Team
from meter.rating.allowance import Allowance, allowances
from meter.rating.periods import Period
from meter.rating.totals import ADDITIVE, Metered, Used
from meter.usage_report import Coverage, Query
from sql import statement


class Standing(NamedTuple):
    """Usage of one meter in its unit: today, and in the whole period so far, which the coverage is of."""

    meter: Metered
    today: Decimal | None
    quantity: Decimal | None
    events: int
    coverage: Counts | None


class Owed(NamedTuple):
    """What the period would be billed by now, the plan's title, and how far what it includes is used."""

    draft: Draft
    title: str
    allowances: tuple[Allowance, ...]


class Summary(NamedTuple):
    """Usage per meter in a period and in the team's own day `today`, both [from, to).

    `owed` may be the Problem that kept it from being priced; it is None where a member's own usage alone may be seen.
    """

    period: Period
    today: tuple[datetime, datetime]
    as_of: datetime | None
    meters: tuple[Standing, ...]
    owed: Owed | Problem | None
    coverage: Counts | None


async def read(conn: Connection, team: Team, period: Period, only_member: str | None, now: datetime) -> Summary:
    """The summary of a period, all of it read in one snapshot. Raises RawDataGone and InvalidParameter (range)."""
    zone = ZoneInfo(team.timezone)
    day = windows.floor(now, "day", zone)
    today = (day, windows.following(day, "day", zone))
    filters = () if only_member is None else (Filter("member", "in", (only_member,)),)
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        so_far = await usage_report.read(
            conn, team, Query(start=period.start, end=period.end, zone=zone, filters=filters, now=now)
        )
        daily = await usage_report.read(conn, team, Query(start=today[0], end=today[1], zone=zone, filters=filters))
        owed = await _owed(conn, team, period) if only_member is None else None
    meters = _standings(so_far.total.usage, daily.total.usage, so_far.coverage)
    return Summary(period, today, so_far.as_of, meters, owed, so_far.coverage.whole())


async def _owed(conn: Connection, team: Team, period: Period) -> Owed | Problem:
    try:
        draft = await bill.price(conn, team, period)
    except (NoSubscription, CurrencyMismatch, NotRateable, InvalidParameter) as problem:
        return problem
    plan = draft.agreement.last
    return Owed(draft, plan.title, allowances(plan, draft.billable.usage, draft.rated.lines))


def _standings(period: tuple[Used, ...], today: tuple[Used, ...], coverage: Coverage) -> tuple[Standing, ...]:
    """One per meter that has usage in either, by name."""
    whole, day = ({each.meter: each for each in usage} for usage in (period, today))
    return tuple(
        Standing(
            meter,
            day[meter].quantity if meter in day else _nothing(whole[meter]),
            whole[meter].quantity if meter in whole else _nothing(day[meter]),
            whole[meter].events if meter in whole else 0,
            coverage.of_meter(meter.slug),
        )
        for meter in sorted({*whole, *day}, key=lambda meter: meter.slug)
    )


def _nothing(used: Used) -> Decimal | None:
    """Zero of what can be added up, None of what can't: no event has no average."""
    return Decimal(0) if used.meter.aggregation in ADDITIVE else None
