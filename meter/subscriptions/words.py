"""A decision in plain words. Pure."""

from __future__ import annotations

from meter.subscriptions.changes import (
    Cancel,
    ChangePlan,
    Decision,
    GiveCoupon,
    PlanDecision,
    SetAddon,
    SetQuantity,
    Start,
    TakeCoupon,
    Unused,
)

_UNUSED: dict[Unused, str] = {
    "credit": "of a fee that goes by time the time until then is owed",
    "refund": "its fee stays on the invoice, and that for the time after is to be paid back",
    "none": "its fee stays owed for the whole period",
}


def told(decision: Decision) -> str:
    """What a decision says, for people."""
    match decision:
        case Start() | ChangePlan() | Cancel():
            return _of_plan(decision)
        case SetQuantity(name=name, quantity=quantity):
            return f"{quantity} of {name}"
        case SetAddon(addon=addon, quantity=quantity):
            return f"the add-on {addon}, {quantity} of it" if quantity else f"without the add-on {addon}"
        case GiveCoupon(coupon=coupon):
            return f"the coupon {coupon} is given"
        case TakeCoupon(coupon=coupon):
            return f"the coupon {coupon} is taken away"


def _of_plan(decision: PlanDecision) -> str:
    match decision:
        case Start(plan=plan, restart=True):
            return f"{plan} begins, and billing periods with it"
        case Start(plan=plan, anchor_day=day):
            return f"{plan} begins; billing periods begin on day {day} of a month"
        case ChangePlan(plan=plan, ends_trial=True):
            return f"the trial ends, and {plan} follows"
        case ChangePlan(plan=plan, unused=unused, restart=restart):
            period = "; a billing period begins" if restart else ""
            return f"{plan} takes the place of the plan before; {_UNUSED[unused]}{period}"
        case Cancel(unused=unused):
            return f"the plan is cancelled; {_UNUSED[unused]}"
