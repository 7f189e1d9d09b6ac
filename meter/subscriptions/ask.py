"""What does a wish become, by what is known of the team and the books?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from meter.model import Team
from meter.prices.schedule import Schedule
from meter.subscriptions import decide, decisions, extras
from meter.subscriptions.allowed import refuse_asking, refuse_undoing
from meter.subscriptions.changes import (
    Cancel,
    Change,
    Decided,
    Outcome,
    SetAddon,
    SetQuantity,
    with_outcome,
)
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import Stretch, stretch_at, stretches
from meter.subscriptions.wish import Choice, Facts, Phase, When, held_at, instant_of
from meter.subscriptions.wishes import (
    AddonWish,
    CancelWish,
    CouponWish,
    PlanWish,
    QuantityWish,
    ResumeWish,
    Wish,
    WithdrawWish,
)
from meter.subscriptions.withdrawal import withdraw


class Known(NamedTuple):
    """A team, the books, and what was decided."""

    team: Team
    books: Schedule
    facts: Facts


def outcome_of(known: Known, wish: Wish) -> Outcome:
    """What is decided anew, and withdrawn.

    Raises Refused, NotFound for a decision that there is not, UnknownPlan, UnknownCoupon and CurrencyMismatch.
    """
    if not known.facts.operator:
        refuse_asking(wish)
    outcome = _outcome(known, wish)
    if not known.facts.operator:
        refuse_undoing(known.facts, outcome)
    return _fitting(known, outcome)


def _outcome(known: Known, wish: Wish) -> Outcome:
    facts = known.facts
    match wish:
        case PlanWish():
            return _plan(known, wish)
        case CancelWish(when, unused):
            return decide.cancel(facts, when, unused=unused)
        case ResumeWish():
            return _resume(known)
        case WithdrawWish(change_id):
            return withdraw(facts, change_id)
        case _:
            return _beside(known, wish)


def _beside(known: Known, wish: QuantityWish | AddonWish | CouponWish) -> Outcome:
    facts = known.facts
    match wish:
        case QuantityWish(name, quantity, when):
            if quantity:
                _refuse_not_offered(known, name, when, addon=False)
            return extras.set_quantity(facts, name, quantity, when)
        case AddonWish(addon, quantity, when):
            if quantity:
                _refuse_not_offered(known, addon, when, addon=True)
            return extras.set_addon(facts, addon, quantity, when)
        case CouponWish(coupon, when, taken=True):
            return extras.take_coupon(facts, coupon, when)
        case CouponWish(coupon, when):
            _refuse_coupon(known, coupon, when)
            return extras.give_coupon(facts, coupon, when)


def _plan(known: Known, wish: PlanWish) -> Outcome:
    facts = known.facts
    at = instant_of(facts, wish.when)
    phases = [Phase(choice(known, plan, since), since) for plan, since in wish.phases]
    for one, other in pairwise((at, *(phase.at for phase in phases))):
        if other <= one:
            raise Refused("wrong_order", f"a phase at {other.isoformat()} is not after {one.isoformat()}")
    chosen = choice(known, wish.plan, at)
    there = stretch_at(facts.changes, at) is not None
    if not there and (at <= facts.now or not facts.to_come(Cancel)):
        anchor = wish.anchor_day or 1
        return decide.start(facts, chosen, wish.when, anchor_day=anchor, restart=wish.restart, phases=phases)
    if wish.anchor_day is not None:
        raise Refused("already_begun", "the team's billing periods begin where they do; `restart` begins one")
    first = decide.change_plan(facts, chosen, wish.when, unused=wish.unused, restart=wish.restart)
    return _followed(facts, first, phases)


def choice(known: Known, plan: str, at: datetime) -> Choice:
    """What its book says of a plan at an instant. Raises UnknownPlan, and CurrencyMismatch as `decisions.choice`."""
    return decisions.choice(known.team, plan, known.books, at)


def _followed(facts: Facts, first: Outcome, phases: Sequence[Phase]) -> Outcome:
    """A change and then its phases, each as if the one before were kept already."""
    log = with_outcome(facts.changes, first, facts.now, "")
    for phase in phases:
        outcome = decide.change_plan(replace(facts, changes=log), phase.choice, phase.at)
        log = with_outcome(log, outcome, facts.now, "")
    kept = {change.id for change in facts.changes}
    gone = {change.id for change in log if change.withdrawn_at is not None}
    decided = tuple(Decided(c.at, c.decision) for c in log if c.id not in kept | gone)
    return Outcome(decided, tuple(c for c in facts.standing if c.id in gone))


def _resume(known: Known) -> Outcome:
    had = decide.last_plan(known.facts)
    if had is None:
        raise Refused("no_plan", "the team never had a plan; start one first")
    return decide.resume(known.facts, choice(known, had.plan, known.facts.now))


def _refuse_not_offered(known: Known, name: str, when: When, *, addon: bool) -> None:
    """Refuse what the plan of that instant may not have beside it."""
    facts = known.facts
    held = held_at(facts, instant_of(facts, when))
    chosen = choice(known, held.plan, instant_of(facts, when))
    may = (chosen.addons if addon else chosen.quantities) or ()
    if name not in may:
        what = "add-on" if addon else "price for"
        there = f"it may have {', '.join(sorted(may))}" if may else "there is none for it"
        raise Refused("not_offered", f"{held.plan} has no {what} {name[:80]}; {there}")


def _refuse_coupon(known: Known, name: str, when: When) -> None:
    at = instant_of(known.facts, when)
    coupon = known.books.coupon(name, at)
    book = known.books.book_of(name, at)
    if coupon.amount is not None and book.currency != known.team.currency:
        said = f"{name} takes {book.currency} off, and the team is billed in {known.team.currency}"
        raise Refused("other_currency", f"{said}; give one of a percentage")


def _fitting(known: Known, outcome: Outcome) -> Outcome:
    """The same, and nothing left beside a later plan that may not have it: that one could not be billed.

    What is decided now comes after what was decided before, so a plan to come did not see it.
    """
    facts = known.facts
    if not outcome.decided:
        return outcome
    first = min(each.at for each in outcome.decided)
    while True:
        log = with_outcome(facts.changes, outcome, facts.now, "")
        wrong = tuple(_wrong(known, log, first))
        if not wrong:
            return outcome
        outcome = replace(outcome, decided=(*outcome.decided, *wrong))


def _wrong(known: Known, log: Sequence[Change], since: datetime) -> Iterator[Decided]:
    """What the first plan from an instant on has beside it, and may not."""
    for stretch in stretches(log):
        if stretch.start is not None and stretch.start >= since:
            chosen = choice(known, stretch.plan, stretch.start)
            found = tuple(_not_offered(chosen, stretch, stretch.start))
            if found:
                yield from found
                return


def _not_offered(chosen: Choice, stretch: Stretch, at: datetime) -> Iterator[Decided]:
    yield from (Decided(at, SetAddon(name, 0)) for name in stretch.addons if name not in (chosen.addons or ()))
    for name in stretch.quantities:
        if name not in (chosen.quantities or ()):
            yield Decided(at, SetQuantity(name, 0))
