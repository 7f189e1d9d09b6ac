"""Which limits does a meter's usage run up against, and since when does each count?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.ingest import load_meters
from meter.ledger import store as ledger
from meter.limits import kept, prices, window
from meter.limits.budget import Budget, Span
from meter.limits.quota import Quota, quotas
from meter.model import Team
from meter.prices import store as books
from meter.rating.periods import Period
from meter.rating.plan import INVOICE
from meter.subscriptions import store as subscriptions
from meter.windows import MOMENT

CALENDAR: Final[frozenset[Span]] = frozenset({"day", "week", "month", "billing"})
"""Windows that end within what a forecast reaches, and begin at known instants."""


class Limit(NamedTuple):
    """So many units of one meter in [start, end): what a plan includes, or a budget of the team's."""

    kind: Literal["quota", "budget"]
    name: str
    amount: Decimal
    start: datetime
    end: datetime


async def limits(conn: Connection, team: Team, meter: str, period: Period, now: datetime) -> list[Limit]:
    """The limits of all of a team's usage of one meter, in the windows that hold `now`.

    Budgets of money and calls, of several meters, of somebody's own usage, and those that slide are not among them.
    """
    found = [_of_budget(each, team, period, now) for each in await kept.budgets(conn, team.id) if _fits(each, meter)]
    return [*(await _quotas(conn, team, meter, period, now)), *found]


async def balance(conn: Connection, team: Team, now: datetime) -> Decimal | None:
    """The money in the account that a team's usage is paid of as it happens; None where it is paid by invoice.

    Credits that have a price are what they were bought for.
    """
    schedule, log = await books.read(conn), await subscriptions.read(conn, team.id)
    plans = [each.plan for each in prices.plans(team, log.standing, schedule, now, now + MOMENT)]
    if not any(plan.charge != INVOICE and plan.currency == team.currency for plan in plans):
        return None
    account = (await ledger.find(conn, team.id)).get(None)
    if account is None:
        return None
    wallet = await ledger.look(conn, account.id)
    return wallet.balance if wallet.credit_price is None else wallet.balance * wallet.credit_price


async def _quotas(conn: Connection, team: Team, meter: str, period: Period, now: datetime) -> list[Limit]:
    schedule, log = await books.read(conn), await subscriptions.read(conn, team.id)
    known = await load_meters(conn, team.id)
    plans = prices.plans(team, log.standing, schedule, now, now + MOMENT)
    return [limit for priced in plans for limit in _included(quotas(priced.plan, known), meter, period)]


def _included(found: Iterable[Quota], meter: str, period: Period) -> Iterator[Limit]:
    for quota in found:
        if quota.included and dict(quota.meters) == {meter: 1}:
            yield Limit("quota", quota.title, quota.included, period.start, period.end)


def _fits(budget: Budget, meter: str) -> bool:
    of_all = (budget.member_id, budget.service_id, budget.key_id) == (None, None, None) and not budget.each
    plain = budget.measure == "units" and budget.window in CALENDAR and budget.ended_at is None
    return of_all and plain and budget.meters == (meter,)


def _of_budget(budget: Budget, team: Team, period: Period, now: datetime) -> Limit:
    span = window.window(budget, now, ZoneInfo(team.timezone), period)
    return Limit("budget", budget.name, budget.amount, *span)
