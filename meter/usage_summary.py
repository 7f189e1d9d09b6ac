"""Where does a team stand in its billing period? Usage today and so far, what the plan includes, and what is owed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter import bill, expected, usage_report, windows
from meter.bill import Draft
from meter.coverage.share import Counts
from meter.database import Connection
from meter.errors import CurrencyMismatch, InvalidParameter, NoSubscription, NotRateable, Problem
from meter.expected import Expected
from meter.ingest import load_meters
from meter.labels import Filter
from meter.ledger import store as ledger
from meter.ledger.wallet import Wallet
from meter.limits.quota import name, quotas
from meter.model import Team
from meter.rating.adjust.convert import converted
from meter.rating.allowance import Allowance, allowances
from meter.rating.marginal import NoMarginal
from meter.rating.money import displayed, exact
from meter.rating.periods import Period, month_period
from meter.rating.plan import INVOICE, Plan
from meter.rating.projection import Pace, Projected, at_end, pace, projections
from meter.rating.totals import ADDITIVE, Metered, Used
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.usage_report import Coverage, Query
from sql import statement


class Standing(NamedTuple):
    """Usage of one meter in its unit: today, and in the whole period so far, which the coverage is of.

    `projected` is at the period's end, if it goes on as it has begun; None where that can't be said. `forecast` is by
    how usage has gone for weeks; None where nobody made one lately, and of any but the billing period that runs.
    """

    meter: Metered
    today: Decimal | None
    quantity: Decimal | None
    projected: Decimal | None
    forecast: Expected | None
    events: int
    coverage: Counts | None


class Owed(NamedTuple):
    """What the period would be billed by now, the plan at its end, and how far what it includes is used.

    `reserved`: what calls under way have set apart, by price and in its unit; of prices that calls are held against.
    `projected` is by price, None where nothing can be projected. `wallet`: the account of a plan that is charged as it
    happens.
    """

    draft: Draft
    plan: Plan
    allowances: tuple[Allowance, ...]
    reserved: Mapping[str, Decimal]
    projected: Mapping[str, Projected] | None
    wallet: Wallet | None

    @property
    @exact()
    def total_at_end(self) -> Decimal | None:
        """What is owed now and what more usage adds; None where nothing is projected, or in another currency."""
        if self.projected is None or self.draft.document.currency != self.plan.currency:
            return None
        more = (each.more for each in self.projected.values() if isinstance(each.more, Decimal))
        return sum(more, self.draft.document.total)

    @property
    def left_out(self) -> dict[str, NoMarginal]:
        """Prices that `total_at_end` has as they are now, and why."""
        known = self.projected or {}
        return {price: each.more for price, each in known.items() if not isinstance(each.more, Decimal)}


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
        changes = (await subscriptions.read(conn, team.id)).standing
        known = pace(period, timeline.begun(changes), now)
        owed = await _owed(conn, team, period, known, now) if only_member is None else None
        runs = timeline.period_at(changes, team.timezone, now) or month_period(now, team.timezone)
        whole = (period.start, period.end) == (runs.start, runs.end)  # a part that ends with it has none
        ahead = await _ahead(conn, team, so_far.total.usage, period, now) if whole and only_member is None else {}
    meters = _standings(so_far.total.usage, daily.total.usage, so_far.coverage, known, ahead)
    return Summary(period, today, so_far.as_of, meters, owed, so_far.coverage.whole())


async def _ahead(
    conn: Connection, team: Team, usage: tuple[Used, ...], period: Period, now: datetime
) -> dict[str, Expected]:
    """What meters are expected to come to, at least what they have come to by now. Forecasts are of all usage."""
    there = await expected.read(conn, team.id, [each.meter.slug for each in usage], period, now)
    used = {each.meter.slug: each.quantity for each in usage}
    return {meter: each.at_least(used[meter] or Decimal(0)) for meter, each in there.items()}


async def costs(conn: Connection, team: Team, period: Period, now: datetime) -> Owed | Problem:
    """What a period would be billed by now and at its end, or the Problem that keeps it from being priced."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        changes = (await subscriptions.read(conn, team.id)).standing
        return await _owed(conn, team, period, pace(period, timeline.begun(changes), now), now)


async def _owed(conn: Connection, team: Team, period: Period, known: Pace | None, now: datetime) -> Owed | Problem:
    try:
        draft = await bill.price(conn, team, period)
    except (NoSubscription, CurrencyMismatch, NotRateable, InvalidParameter) as problem:
        return problem
    plan, usage = draft.agreement.last, draft.billable.usage
    projected = None if known is None else projections(plan, usage, known, draft.agreement.currency)
    return Owed(
        draft=draft,
        plan=plan,
        allowances=allowances(plan, usage, draft.rated.lines),
        reserved=await _reserved(conn, team, plan, period) if now in period else {},
        projected=None if projected is None else {each.price.id: each for each in projected},
        wallet=await _wallet(conn, team) if _is_charged(team, plan) else None,
    )


async def _reserved(conn: Connection, team: Team, plan: Plan, period: Period) -> dict[str, Decimal]:
    """What is set apart of each price, by the counters of the period; none of one that nobody asked for yet."""
    divisors = {each.price: each.divisor for each in quotas(plan, await load_meters(conn, team.id))}
    asked = {"team_id": team.id, "prices": list(divisors), "starts_at": period.start}
    rows = await (await conn.execute(statement("list_quota_reserved"), asked)).fetchall()
    held: dict[str, Decimal] = dict(rows)
    found: dict[str, Decimal] = {}
    for price in plan.prices:
        full = name(plan, price)
        if full in divisors:
            pair = held.get(full, Decimal(0)), divisors[full]
            found[price.id] = displayed(*(converted(price.conversion, *pair) if price.conversion else pair))
    return found


def _is_charged(team: Team, plan: Plan) -> bool:
    """Whether usage is paid of the account as it happens, which is never in another currency than the team's."""
    return plan.charge != INVOICE and plan.currency == team.currency


async def _wallet(conn: Connection, team: Team) -> Wallet | None:
    """The team's account, None as long as there is none."""
    account = (await ledger.find(conn, team.id)).get(None)
    return None if account is None else await ledger.look(conn, account.id)


def _standings(
    period: tuple[Used, ...],
    today: tuple[Used, ...],
    coverage: Coverage,
    known: Pace | None,
    ahead: Mapping[str, Expected],
) -> tuple[Standing, ...]:
    """One per meter that has usage in either, by name."""
    whole, day = ({each.meter: each for each in usage} for usage in (period, today))
    return tuple(
        Standing(
            meter,
            day[meter].quantity if meter in day else _nothing(whole[meter]),
            (quantity := whole[meter].quantity if meter in whole else _nothing(day[meter])),
            _at_end(meter, quantity, known),
            ahead.get(meter.slug),
            whole[meter].events if meter in whole else 0,
            coverage.of_meter(meter.slug),
        )
        for meter in sorted({*whole, *day}, key=lambda meter: meter.slug)
    )


def _at_end(meter: Metered, quantity: Decimal | None, known: Pace | None) -> Decimal | None:
    """Only of what adds up with time: an average or a maximum is no larger for that the period goes on."""
    if known is None or quantity is None or meter.aggregation not in ADDITIVE:
        return None
    return at_end(quantity, known)


def _nothing(used: Used) -> Decimal | None:
    """Zero of what can be added up, None of what can't: no event has no average."""
    return Decimal(0) if used.meter.aggregation in ADDITIVE else None
