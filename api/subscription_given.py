"""What may be asked of a subscription, as bodies say it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from api.calculation_given import Instant, PlanName
from api.names import ONE_LINE
from api.questions import instant_of
from meter.errors import InvalidBody, InvalidParameter
from meter.subscriptions.changes import Unused
from meter.subscriptions.extras import MOST
from meter.subscriptions.wish import When
from meter.subscriptions.wishes import (
    AddonWish,
    CancelWish,
    CouponWish,
    PlanWish,
    QuantityWish,
    ResumeWish,
    Wish,
)
from meter.usage import EARLIEST, LATEST

MOST_PHASES = 24
WhenText = Annotated[
    str, Meta(max_length=40, description="`now`, `period_end`, RFC 3339 with a zone, or a date: midnight in the zone.")
]
UnusedText = Annotated[
    Unused, Meta(description="What becomes of the fee for time after the change: owed for the time until then only …")
]
Name = Annotated[str, Meta(min_length=1, max_length=63, pattern=ONE_LINE)]
CouponName = Annotated[str, Meta(min_length=3, max_length=127, pattern=ONE_LINE, description="`book/coupon`.")]
Count = Annotated[int, Meta(ge=0, le=MOST)]
AnchorDay = Annotated[int, Meta(ge=1, le=31)]


class PhaseGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another plan from an instant on."""

    plan: PlanName
    at: Instant


class ChosenPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The plan to be on, from now or from `when` on, and its phases: other plans, each from an instant on.

    Billing goes by calendar months from `anchor_day`; with `restart` a period begins with the plan. `unused` says what
    becomes of the fee of the plan before for time after the change.
    """

    plan: PlanName
    when: WhenText = "now"
    unused: UnusedText = "credit"
    restart: bool = False
    anchor_day: AnchorDay | None = None
    phases: Annotated[list[PhaseGiven], Meta(max_length=MOST_PHASES)] = []
    preview: bool = False


class PlanGiven(ChosenPlan, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag="plan"):
    """Another plan, as `PUT /v1/teams/{team}/subscription` takes it."""


class CancelGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="cancel"):
    """No plan from then on."""

    when: WhenText = "period_end"
    unused: UnusedText = "credit"
    preview: bool = False


class ResumeGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="resume"):
    """A cancellation taken back, to come or past."""

    preview: bool = False


class QuantityGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="quantity"):
    """So many of what prices of the plan are paid for, such as `seats`."""

    name: Name
    quantity: Count
    when: WhenText = "now"
    preview: bool = False


class AddonGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="addon"):
    """So many of an add-on of the plan's book; 0 takes it away."""

    addon: Name
    quantity: Count = 1
    when: WhenText = "now"
    preview: bool = False


class CouponGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="coupon"):
    """A coupon for the team."""

    coupon: CouponName
    when: WhenText = "now"
    preview: bool = False


class CouponTakenGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="coupon_taken"):
    """A coupon that the team no longer has."""

    coupon: CouponName
    when: WhenText = "now"
    preview: bool = False


ChangeGiven = PlanGiven | CancelGiven | ResumeGiven | QuantityGiven | AddonGiven | CouponGiven | CouponTakenGiven


def wish_of(given: ChangeGiven, zone: ZoneInfo) -> Wish:
    """What is asked; dates are midnights of the team's zone. Raises InvalidBody."""
    match given:
        case PlanGiven():
            return plan_wish(given, zone)
        case ResumeGiven():
            return ResumeWish()
        case CancelGiven():
            return CancelWish(when_of(given.when, zone), given.unused)
        case QuantityGiven():
            return QuantityWish(given.name, given.quantity, when_of(given.when, zone))
        case AddonGiven():
            return AddonWish(given.addon, given.quantity, when_of(given.when, zone))
        case _:
            taken = isinstance(given, CouponTakenGiven)
            return CouponWish(given.coupon, when_of(given.when, zone), taken=taken)


def plan_wish(given: ChosenPlan, zone: ZoneInfo) -> PlanWish:
    """Which plan is asked for. Raises InvalidBody."""
    return PlanWish(
        plan=given.plan,
        when=when_of(given.when, zone),
        unused=given.unused,
        restart=given.restart,
        anchor_day=given.anchor_day,
        phases=tuple((phase.plan, _instant(f"phases[{n}].at", phase.at, zone)) for n, phase in enumerate(given.phases)),
    )


def when_of(text: str, zone: ZoneInfo) -> When:
    """From when on. Raises InvalidBody."""
    words: tuple[Literal["now", "period_end"], ...] = ("now", "period_end")
    return next((word for word in words if word == text), None) or _instant("when", text, zone)


def _instant(name: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        instant = instant_of(name, text, zone)
    except InvalidParameter as error:
        raise InvalidBody(error.detail) from error
    if not EARLIEST <= instant <= LATEST:
        raise InvalidBody(f"{name}: {text} is in no calendar that we bill by; write a time of these centuries")
    return instant
