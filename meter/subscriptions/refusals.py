"""Why a decision about a subscription is not taken, in words for whoever asked."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "no_plan",
    "not_begun",
    "already_begun",
    "same_plan",
    "in_the_past",
    "already_billed",
    "too_far",
    "already_cancelled",
    "not_cancelled",
    "retired",
    "trial_used",
    "wrong_order",
    "month_not_over",
    "operator_only",
    "no_change",
    "quantity",
    "coupon_given",
    "coupon_not_given",
    "other_currency",
    "not_offered",
    "not_to_come",
    "withdrawn",
]


class Refused(ValueError):  # noqa: N818 - said of the wish, not of a fault
    """A wish that becomes nothing: a stable `reason`, and words that say what to do instead."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Refuses for `reason`."""
        super().__init__(detail)
        self.reason: Reason = reason
