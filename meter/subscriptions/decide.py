"""What does a wish about a plan become: which decisions, and which earlier ones are withdrawn for it?

Each function takes what is known and gives an Outcome, or raises Refused. A new decision about the plan takes the
place of those that were still to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from meter.subscriptions import calendar
from meter.subscriptions.changes import (
    Cancel,
    Change,
    ChangePlan,
    Decided,
    GiveCoupon,
    Outcome,
    SetAddon,
    SetQuantity,
    Start,
    TakeCoupon,
    Unused,
)
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import Stretch, begun, full_period, stretch_at, stretches
from meter.subscriptions.trial import refuse_second, steps
from meter.subscriptions.wish import Choice, Facts, Phase, When, checked, held_at, instant_of, refuse_before_start
from meter.windows import MOMENT

_ABOUT_PLANS = (Start, ChangePlan, Cancel)
_ABOUT_COUPONS = (GiveCoupon, TakeCoupon)


def start(
    facts: Facts,
    choice: Choice,
    when: When = "now",
    *,
    anchor_day: int = 1,
    restart: bool = False,
    phases: Sequence[Phase] = (),
) -> Outcome:
    """A plan for a team that has none, by calendar months or (`restart`) by its anniversary; then its phases, if any.

    Phases are in order of time, all after the start.
    """
    at = instant_of(facts, when)
    if stretch_at(facts.changes, at) is not None:
        raise Refused("already_begun", "the team has a plan; change that one instead")
    _check_new(facts, choice)
    _check_month(facts, at)
    decided = (
        *_begins(facts, choice, at, anchor_day, restart=restart),
        *_later(facts, choice, at, phases, restart=restart),
    )
    return Outcome(decided, _left_over(facts, at))


def change_plan(
    facts: Facts, choice: Choice, when: When = "now", *, unused: Unused = "credit", restart: bool = False
) -> Outcome:
    """Another plan from then on, without what the new one may not have beside it.

    Asked for the plan there is, it withdraws what was to become of it.
    """
    if restart and not facts.operator:  # or each change would give a month's free units anew
        raise Refused("operator_only", "only the operator may let a billing period begin in the middle of one")
    at = instant_of(facts, when)
    withdrawn = _in_the_way(facts, at)
    left = facts.without(withdrawn)
    held = held_at(left, at)
    if held.plan == choice.plan and not restart:
        return _staying(choice, withdrawn)
    _check_new(facts, choice)
    restart = restart or _began_period(left, at)
    trial = steps(choice, at, facts.zone, restart=restart or _by_anniversary(left, at))
    change = Decided(at, ChangePlan(choice.plan, unused, restart))
    withdrawn = (*withdrawn, *_never_beside(left, choice, at))
    return Outcome((change, *_not_beside(choice, held, at), *trial), withdrawn)


def cancel(facts: Facts, when: When = "period_end", *, unused: Unused = "credit") -> Outcome:
    """No plan from then on. What else was to come stays in the log, so that resuming brings it back.

    A plan that has yet to begin never does.
    """
    first = begun(facts.changes)
    if first is not None and first > facts.now:
        return Outcome(withdrawn=tuple(c for c in facts.standing if c.at > facts.now))
    at = instant_of(facts, when)
    refuse_before_start(facts, at)
    if stretch_at(facts.changes, at) is None:
        raise Refused("already_cancelled", f"the plan is cancelled before {at.isoformat()} already")
    ended = tuple(c for c in facts.to_come(Start, Cancel) if c.at > at)
    return Outcome((Decided(at, Cancel(unused)),), ended)


def resume(facts: Facts, choice: Choice) -> Outcome:
    """Takes a cancellation back: one to come is withdrawn, and one that was, until its month is over or billed.

    Later the plan starts again with what was beside it. `choice` is the plan of `last_plan`.
    """
    refuse_before_start(facts, facts.now)
    if stretch_at(facts.changes, facts.now) is None:
        cancelled = _still_open(facts)
        return _again(facts, choice) if cancelled is None else Outcome(withdrawn=(cancelled,))
    cancels = facts.to_come(Cancel)
    if not cancels:
        raise Refused("not_cancelled", "the plan is not cancelled")
    return Outcome(withdrawn=(*cancels, *facts.to_come(Start)))


def last_plan(facts: Facts) -> Stretch | None:
    """What the team has now, or had last; None where it never had a plan by now."""
    known = [s for s in stretches(facts.changes) if s.start is None or s.start <= facts.now]
    return known[-1] if known else None


def _still_open(facts: Facts) -> Change | None:
    """The cancellation that ended the plan, if its month goes on and nothing after it is billed or decided."""
    past = [c for c in facts.standing if c.at <= facts.now and isinstance(c.decision, _ABOUT_PLANS)]
    last = past[-1] if past else None
    if last is None or not isinstance(last.decision, Cancel) or facts.now >= _month_end(facts, last.at):
        return None
    return last if facts.billed_until is None or facts.billed_until < last.at else None


def _month_end(facts: Facts, cancelled: datetime) -> datetime:
    """When the month is over that a cancellation cut short."""
    month = full_period(facts.changes, facts.zone, cancelled - MOMENT)
    return cancelled if month is None else month.end


def _check_month(facts: Facts, at: datetime) -> None:
    """Nobody has a month's free units twice by cancelling and starting anew, unless the operator says so."""
    ends = [s.end for s in stretches(facts.changes) if s.end is not None and s.end <= at]
    until = _month_end(facts, max(ends)) if ends else None
    if until is not None and at < until and not facts.operator:
        said = f"the month that was cancelled ends at {until.isoformat()}; resume the plan, or start then"
        raise Refused("month_not_over", said)


