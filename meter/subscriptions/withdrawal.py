"""What goes with a decision that is withdrawn before it took effect? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from meter.errors import NotFound
from meter.subscriptions.changes import Change, ChangePlan, Outcome, SetAddon, SetQuantity, Start
from meter.subscriptions.refusals import Refused
from meter.subscriptions.wish import Facts


def withdraw(facts: Facts, change_id: int) -> Outcome:
    """A decision to come is withdrawn, and what was only decided for its sake.

    What was withdrawn when it was decided stays so. Raises NotFound, and Refused for one that holds already.
    """
    change = next((c for c in facts.changes if c.id == change_id), None)
    if change is None:
        raise NotFound("the team has no such decision")
    if change.withdrawn_at is not None:
        raise Refused("withdrawn", "this decision is withdrawn already")
    if change.at <= facts.now:
        raise Refused("not_to_come", f"this decision holds since {change.at.isoformat()}; decide anew instead")
    return Outcome(withdrawn=(change, *_with(facts, change)))


def _with(facts: Facts, change: Change) -> Iterator[Change]:
    """Of a plan the ends of its trial, and what may not be beside it; of a start all that was to follow it."""
    later = [c for c in facts.standing if c.at >= change.at and c.id != change.id]
    match change.decision:
        case Start():
            yield from (c for c in later if not _is_start(c) and isinstance(c.decision, _AFTER_START))
        case ChangePlan():
            yield from (c for c in later if c.at == change.at and c.decided_at == change.decided_at and _takes_away(c))
            yield from _trial_ends([c for c in later if c.at > change.at])
        case _:
            pass


_AFTER_START = (ChangePlan, SetAddon, SetQuantity)


def _trial_ends(later: list[Change]) -> Iterator[Change]:
    for each in later:
        match each.decision:
            case ChangePlan(ends_trial=True):
                yield each
            case ChangePlan() | Start():
                return
            case _:
                pass


def _is_start(change: Change) -> bool:
    return isinstance(change.decision, Start)


def _takes_away(change: Change) -> bool:
    return isinstance(change.decision, SetAddon | SetQuantity) and change.decision.quantity == 0
