"""Which plans are there?"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from litestar import get

from api.auth import may
from api.errors import problems
from api.given import TheShell
from api.line_view import digits
from api.questions import instant_of
from meter.errors import (
    InvalidParameter,
)
from meter.prices import store as prices
from meter.prices.schedule import name_of
from meter.rating.plan import Plan
from meter.rating.price import Price


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
    """A plan that a team may be on. `price_version` names what its book says now.

    `charge` says when usage is paid: by the `invoice`, `immediate`ly, or so and `prepaid`.
    """

    plan: str
    title: str
    price_version: str
    currency: str
    base_fee: str
    interval: str
    charge: str
    over_quota: str
    trial: bool
    prices: list[PriceView]
    unbilled: list[str]


class Plans(msgspec.Struct, frozen=True):
    """All plans; there are few, so `next` is always null."""

    items: list[PlanView]
    next: None = None


def edges_of(from_: str | None, to: str | None, zone: str) -> tuple[datetime, datetime] | None:
    """Both ends of a period as instants, None where none is given. Raises InvalidParameter for one alone."""
    if from_ is None and to is None:
        return None
    if from_ is None or to is None:
        raise InvalidParameter("give `from` and `to`, or neither")
    return instant_of("from", from_, ZoneInfo(zone)), instant_of("to", to, ZoneInfo(zone))


@get("/v1/prices/plans", guards=[may("view_catalogue")], responses=problems(), tags=["billing"])
async def list_plans(shell: TheShell) -> Plans:
    """List every plan that is in force now with its prices, book by book."""
    async with shell.readers.connection() as conn:
        books = await prices.read(conn)
    return Plans([_plan_view(plan) for plan in books.plans(shell.clock())])


def _plan_view(plan: Plan) -> PlanView:
    return PlanView(
        plan=name_of(plan),
        title=plan.title,
        price_version=plan.book_version,
        currency=plan.currency,
        base_fee=digits(plan.base_fee),
        interval=plan.interval,
        charge=plan.charge,
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


HANDLERS = (list_plans,)