def _again(facts: Facts, choice: Choice) -> Outcome:
    at = checked(facts, facts.now)
    had = last_plan(facts)
    if had is None or had.plan != choice.plan:
        raise Refused("no_plan", f"the team did not have {choice.plan} last; start it instead")
    _check_new(facts, choice)
    _check_month(facts, at)
    before = [c for c in calendar.months(facts.changes, facts.zone) if c.end is not None and c.end <= at][-1]
    begins = _begins(facts, choice, at, before.anchor_day, restart=before.whole)
    return Outcome((*begins, *_beside(choice, had, at)), _left_over(facts, at))


def _begins(facts: Facts, choice: Choice, at: datetime, anchor_day: int, *, restart: bool) -> Iterator[Decided]:
    anchor = calendar.local_day(at, facts.zone) if restart else anchor_day
    yield Decided(at, Start(choice.plan, anchor, restart))


def _later(facts: Facts, choice: Choice, at: datetime, phases: Sequence[Phase], *, restart: bool) -> Iterator[Decided]:
    """What comes after a start: ends of trials, and phases, which take over from trials."""
    plans = [Phase(choice, at), *(Phase(phase.choice, checked(facts, phase.at)) for phase in phases)]
    for (_, earlier), (_, later) in pairwise(plans):
        if later <= earlier:
            raise Refused("wrong_order", f"a phase at {later.isoformat()} is not after {earlier.isoformat()}")
    for index, phase in enumerate(plans):
        if index:
            _check_new(facts, phase.choice)
            yield Decided(phase.at, ChangePlan(phase.choice.plan))
        until = plans[index + 1].at if index + 1 < len(plans) else None
        yield from steps(phase.choice, phase.at, facts.zone, restart=restart, until=until)


def _check_new(facts: Facts, choice: Choice) -> None:
    if choice.retired and not facts.operator:
        raise Refused("retired", f"{choice.plan} is no longer offered; choose another plan")
    refuse_second(facts, choice)


def _in_the_way(facts: Facts, at: datetime) -> tuple[Change, ...]:
    """Decisions about the plan to come that a new one takes the place of: those after it, and a cancellation before."""
    later = tuple(c for c in facts.to_come(*_ABOUT_PLANS) if c.at >= at)
    left = facts.without(later)
    if stretch_at(left.changes, at) is not None:
        return later
    return (*left.to_come(Cancel)[-1:], *later)


def _began_period(facts: Facts, at: datetime) -> bool:
    """Whether a change that another is to replace began a period: the one before it may be billed until there."""
    changes = (c.decision for c in facts.standing if c.at == at)
    return any(isinstance(decision, ChangePlan) and decision.restart for decision in changes)


def _staying(choice: Choice, withdrawn: tuple[Change, ...]) -> Outcome:
    if choice.trial or not withdrawn:  # a trial that loses its end would go on for nothing
        raise Refused("same_plan", f"the team has {choice.plan} already")
    return Outcome(withdrawn=withdrawn)


def _left_over(facts: Facts, at: datetime) -> tuple[Change, ...]:
    """What was to come of an earlier subscription, and would now befall the new one."""
    starts = [c.at for c in facts.standing if isinstance(c.decision, Start) and at < c.at <= facts.now]
    until = min(starts, default=None)
    return tuple(
        c
        for c in facts.standing
        if c.at > at and not isinstance(c.decision, _ABOUT_COUPONS) and (until is None or c.at < until)
    )


def _by_anniversary(facts: Facts, at: datetime) -> bool:
    found = calendar.calendar_at(calendar.months(facts.changes, facts.zone), at)
    return found is not None and found.whole


def _beside(choice: Choice, had: Stretch, at: datetime) -> Iterator[Decided]:
    """What the team had beside its plan, as far as it may still have that."""
    yield from (Decided(at, SetAddon(name, count)) for name, count in had.addons.items() if _may(name, choice.addons))
    for name, count in had.quantities.items():
        if _may(name, choice.quantities):
            yield Decided(at, SetQuantity(name, count))


def _not_beside(choice: Choice, held: Stretch, at: datetime) -> Iterator[Decided]:
    """What the team has beside its plan and the new one may not have: taken away."""
    yield from (Decided(at, SetAddon(name, 0)) for name in held.addons if not _may(name, choice.addons))
    yield from (Decided(at, SetQuantity(name, 0)) for name in held.quantities if not _may(name, choice.quantities))


def _never_beside(facts: Facts, choice: Choice, at: datetime) -> Iterator[Change]:
    """What was to come beside the old plan and the new one may not have."""
    for change in facts.to_come(SetAddon, SetQuantity):
        match change.decision:
            case SetAddon(addon=name) if change.at >= at and not _may(name, choice.addons):
                yield change
            case SetQuantity(name=name) if change.at >= at and not _may(name, choice.quantities):
                yield change
            case _:
                pass


def _may(name: str, allowed: frozenset[str] | None) -> bool:
    return allowed is None or name in allowed
