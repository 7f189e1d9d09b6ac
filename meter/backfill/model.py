"""A backfill as it is kept: of which usage a source speaks, how far it has come, what became of how many events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from meter.audit import Actor
from meter.corrections.decide import Place
from meter.facts import microseconds
from meter.labels import Filter

Mode = Literal["replace", "add"]
Phase = Literal["comparing", "applying", "undoing"]
State = Literal["staged", "comparing", "compared", "applying", "applied", "undoing", "undone", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)


class Order(NamedTuple):
    """What a source speaks for: events of these meters in [start, end) whose labels pass every filter.

    `replace`: it says all of it. `add`: it says what is missing.
    """

    mode: Mode
    start: datetime
    end: datetime
    meters: tuple[str, ...]
    filters: tuple[Filter, ...]
    reason: str


class Backfill(NamedTuple):
    """One backfill. What it adds is of series under `key_id`; `done` is the place that the phase has come to."""

    id: int
    public_id: UUID
    team_id: int
    order: Order
    at: datetime
    actor: str
    key_id: int
    internal: bool
    key: UUID
    key_prefix: str | None
    member: str | None
    request_id: str | None
    state: State
    failed_in: Phase | None
    detail: str | None
    ordered_by: Actor | None
    done: Place | None
    marked: bool
    changed_at: datetime

    @property
    def after(self) -> Place:
        """The place to go on after."""
        return self.done or (microseconds(self.order.start), bytes(16))


class Tally(NamedTuple):
    """How many events: of the source, stored in the selection, and what became of them, or would.

    `restored` were stored and voided; `kept` differ and stay; `conflicts` can't be what the source says; `moved` are
    those of the voided or kept that the source has at another time; `superseded` an undo has left alone.
    """

    source: int = 0
    stored: int = 0
    same: int = 0
    added: int = 0
    restored: int = 0
    amended: int = 0
    voided: int = 0
    moved: int = 0
    kept: int = 0
    conflicts: int = 0
    superseded: int = 0

    @property
    def effect(self) -> tuple[int, ...]:
        """What it changes, to be held against another tally of the same."""
        return self.added, self.restored, self.amended, self.voided


def backfill_of(row: tuple[Any, ...]) -> Backfill:
    """A backfill from its row, columns as in get_backfill."""
    (id_, public_id, team_id, mode, start, end, meters, filters, reason, *rest) = row
    order = Order(mode, start, end, tuple(meters), tuple(Filter(n, op, tuple(v)) for n, op, v in filters), reason)
    (*who, state, failed_in, detail, ordered_by, done_until, done_id, marked, changed_at) = rest
    done = None if done_until is None else (microseconds(done_until), done_id.bytes)
    orderer = None if ordered_by is None else _actor(ordered_by)
    kept = (*who, state, failed_in, detail, orderer, done, marked, changed_at)
    return Backfill._make((id_, public_id, team_id, order, *kept))


def _actor(kept: dict[str, Any]) -> Actor:
    return Actor(**kept | {"at": datetime.fromisoformat(kept["at"])})
