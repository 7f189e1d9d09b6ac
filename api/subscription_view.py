"""Subscriptions as the API shows them: what a team has, what was decided, and what a change does to its invoices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

import msgspec

from api.invoice_view import InvoiceView, preview_view
from api.line_view import PeriodView, digits, period_view
from meter.rating.document.terms import Coupon
from meter.rating.line import Line
from meter.rating.overrides import Override
from meter.subscriptions.change import Told
from meter.subscriptions.changes import (
    Cancel,
    Change,
    ChangePlan,
    Decided,
    Decision,
    GiveCoupon,
    SetAddon,
    SetQuantity,
    Start,
    TakeCoupon,
    Unused,
)
from meter.subscriptions.preview import Effect, Money
from meter.subscriptions.summary import Status, Summary
from meter.subscriptions.words import told


class _Said(TypedDict):
    type: str
    told: str
    plan: NotRequired[str]
    name: NotRequired[str]
    quantity: NotRequired[int]
    unused: NotRequired[Unused]
    restart: NotRequired[bool]


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A decision: what holds from `at` on, in words too. `name` is of the quantity, add-on or coupon.

    `id` is null of what is only thought of. A decision that was `withdrawn_at` some time holds no longer.
    """

    id: str | None
    type: str
    at: datetime
    told: str
    plan: str | None = None
    name: str | None = None
    quantity: int | None = None
    unused: Unused | None = None
    restart: bool | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None


class FeeView(msgspec.Struct, frozen=True, kw_only=True):
    """A fee of each interval: so many of something for so much each."""

    price: str
    title: str
    quantity: str
    unit: str
    unit_amount: str | None
    amount: str


