"""What does usage cost, which plans are there, and which one has a team?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody
from msgspec import Meta

from api.auth import live_team, may, maybe_team
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.invoice_view import CalculationView, PeriodView, calculation_view, digits, period_view
from api.questions import instant_of
from meter import audit, bill, prices, subscriptions, teams
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
from meter.rating.invoice import rate
from meter.rating.periods import Period, month_period
from meter.rating.price import Price
from meter.rating.usage import Usage
from meter.subscriptions import Subscription

UTC_ZONE = "UTC"
MOST_USAGE = 10_000
PlanName = Annotated[str, Meta(min_length=3, max_length=127, description="`book/plan`, as in `cloud/payg`.")]
Label = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[str, Meta(max_length=40, description="RFC 3339 with a zone, or a date: midnight in the zone.")]


class GivenUsage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Usage to price, in the meter's unit. A `peak` is the team's and has neither member nor service."""

    meter: Annotated[str, Meta(min_length=1, max_length=63)]
    quantity: Decimal
    member: Label | None = None
    service: Label | None = None
    measure: Literal["total", "peak"] = "total"


class Calculation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What to price by which plan. The period is the running month of the team unless both ends are given."""

    plan: PlanName
    usage: Annotated[list[GivenUsage], Meta(max_length=MOST_USAGE)]
    from_: Instant | None = None
    to: Instant | None = None
    currency: str | None = None


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


@post(
    "/v1/billing/calculate",
    status_code=200,
    guards=[may("calculate")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound, InvalidBody, UnknownPlan, CurrencyMismatch, BodyTooLarge, UnsupportedEncoding),
    tags=["billing"],
)
async def calculate(
    data: JSONBody[Calculation], team: NamedDependency[Team | None], shell: TheShell
) -> CalculationView:
    """Price any usage by any plan, with the steps of each line; nothing is stored.

    Usage of a meter that the plan does not know is listed as `unpriced`. Give the whole period's usage at once: free
    units and minimums are per period.
    """
    plan = prices.plan_named(data.plan)
    if data.currency not in (None, plan.currency):
        raise CurrencyMismatch(f"{data.plan} is priced in {plan.currency}; nothing is converted")
    period = _period(data, team, shell.clock())
    try:
        usage = [Usage(each.meter, each.quantity, each.member, each.service, (), each.measure) for each in data.usage]
        return calculation_view(rate(plan, usage, period, plan.currency))
    except ValueError as error:
        raise InvalidBody(str(error)) from error


def _period(data: Calculation, team: Team | None, now: datetime) -> Period:
    zone = team.timezone if team else UTC_ZONE
    edges = edges_of(data.from_, data.to, zone)
    return month_period(now, zone) if edges is None else bill.period_between(*edges, zone)


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


HANDLERS = (calculate, list_plans, get_subscription, put_subscription)
