"""Which plans are there, and which one has a team?"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, put
from litestar.di import Provide
from litestar.params import JSONBody

from api.auth import live_team, may
from api.calculation_given import PlanName
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.invoice_view import PeriodView, digits, period_view
from api.questions import instant_of
from meter import audit, prices, subscriptions, teams
from meter.database import Connection
from meter.errors import (
    BodyTooLarge,
    CurrencyMismatch,
    InvalidBody,
    InvalidParameter,
    NoSubscription,
    NotFound,
    TeamDeleted,
    UnknownPlan,
    UnsupportedEncoding,
)
from meter.model import Team
from meter.rating.book import Plan
from meter.rating.periods import month_period
from meter.rating.price import Price
from meter.subscriptions import Subscription


class PriceView(msgspec.Struct, frozen=True, kw_only=True):
    """One price: `unit_amount` for `per` units, after `included` free ones (null: without limit).

    `counts` says how many units one unit of each meter is.
    """

    id: str
    title: str
    meter: str
    measure: str
    unit: str
    unit_amount: str | None
    per: str
    included: str | None
    minimum_per_service: str | None
    counts: dict[str, str]


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that a team may be on. `price_version` names what its book says now."""

    plan: str
    title: str
    price_version: str
    currency: str
    base_fee: str
    interval: str
    over_quota: str
    trial: bool
    prices: list[PriceView]
    unbilled: list[str]


class Plans(msgspec.Struct, frozen=True):
    """All plans; there are few, so `next` is always null."""

    items: list[PlanView]
    next: None = None


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """By which plan a team pays. `amount` is the fee of each `interval`; `period` is the running one."""

    plan: str
    title: str
    status: Literal["active", "trial"]
    currency: str
    amount: str
    interval: str
    starts_at: datetime
    period: PeriodView


class ChosenPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan to be on from now."""

    plan: PlanName


def edges_of(from_: str | None, to: str | None, zone: str) -> tuple[datetime, datetime] | None:
    """Both ends of a period as instants, None where none is given. Raises InvalidParameter for one alone."""
    if from_ is None and to is None:
        return None
    if from_ is None or to is None:
        raise InvalidParameter("give `from` and `to`, or neither")
    return instant_of("from", from_, ZoneInfo(zone)), instant_of("to", to, ZoneInfo(zone))


@get("/v1/prices/plans", guards=[may("view_catalogue")], responses=problems(), tags=["billing"])
async def list_plans() -> Plans:
    """List every plan with its prices, book by book."""
    return Plans([_plan_view(plan) for plan in prices.plans()])


def _plan_view(plan: Plan) -> PlanView:
    return PlanView(
        plan=prices.name_of(plan),
        title=plan.title,
        price_version=plan.book_version,
        currency=plan.currency,
        base_fee=digits(plan.base_fee),
        interval=plan.interval,
        over_quota=plan.over_quota,
        trial=plan.trial,
        prices=[_price_view(price) for price in plan.prices],
        unbilled=list(plan.unbilled),
    )


def _price_view(price: Price) -> PriceView:
    return PriceView(
        id=price.id,
        title=price.title,
        meter=price.meter,
        measure=price.measure,
        unit=price.unit,
        unit_amount=None if price.unit_amount is None else digits(price.unit_amount),
        per=digits(price.per),
        included=None if price.included is None else digits(price.included),
        minimum_per_service=None if price.minimum_per_service is None else digits(price.minimum_per_service),
        counts={meter: digits(weight) for meter, weight in price.counts},
    )


@get(
    "/v1/billing/subscription",
    guards=[may("view_billing")],
    responses=problems(NotFound, NoSubscription),
    tags=["billing"],
)
async def get_subscription(team: TheTeam, shell: TheShell) -> SubscriptionView:
    """Show by which plan a team pays."""
    async with shell.pool.connection() as conn:
        found = await subscriptions.current(conn, team.id)
    return _subscription_view(found, team, shell.clock())


@put(
    "/v1/teams/{team_id:uuid}/subscription",
    guards=[may("change_plan")],
    dependencies={"team": Provide(live_team)},
    responses=problems(
        NotFound, TeamDeleted, InvalidBody, UnknownPlan, CurrencyMismatch, BodyTooLarge, UnsupportedEncoding
    ),
    tags=["billing"],
)
async def put_subscription(
    data: JSONBody[ChosenPlan], team: TheTeam, actor: TheActor, shell: TheShell
) -> SubscriptionView:
    """Put a team on a plan from now on; on the plan it has, nothing changes.

    An invoice is priced by the plan that the team is on when its period ends.
    """
    async with shell.pool.connection() as conn, conn.transaction():
        there = await teams.lock(conn, team)
        before = await _plan_of(conn, there)
        found = await subscriptions.change(conn, there, data.plan, actor.at)
        if found.plan != before:
            subject = audit.of(team, "subscription", team.public_id)
            await audit.record(conn, actor, "subscription.change", subject, {"plan": before}, {"plan": found.plan})
    return _subscription_view(found, team, actor.at)


async def _plan_of(conn: Connection, team: Team) -> str | None:
    try:
        return (await subscriptions.current(conn, team.id)).plan
    except NoSubscription:
        return None


def _subscription_view(found: Subscription, team: Team, now: datetime) -> SubscriptionView:
    plan = prices.plan_named(found.plan)
    return SubscriptionView(
        plan=found.plan,
        title=plan.title,
        status="trial" if plan.trial else "active",
        currency=plan.currency,
        amount=digits(plan.base_fee),
        interval=plan.interval,
        starts_at=found.starts_at,
        period=period_view(month_period(now, team.timezone, found.anchor_day)),
    )


HANDLERS = (list_plans, get_subscription, put_subscription)