class CouponView(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon, and which of its periods the running one is; `used_up` when they are over."""

    coupon: str
    title: str
    percent: str | None
    amount: str | None
    duration: str
    periods: int
    period: int
    used_up: bool


class OverrideView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Prices agreed with the team in place of the plan's, `from` an instant `until` another."""

    plan: str | None
    from_: datetime | None
    until: datetime | None


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """By which plan a team pays. `amount` is the fee of each `interval` with add-ons and quantities, by `fees`.

    `period` is the running one; `ends_at` is when a cancellation takes or took effect; `scheduled` is what is decided
    and still to come. Of a cancelled subscription it is what the team had last.
    """

    plan: str
    title: str
    status: Status
    currency: str
    amount: str
    interval: str
    fees: list[FeeView]
    starts_at: datetime
    ends_at: datetime | None
    cancel_at_period_end: bool
    trial_ends_at: datetime | None
    period: PeriodView | None
    next_period_from: datetime | None
    addons: dict[str, int]
    quantities: dict[str, int]
    coupons: list[CouponView]
    overrides: list[OverrideView]
    scheduled: list[ChangeView]


class EffectView(msgspec.Struct, frozen=True, kw_only=True):
    """A period's invoice without the change and with it; null where there is no such period, or it can't be billed.

    `invoice` is the one with it, as it would be by now.
    """

    period: PeriodView
    before: str | None
    after: str | None
    difference: str
    invoice: InvoiceView | None


class MoneyView(msgspec.Struct, frozen=True, kw_only=True):
    """What a change does to the running period's invoice and the next one's, by the usage there is now.

    `before` and `after` are the sums over `periods`. `refund` is what is to be paid back of a fee that stays on its
    invoice.
    """

    currency: str
    before: str
    after: str
    difference: str
    refund: str | None
    periods: list[EffectView]


class ChangeMade(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided anew and what was withdrawn for it, and what that costs; a `preview` has stored nothing."""

    preview: bool
    decided: list[ChangeView]
    withdrawn: list[ChangeView]
    money: MoneyView


class SubscriptionPut(SubscriptionView, frozen=True, kw_only=True):
    """The subscription as it is with the change, and what was changed: null where it was like that already."""

    change: ChangeMade | None


def subscription_view(found: Summary) -> SubscriptionView:
    """What a team has."""
    return SubscriptionView(
        plan=found.stretch.plan,
        title=found.plan.title,
        status=found.status,
        currency=found.plan.currency,
        amount=digits(found.amount),
        interval=found.plan.interval,
        fees=[_fee(line) for line in found.fees],
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        cancel_at_period_end=found.at_period_end,
        trial_ends_at=found.trial_ends_at,
        period=None if found.period is None else period_view(found.period),
        next_period_from=found.next_from,
        addons=found.stretch.addons,
        quantities=found.stretch.quantities,
        coupons=[_coupon(name, coupon) for name, coupon in found.coupons],
        overrides=[_override(each) for each in found.overrides],
        scheduled=[change_view(each) for each in found.scheduled],
    )


def put_view(found: Summary, change: ChangeMade | None) -> SubscriptionPut:
    """What a team has with a change."""
    return SubscriptionPut(**msgspec.structs.asdict(subscription_view(found)), change=change)


def change_view(change: Change, withdrawn_by: str | None = None) -> ChangeView:
    """A decision of the log."""
    return ChangeView(
        id=str(change.id),
        at=change.at,
        **_of(change.decision),
        decided_at=change.decided_at,
        decided_by=change.decided_by,
        withdrawn_at=change.withdrawn_at,
        withdrawn_by=withdrawn_by,
    )


def told_view(told: Told) -> ChangeView:
    """A decision of the history."""
    return change_view(told.change, told.withdrawn_by)


def thought_view(decided: Decided) -> ChangeView:
    """A decision that is only thought of."""
    return ChangeView(id=None, at=decided.at, **_of(decided.decision))


def _of(decision: Decision) -> _Said:
    """Type, words and what else there is to a kind of decision."""
    said = _Said(type=msgspec.to_builtins(decision)["type"], told=told(decision))
    match decision:
        case Start(plan=plan, restart=restart):
            said |= {"plan": plan, "restart": restart}
        case ChangePlan(plan=plan, unused=unused, restart=restart):
            said |= {"plan": plan, "unused": unused, "restart": restart}
        case Cancel(unused=unused):
            said |= {"unused": unused}
        case SetQuantity(name=name, quantity=quantity) | SetAddon(addon=name, quantity=quantity):
            said |= {"name": name, "quantity": quantity}
        case GiveCoupon(coupon=coupon) | TakeCoupon(coupon=coupon):
            said |= {"name": coupon}
    return said


def money_view(money: Money, currency: str) -> MoneyView:
    """What a change costs."""
    return MoneyView(
        currency=currency,
        before=digits(money.before),
        after=digits(money.after),
        difference=digits(money.after - money.before),
        refund=None if money.refund is None else digits(money.refund),
        periods=[_effect(each) for each in money.effects],
    )


def made_view(
    decided: Sequence[ChangeView], withdrawn: Sequence[Change], money: MoneyView, *, preview: bool
) -> ChangeMade:
    """What a change is, or would be."""
    gone = [change_view(each) for each in withdrawn]
    return ChangeMade(preview=preview, decided=list(decided), withdrawn=gone, money=money)


def _effect(effect: Effect) -> EffectView:
    return EffectView(
        period=period_view(effect.period),
        before=None if effect.before is None else digits(effect.before.document.total),
        after=None if effect.after is None else digits(effect.after.document.total),
        difference=digits(effect.difference),
        invoice=None if effect.after is None else preview_view(effect.after),
    )


def _fee(line: Line) -> FeeView:
    return FeeView(
        price=line.price,
        title=line.description,
        quantity=digits(line.quantity),
        unit=line.unit,
        unit_amount=None if line.unit_amount is None else digits(line.unit_amount),
        amount=digits(line.amount),
    )


def _coupon(name: str, coupon: Coupon) -> CouponView:
    return CouponView(
        coupon=name,
        title=coupon.title,
        percent=None if coupon.percent is None else digits(coupon.percent),
        amount=None if coupon.amount is None else digits(coupon.amount),
        duration=coupon.duration,
        periods=coupon.periods,
        period=coupon.period,
        used_up=coupon.used_up,
    )


def _override(override: Override) -> OverrideView:
    return OverrideView(plan=override.plan, from_=override.start, until=override.end)
