"""Which plan does a team have when, with what beside it? Decisions replayed in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

import msgspec

from meter.subscriptions.changes import (
    Cancel,
    Change,
    ChangePlan,
    Decision,
    PlanDecision,
    SetAddon,
    SetQuantity,
    Start,
    Unused,
    standing,
)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What holds from `at` on. `plan` is None where there is no subscription.

    `begun` is the decision that begins a billing period here, if one does; `unused` says what becomes of the fee of
    the plan that ends here.
    """

    at: datetime
    plan: str | None
    addons: dict[str, int] = {}
    quantities: dict[str, int] = {}
    begun: Start | ChangePlan | Cancel | None = None
    unused: Unused | None = None


def replay(changes: Iterable[Change]) -> Iterator[Held]:
    """What holds from each instant on at which something was decided, in order.

    A decision that needs a plan and finds none does nothing.
    """
    before: Held | None = None
    for at, group in groupby(standing(changes), key=lambda change: change.at):
        before = _after(before, at, [change.decision for change in group])
        yield before


def _after(before: Held | None, at: datetime, decisions: Sequence[Decision]) -> Held:
    held = Held(at=at, plan=None) if before is None else _going_on(before, at)
    for decision in _last_decided(decisions):
        match decision:
            case Start(plan=plan):
                ended = held.unused or ("credit" if held.plan else None)
                held = Held(at=at, plan=plan, begun=decision, unused=ended)
            case _ if held.plan is None:
                pass
            case Cancel(unused=unused):
                held = Held(at=at, plan=None, begun=decision, unused=unused)
            case ChangePlan():
                held = _changed(held, decision)
            case SetQuantity(name=name, quantity=quantity):
                held = msgspec.structs.replace(held, quantities=_set(held.quantities, name, quantity))
            case SetAddon(addon=addon, quantity=quantity):
                held = msgspec.structs.replace(held, addons=_set(held.addons, addon, quantity))
            case _:
                pass  # coupons are another matter
    return held


def _going_on(before: Held, at: datetime) -> Held:
    return Held(at=at, plan=before.plan, addons=before.addons, quantities=before.quantities)


def _changed(held: Held, decision: ChangePlan) -> Held:
    begun = decision if decision.restart else held.begun
    moved = decision.restart or decision.plan != held.plan
    unused = decision.unused if moved and held.unused is None else held.unused
    return msgspec.structs.replace(held, plan=decision.plan, begun=begun, unused=unused)


def _set(counts: dict[str, int], name: str, quantity: int) -> dict[str, int]:
    return {known: count for known, count in sorted({**counts, name: quantity}.items()) if count}


def _last_decided(decisions: Sequence[Decision]) -> Iterator[Decision]:
    """Of one instant's decisions those that count: a plan that another took the place of at once was never had."""
    for index, decision in enumerate(decisions):
        later = [other for other in decisions[index + 1 :] if isinstance(other, PlanDecision)]
        match decision:
            case ChangePlan() if later:
                pass
            case Cancel() if any(isinstance(other, Cancel) for other in later):
                pass
            case _:
                yield decision
