"""What a period comes to by now, as the API shows it: its lines, what the plan includes, and where that will end."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from api.line_view import UnpricedView, digits, unpriced_view
from meter.ledger import wallet as wallets
from meter.ledger.wallet import Wallet
from meter.limits.quota import BLOCK
from meter.rating.allowance import Allowance
from meter.rating.line import Line
from meter.rating.marginal import SAID
from meter.rating.periods import Period
from meter.usage_summary import Owed


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


def owed_view(owed: Owed, period: Period, now: datetime) -> OwedView:
    """What the period would be billed by now, the plan at its end, and how far what it includes is used."""
    rated, document = owed.draft.rated, owed.draft.document
    return OwedView(
        plan=owed.draft.plan,
        title=owed.plan.title,
        charge=owed.plan.charge,
        account=None if owed.wallet is None else balance_view(owed.wallet, now),
        currency=document.currency,
        total=digits(document.total),
        lines=[_line(settled.line) for settled in document.lines],
        unpriced=unpriced_view(rated.unpriced),
        allowances=[_allowance(each, owed, period) for each in owed.allowances],
        projection=None if owed.projected is None else _projection(owed),
    )


def balance_view(wallet: Wallet, now: datetime) -> BalanceView:
    """An account at an instant."""
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
