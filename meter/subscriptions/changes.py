"""What can be decided about a subscription, each with the instant from which it holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

Unused = Literal["credit", "refund", "none"]
"""What happens to a fee for time that is not used any more: it lowers an invoice, is paid back, or stays owed."""


class Start(msgspec.Struct, frozen=True, tag_field="type", tag="start"):
    """The team has this plan from here on, and nothing else yet.

    Billing goes by calendar months from the anchor day; with `restart` months begin at this very instant instead, and
    then at the midnights that begin its local day of the month.
    """

    plan: str
    anchor_day: int = 1
    restart: bool = False


class ChangePlan(msgspec.Struct, frozen=True, tag_field="type", tag="plan"):
    """Another plan from here on. With `restart` a billing period begins here; `ends_trial` marks the end of a trial."""

    plan: str
    unused: Unused = "credit"
    restart: bool = False
    ends_trial: bool = False


class Cancel(msgspec.Struct, frozen=True, tag_field="type", tag="cancel"):
    """No plan from here on, until a new start."""

    unused: Unused = "credit"


class SetQuantity(msgspec.Struct, frozen=True, tag_field="type", tag="quantity"):
    """So many of something the plan is paid by, such as seats; 0 is none."""

    name: str
    quantity: int


class SetAddon(msgspec.Struct, frozen=True, tag_field="type", tag="addon"):
    """So many of an add-on; 0 takes it away."""

    addon: str
    quantity: int


class GiveCoupon(msgspec.Struct, frozen=True, tag_field="type", tag="coupon"):
    """The team has this coupon."""

    coupon: str


class TakeCoupon(msgspec.Struct, frozen=True, tag_field="type", tag="coupon_taken"):
    """The team no longer has this coupon."""

    coupon: str


PlanDecision = Start | ChangePlan | Cancel
Decision = Start | ChangePlan | Cancel | SetQuantity | SetAddon | GiveCoupon | TakeCoupon


class Change(msgspec.Struct, frozen=True):
    """A decision as it is kept. Raises ValueError for an `at` that is not UTC."""

    id: int
    at: datetime
    decision: Decision
    decided_at: datetime
    decided_by: str
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuses an instant that could not be an edge."""
        if self.at.utcoffset() != timedelta(0):
            raise ValueError(f"{self.at.isoformat()} is not UTC; convert it with .astimezone(UTC)")


class Decided(NamedTuple):
    """A decision that is not kept yet, and from when it is to hold."""

    at: datetime
    decision: Decision


class Outcome(msgspec.Struct, frozen=True):
    """What a wish becomes: what is decided anew, in the order to keep it in, and which decisions are withdrawn."""

    decided: tuple[Decided, ...] = ()
    withdrawn: tuple[Change, ...] = ()


def standing(changes: Iterable[Change]) -> tuple[Change, ...]:
    """What was not withdrawn, in the order in which it takes effect: of one instant the last decided comes last."""
    kept = (change for change in changes if change.withdrawn_at is None)
    return tuple(sorted(kept, key=lambda change: (change.at, change.id)))


def with_outcome(changes: Iterable[Change], outcome: Outcome, now: datetime, by: str) -> tuple[Change, ...]:
    """The log as it will read when the outcome is kept: what previews go by; new ids only continue the old."""
    gone = {change.id for change in outcome.withdrawn}
    log = [msgspec.structs.replace(c, withdrawn_at=now) if c.id in gone else c for c in changes]
    following = max((change.id for change in log), default=0) + 1
    new = (Change(id_, *decided, now, by) for id_, decided in enumerate(outcome.decided, following))
    return (*log, *new)
