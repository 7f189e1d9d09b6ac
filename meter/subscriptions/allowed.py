"""What may a team decide with its own keys? Pure.

Not a coupon for itself, money back, when a billing period begins (each has its free units), or what others decided.
"""

from __future__ import annotations

from meter.subscriptions.changes import Cancel, ChangePlan, Outcome, Start
from meter.subscriptions.refusals import Refused
from meter.subscriptions.wish import Facts
from meter.subscriptions.wishes import CancelWish, CouponWish, PlanWish, Wish

OF_TEAMS = "key "
"""How `audit.who` names those who decide for a team as one of it; the operator who acts for a member does so too."""


def refuse_asking(wish: Wish) -> None:
    """What only the operator may ask for. Raises Refused."""
    match wish:
        case CouponWish():
            _only_operator("coupons are the operator's to give and take")
        case PlanWish(unused="refund") | CancelWish(unused="refund"):
            _only_operator("money is the operator's to pay back; `credit` lowers the invoice")
        case PlanWish(restart=restart, anchor_day=anchor) if restart or anchor is not None:
            _only_operator("`restart` and `anchor_day` say when billing periods begin, which the operator does")
        case _:
            pass


def refuse_undoing(facts: Facts, outcome: Outcome) -> None:
    """What others decided for a team is theirs to undo; but it may leave a trial for another plan."""
    chooses = any(isinstance(each.decision, Start | ChangePlan) for each in outcome.decided)
    for change in outcome.withdrawn:
        ends_trial = isinstance(change.decision, ChangePlan) and change.decision.ends_trial
        if not change.decided_by.startswith(OF_TEAMS) and not (ends_trial and chooses):
            _only_operator(f"a decision for {change.at.isoformat()} was made by the operator, and would be undone")
    if any(isinstance(each.decision, Start) for each in outcome.decided):
        ended = [c for c in facts.standing if isinstance(c.decision, Cancel) and c.at <= facts.now]
        if ended and not ended[-1].decided_by.startswith(OF_TEAMS):
            _only_operator("the operator cancelled the team's plan, and starts it again")


def _only_operator(detail: str) -> None:
    raise Refused("operator_only", f"{detail}; ask for it with the operator's key")
