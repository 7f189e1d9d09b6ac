"""What may be asked of a subscription, as it was asked."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from meter.subscriptions.changes import Unused
from meter.subscriptions.wish import When


class PlanWish(NamedTuple):
    """A plan from then on, and then its phases: other plans, each from an instant on.

    `anchor_day` is for a team that has no plan; with `restart` a billing period begins.
    """

    plan: str
    when: When = "now"
    unused: Unused = "credit"
    restart: bool = False
    anchor_day: int | None = None
    phases: tuple[tuple[str, datetime], ...] = ()


class CancelWish(NamedTuple):
    """No plan from then on."""

    when: When = "period_end"
    unused: Unused = "credit"


class ResumeWish(NamedTuple):
    """A cancellation taken back."""


class QuantityWish(NamedTuple):
    """So many of what prices are paid for."""

    name: str
    quantity: int
    when: When = "now"


class AddonWish(NamedTuple):
    """So many of an add-on."""

    addon: str
    quantity: int
    when: When = "now"


class CouponWish(NamedTuple):
    """A coupon for the team, or (`taken`) no longer."""

    coupon: str
    when: When = "now"
    taken: bool = False


class WithdrawWish(NamedTuple):
    """A decision that is still to come is not to be."""

    change_id: int


Wish = PlanWish | CancelWish | ResumeWish | QuantityWish | AddonWish | CouponWish | WithdrawWish
