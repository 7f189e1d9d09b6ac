"""GET /v1/usage/summary: where does a team stand in its billing period?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from api.auth import may
from api.coverage_view import share_view
from api.errors import problems
from api.etag import tagged
from api.formats import MEDIA_TYPES
from api.given import TheCaller, TheShell, TheTeam
from api.line_view import PeriodView, UnpricedView, digits, period_view, unpriced_view
from api.openapi import FORMS
from api.questions import range_of
from api.request import Request
from meter import bill, usage_summary
from meter.errors import NotFound, Problem, RawDataGone
from meter.ledger import wallet as wallets
from meter.ledger.wallet import Wallet
from meter.limits.quota import BLOCK
from meter.rating.allowance import Allowance
from meter.rating.line import Line
from meter.rating.marginal import SAID
from meter.rating.periods import Period
from meter.subscriptions.current import running_period
from meter.usage_summary import Owed, Standing

Start = Annotated[
    str | None,
    QueryParameter(name="from", description="With `to`, another period: RFC 3339, or a date: midnight of the team's."),
]
End = Annotated[str | None, QueryParameter(description="The instant after the period.")]


class StandingView(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one meter in its unit: today and in the period. Null where no number stands for the usage of several.

    Averages of no event are null too. `projected`: at the period's end, if it goes on as it has begun; null where that
    can't be said. `coverage`: how much of the period so far has data, see the whole.
    """

    meter: str
    title: str
    unit: str
    today: str | None
    quantity: str | None
    projected: str | None
    events: int
    coverage: str | None


class AllowanceView(msgspec.Struct, frozen=True, kw_only=True):
    """What a price of the plan includes per period, and how much of that is used. Null: without limit.

    `meters` says how many of the price's units one unit of each meter is. `overage` is what was used beyond;
    `overage_cost` is what this price has come to, at `unit_amount` for `per` units. `reserved`: by calls under way that
    asked first; null for what calls are not held against. Beyond, such calls are denied (`block`) or billed (`bill`),
    until `resets_at`. `projected…`: at the period's end, if usage goes on as it has begun.
    """

    price: str
    title: str
    unit: str
    measure: str
    meters: dict[str, str]
    included: str | None
    used: str
    remaining: str | None
    percent: str | None
    overage: str
    overage_cost: str
    unit_amount: str | None
    per: str
    reserved: str | None
    over_quota: Literal["block", "bill"]
    resets_at: datetime
    projected: str | None
    projected_overage: str | None
    projected_cost: str | None


class CostLine(msgspec.Struct, frozen=True):
    """What one line of the invoice comes to by now."""

    kind: str
    price: str
    description: str
    quantity: str
    unit: str
    amount: str


class LeftOut(msgspec.Struct, frozen=True):
    """A price of which nobody can say what more usage adds: a reason, in a word and in full."""

    price: str
    reason: str
    detail: str


class ProjectionView(msgspec.Struct, frozen=True):
    """What the period comes to if usage goes on as it has begun: `total` is what is owed now and what that adds.

    Prices in `left_out` are in it as they are now. Null where fees and usage are in several currencies.
    """

    total: str | None
    left_out: list[LeftOut]


class BalanceView(msgspec.Struct, frozen=True):
    """The team's account, in its unit; `available` is what calls may still reserve, null: without limit."""

    unit: str
    balance: str
    reserved: str
    available: str | None


class OwedView(msgspec.Struct, frozen=True, kw_only=True):
    """What the period would be billed by now: lines, and a total that is their sum. `unpriced` usage is in neither.

    `charge` says when usage is paid: by the `invoice`, or as it happens (`immediate`, `prepaid`) of the `account`, null
    before the first credits. `projection` is null before the period, and as long as too little of it is over.
    """

    plan: str
    title: str
    charge: str
    account: BalanceView | None
    currency: str
    total: str
    lines: list[CostLine]
    unpriced: list[UnpricedView]
    allowances: list[AllowanceView]
    projection: ProjectionView | None


class NotOwed(msgspec.Struct, frozen=True):
    """Why nothing can be said of costs: the code of a problem, and its detail."""

    code: str
    detail: str


class TodayView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The running day of the team's zone."""

    from_: datetime
    to: datetime


class SummaryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Usage per meter, and costs. `cost` is null for a member, who sees own usage only, and where `no_cost` says why.

    `as_of` is when the team's data last changed. `coverage`: for how much of the time that series were expected to
    report in the period there is data, from 0 to 1; null where nobody knows how much there should be.
    """

    period: PeriodView
    today: TodayView
    as_of: datetime | None
    coverage: str | None
    member: str | None
    meters: list[StandingView]
    cost: OwedView | None
    no_cost: NotOwed | None


@get(
    "/v1/usage/summary",
    guards=[may("view_usage")],
    responses=problems(NotFound, RawDataGone),
    tags=["usage"],
    opt={FORMS: (MEDIA_TYPES["json"],)},
)
async def get_usage_summary(
    request: Request, team: TheTeam, caller: TheCaller, shell: TheShell, from_: Start = None, to: End = None
) -> Response[SummaryAnswer]:
    """Show usage today and in the running billing period, what the plan includes of it, and what it costs so far.

    And where it will be at the period's end, if it goes on as it has begun. The balance, where usage is paid of one.
    A member sees own usage, without costs.
    """
    now = shell.clock()
    edges = range_of(from_, to, ZoneInfo(team.timezone), now)
    async with shell.readers.connection() as conn:
        if edges is None:
            period = await running_period(conn, team, now)
        else:
            period = bill.period_between(*edges, team.timezone)
        found = await usage_summary.read(conn, team, period, caller.only_member, now)
    owed = found.owed
    answer = SummaryAnswer(
        period=period_view(period),
        today=TodayView(*found.today),
        as_of=found.as_of,
        coverage=share_view(found.coverage),
        member=caller.only_member,
        meters=[_standing(each) for each in found.meters],
        cost=_owed(owed, period, now) if isinstance(owed, Owed) else None,
        no_cost=NotOwed(owed.code, owed.detail) if isinstance(owed, Problem) else None,
    )
    return tagged(request, msgspec.json.encode(answer), MEDIA_TYPES["json"])


def _standing(each: Standing) -> StandingView:
    return StandingView(
        meter=each.meter.slug,
        title=each.meter.title,
        unit=each.meter.unit,
        today=_digits(each.today),
        quantity=_digits(each.quantity),
        projected=_digits(each.projected),
        events=each.events,
        coverage=share_view(each.coverage),
    )


def _owed(owed: Owed, period: Period, now: datetime) -> OwedView:
    rated, document = owed.draft.rated, owed.draft.document
    return OwedView(
        plan=owed.draft.plan,
        title=owed.plan.title,
        charge=owed.plan.charge,
        account=None if owed.wallet is None else _balance(owed.wallet, now),
        currency=document.currency,
        total=digits(document.total),
        lines=[_line(settled.line) for settled in document.lines],
        unpriced=unpriced_view(rated.unpriced),
        allowances=[_allowance(each, owed, period) for each in owed.allowances],
        projection=None if owed.projected is None else _projection(owed),
    )


def _balance(wallet: Wallet, now: datetime) -> BalanceView:
    left = wallets.available(wallet, None, now)
    return BalanceView(wallet.unit, digits(wallet.balance), digits(wallet.reserved), _digits(left))


def _projection(owed: Owed) -> ProjectionView:
    left_out = [LeftOut(price, reason, SAID[reason]) for price, reason in owed.left_out.items()]
    return ProjectionView(_digits(owed.total_at_end), left_out)


def _line(line: Line) -> CostLine:
    return CostLine(line.kind, line.price, line.description, digits(line.quantity), line.unit, digits(line.amount))


def _allowance(each: Allowance, owed: Owed, period: Period) -> AllowanceView:
    price = each.price
    then = (owed.projected or {}).get(price.id)
    more = None if then is None else then.more
    return AllowanceView(
        price=price.id,
        title=price.title,
        unit=price.unit,
        measure=price.measure,
        meters={meter: digits(weight) for meter, weight in price.counts},
        included=_digits(each.included),
        used=digits(each.used),
        remaining=_digits(each.remaining),
        percent=_digits(each.percent),
        overage=digits(each.overage),
        overage_cost=digits(each.overage_cost),
        unit_amount=None if each.included is None else _digits(price.unit_amount),
        per=digits(price.per),
        reserved=_digits(owed.reserved.get(price.id)),
        over_quota="block" if owed.plan.over_quota == BLOCK else "bill",
        resets_at=period.end,
        projected=_digits(None if then is None else then.used),
        projected_overage=_digits(None if then is None else then.overage),
        projected_cost=digits(each.overage_cost + more) if isinstance(more, Decimal) else None,
    )


def _digits(number: Decimal | None) -> str | None:
    return None if number is None else digits(number)


HANDLERS = (get_usage_summary,)
