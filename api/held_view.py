"""Held events as the API shows them, and what is decided of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from api.correction_view import MOST_NAMED, Reason
from meter.errors import InvalidBody
from meter.held.decide import Decision, Order
from meter.held.listing import HeldEvent, Side, State


class SideView(msgspec.Struct, frozen=True):
    """An event with one of its times; the quantity in the meter's unit, of a sample all of it."""

    time: datetime
    quantity: str
    member: str | None
    service: str | None
    dimensions: dict[str, str]


class HeldView(msgspec.Struct, frozen=True):
    """An event whose id came before with another time, as both were when it was held: `first` counts, `held` does not.

    `state` is open until somebody decides, then counted or dropped. `since` is when it was held, `hold` by which
    correction, `decided_by` is that of the last decision.
    """

    id: UUID
    event_id: UUID
    meter: str
    unit: str
    since: datetime
    state: State
    decided_at: datetime | None
    hold: UUID
    decided_by: UUID | None
    first: SideView
    held: SideView


class NewDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether held events count or are dropped, and why: those with these ids, or all that are open of one `hold`."""

    decision: Decision
    reason: Reason
    held: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_NAMED)] | None = None
    hold: UUID | None = None


def held_view(event: HeldEvent) -> HeldView:
    """A held event without its position."""
    return HeldView(*event[1:10], _side(event.first), _side(event.held))


def _side(side: Side) -> SideView:
    return SideView(side.time, f"{side.quantity:f}", *side[2:])


def decision_of(given: NewDecision) -> Order:
    """What is decided. Raises InvalidBody for what does not fit together."""
    if (given.held is None) == (given.hold is None):
        raise InvalidBody("bring either `held` or `hold`")
    return Order(given.decision, given.reason, tuple(given.held or ()), given.hold)
