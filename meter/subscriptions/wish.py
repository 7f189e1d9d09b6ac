"""What is known when something is asked of a subscription, and from which instant it is to hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from meter.subscriptions.changes import Cancel, Change, ChangePlan, Decision, standing
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import Stretch, begun, period_at, stretch_at

When = Literal["now", "period_end"] | datetime
_FARTHEST = timedelta(days=10 * 366)


class Facts(msgspec.Struct, frozen=True):
    """What was decided so far, and when it is now.

    Nothing may change before `billed_until`, the end of the last invoice; nothing before now either, unless
    the `operator` decides.
    """

    changes: tuple[Change, ...]
    zone: str
    now: datetime
    billed_until: datetime | None = None
    operator: bool = False

    @property
    def standing(self) -> tuple[Change, ...]:
        """What was not withdrawn, in order."""
        return standing(self.changes)

    def to_come(self, *kinds: type[Decision]) -> tuple[Change, ...]:
        """Decisions of these kinds that have yet to take effect."""
        return tuple(c for c in self.standing if c.at > self.now and isinstance(c.decision, kinds))

    def without(self, withdrawn: tuple[Change, ...]) -> Facts:
        """The same, had these never been decided."""
        gone = {change.id for change in withdrawn}
        return msgspec.structs.replace(self, changes=tuple(c for c in self.changes if c.id not in gone))


class Step(NamedTuple):
    """After so many days the trial is over, and the plan is this one."""

    days: int
    plan: str


class Choice(msgspec.Struct, frozen=True):
    """A plan to choose, by its full name; if it is a trial, what it becomes.

    `addons` and `quantities` are what this plan may have beside it; None is anything. Nobody new may choose a `retired`
    one.
    """

    plan: str
    trial: tuple[Step, ...] = ()
    addons: frozenset[str] | None = None
    quantities: frozenset[str] | None = None
    retired: bool = False


class Phase(NamedTuple):
    """Another plan from an instant on, agreed on from the start."""

    choice: Choice
    at: datetime


def instant_of(facts: Facts, when: When) -> datetime:
    """When a wish is to hold, in UTC. Raises Refused for a time that is over, billed or too far away."""
    if isinstance(when, datetime):
        return checked(facts, when)
    if when == "now":
        return checked(facts, facts.now)
    return checked(facts, _period_end(facts))


def checked(facts: Facts, at: datetime) -> datetime:
    """The instant in UTC. Raises Refused as `instant_of`; ValueError for one without a time zone."""
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    if at < facts.now and not facts.operator:
        raise Refused("in_the_past", f"{at.isoformat()} is over; only the operator may decide for the past")
    if facts.billed_until is not None and at < facts.billed_until:
        said = f"is billed: invoices go until {facts.billed_until.isoformat()}; choose that instant or a later one"
        raise Refused("already_billed", f"{at.isoformat()} {said}")
    if at > facts.now + _FARTHEST:
        raise Refused("too_far", f"{at.isoformat()} is more than ten years away")
    return at.astimezone(UTC)


def held_at(facts: Facts, at: datetime) -> Stretch:
    """What the team has at an instant. Raises Refused where it has no plan, or none yet."""
    refuse_before_start(facts, at)
    held = stretch_at(facts.changes, at)
    if held is None:
        raise Refused("no_plan", f"the team has no plan at {at.isoformat()}; start one first")
    return held


def refuse_before_start(facts: Facts, at: datetime) -> None:
    """Raises Refused for an instant before the team's first plan began."""
    first = begun(facts.changes)
    if first is None:
        raise Refused("no_plan", "the team never had a plan; start one first")
    if at < first:
        raise Refused(
            "not_begun", f"the team's first plan begins at {first.isoformat()}; choose that instant or a later one"
        )


def _period_end(facts: Facts) -> datetime:
    """The end of the running period, whatever cancellation is to come; a trial is over when it ends."""
    facts = facts.without(facts.to_come(Cancel))
    running = period_at(facts.changes, facts.zone, facts.now)
    if running is None:
        raise Refused("no_plan", "the team has no plan, so no period ends; start one first")
    ends = (c.at for c in facts.to_come(ChangePlan) if isinstance(c.decision, ChangePlan) and c.decision.ends_trial)
    return min((running.end, *ends))
