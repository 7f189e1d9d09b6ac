"""When does a trial end, and what comes after?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from meter.subscriptions.changes import Change, ChangePlan, Decided, Start, standing
from meter.subscriptions.refusals import Refused
from meter.subscriptions.timeline import stretch_at, stretches
from meter.subscriptions.wish import Choice, Facts
from meter.windows import utc


def steps(
    choice: Choice, at: datetime, zone: str, *, restart: bool, until: datetime | None = None
) -> Iterator[Decided]:
    """What a plan that begins at `at` becomes, if it is a trial: nothing from `until` on, where another takes over."""
    for step in choice.trial:
        at = days_later(at, step.days, zone)
        if until is not None and at >= until:
            return
        yield Decided(at, ChangePlan(step.plan, restart=restart, ends_trial=True))


def days_later(at: datetime, days: int, zone: str) -> datetime:
    """The same local time so many days later; the first of two, or when clocks skip it."""
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return utc(local + timedelta(days=days), ZoneInfo(zone))


def ends_at(changes: Iterable[Change], instant: datetime) -> datetime | None:
    """When the trial that runs at an instant is over; None where none does."""
    log = standing(changes)
    if stretch_at(log, instant) is None:
        return None
    following = (c for c in log if c.at > instant and isinstance(c.decision, Start | ChangePlan))
    match next(following, None):
        case Change(at=at, decision=ChangePlan(ends_trial=True)):
            return at
        case _:
            return None


def refuse_second(facts: Facts, choice: Choice) -> None:
    """Nobody tries for nothing twice, unless the operator says so. Raises Refused."""
    had = any(s.plan == choice.plan for s in stretches(facts.changes))
    if choice.trial and had and not facts.operator:
        raise Refused("trial_used", f"the team had {choice.plan} before, and one has it once; choose another plan")
