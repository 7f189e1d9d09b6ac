"""What does a wish about quantities, add-ons or coupons become? As `decide`, for what is beside the plan."""

from __future__ import annotations

from meter.subscriptions.changes import (
    Change,
    Decided,
    GiveCoupon,
    Outcome,
    SetAddon,
    SetQuantity,
    TakeCoupon,
)
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import coupons_at
from meter.subscriptions.wish import Facts, When, held_at, instant_of, refuse_before_start

MOST = 1_000_000


def set_quantity(facts: Facts, name: str, quantity: int, when: When = "now") -> Outcome:
    """So many of `name` from then on; what else was to become of that number is withdrawn."""
    at = instant_of(facts, when)
    later = tuple(c for c in facts.to_come(SetQuantity) if c.at >= at and _quantity_of(c, name))
    have = held_at(facts.without(later), at).quantities.get(name, 0)
    return _counted(Decided(at, SetQuantity(name, quantity)), name, have, quantity, later)


def set_addon(facts: Facts, addon: str, quantity: int, when: When = "now") -> Outcome:
    """So many of an add-on from then on, 0 for none; what else was to become of that number is withdrawn."""
    at = instant_of(facts, when)
    later = tuple(c for c in facts.to_come(SetAddon) if c.at >= at and _addon_of(c, addon))
    have = held_at(facts.without(later), at).addons.get(addon, 0)
    return _counted(Decided(at, SetAddon(addon, quantity)), addon, have, quantity, later)


def give_coupon(facts: Facts, coupon: str, when: When = "now") -> Outcome:
    """The team has a coupon from the period on that holds the instant; a coupon outlives a cancellation."""
    at = instant_of(facts, when)
    refuse_before_start(facts, at)
    if coupon in coupons_at(facts.changes, at) or any(_gives(c, coupon) for c in facts.standing if c.at > at):
        raise Refused("coupon_given", f"the team has {coupon} already")
    return Outcome((Decided(at, GiveCoupon(coupon)),))


def take_coupon(facts: Facts, coupon: str, when: When = "now") -> Outcome:
    """The team no longer has a coupon; in the period that holds the instant it lowers nothing any more."""
    at = instant_of(facts, when)
    later = tuple(c for c in facts.to_come(GiveCoupon, TakeCoupon) if c.at >= at and _about(c, coupon))
    if coupon in coupons_at(facts.without(later).changes, at):
        return Outcome((Decided(at, TakeCoupon(coupon)),), later)
    if not any(_gives(change, coupon) for change in later):
        raise Refused("coupon_not_given", f"the team does not have {coupon} at {at.isoformat()}")
    return Outcome(withdrawn=later)


def _counted(decided: Decided, name: str, have: int, quantity: int, later: tuple[Change, ...]) -> Outcome:
    if not 0 <= quantity <= MOST:
        raise Refused("quantity", f"{quantity} of {name} is not a number of things; write 0 to {MOST}")
    if have != quantity:
        return Outcome((decided,), later)
    if not later:
        raise Refused("no_change", f"the team has {quantity} of {name} already")
    return Outcome(withdrawn=later)


def _quantity_of(change: Change, name: str) -> bool:
    return isinstance(change.decision, SetQuantity) and change.decision.name == name


def _addon_of(change: Change, addon: str) -> bool:
    return isinstance(change.decision, SetAddon) and change.decision.addon == addon


def _gives(change: Change, coupon: str) -> bool:
    return isinstance(change.decision, GiveCoupon) and change.decision.coupon == coupon


def _about(change: Change, coupon: str) -> bool:
    return isinstance(change.decision, GiveCoupon | TakeCoupon) and change.decision.coupon == coupon
