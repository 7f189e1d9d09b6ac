"""Corrections as the API takes and shows them: which events, what they get instead, what it moves, what was done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.labels import filters_of
from api.names import ONE_LINE
from api.questions import instant_of
from meter.corrections.decide import Amendment, Kind
from meter.corrections.find import Known, Named, Query
from meter.corrections.history import CorrectedEvent, Correction, State
from meter.corrections.moved import Billed, Hour
from meter.corrections.write import Order, Outcome
from meter.errors import InvalidBody
from meter.facts import MAX_DIMENSIONS, MAX_ID, MAX_STRING

MOST_NAMED = 1_000
LOOKED_BACK = timedelta(days=35)
AHEAD = timedelta(minutes=5)

Instant = Annotated[str, Meta(max_length=40, description="RFC 3339 with a zone, a date (midnight there), or now-7d.")]
Reason = Annotated[str, Meta(min_length=1, max_length=2000, pattern=ONE_LINE, description="Why; it is kept for ever.")]
Label = Annotated[str, Meta(min_length=1, max_length=MAX_STRING, pattern=ONE_LINE)]
Name = Annotated[str, Meta(max_length=100, pattern=ONE_LINE)]
Value = Annotated[str, Meta(max_length=MAX_STRING, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")]
Slug = Annotated[str, Meta(min_length=1, max_length=63)]
SentId = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
Moment = Annotated[datetime, Meta(tz=True)]


class EventGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """An event to correct: by the `id` it was sent with, or by `event_id` and `time` as drill-down shows them.

    With its `time` it is found at once. Without, it is where its id or its first arrival says, or else looked for from
    `from` to `to`, by default in the last 35 days. Without a `meter` it is the whole event, all its meters.
    """

    id: SentId | None = None
    source: SentId | None = None
    meter: Slug | None = None
    time: Moment | None = None
    from_: Instant | None = None
    to: Instant | None = None
    event_id: UUID | None = None


class QueryGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Events to correct by what they are: all in [`from`, `to`) of these meters whose labels pass.

    `labels` are written as in a question about usage: `{"model": ["small"], "region.not": ["eu"]}`; an empty value is
    for usage without that label. A sample held over time lies where it ends, and is corrected whole.
    """

    from_: Instant
    to: Instant
    meters: Annotated[list[Slug], Meta(max_length=100)] = []
    member: Value | None = None
    service: Value | None = None
    labels: Annotated[dict[Name, Annotated[list[Value], Meta(min_length=1, max_length=100)]], Meta(max_length=20)] = {}


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What events get instead; what is not named stays. The quantity is as it would be sent: of a sample its level.

    `member` and `service` may be null: nobody's. `dimensions` replace all that were there. The time of an event stays:
    void it and send another one.
    """

    quantity: Decimal | UnsetType = UNSET
    member: Label | UnsetType | None = UNSET
    service: Label | UnsetType | None = UNSET
    dimensions: Annotated[dict[Name, Label], Meta(max_length=MAX_DIMENSIONS)] | UnsetType = UNSET


class NewCorrection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to correct, how and why. Either `events` or `query`; `changes` are for `amend`.

    With `dry_run` it answers what would be moved, and stores nothing.
    """

    kind: Literal["void", "amend"]
    reason: Reason
    events: Annotated[list[EventGiven], Meta(min_length=1, max_length=MOST_NAMED)] | None = None
    query: QueryGiven | None = None
    changes: Changes | None = None
    dry_run: bool = False


class Undoing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a correction is put back."""

    reason: Reason


class MovedHour(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The team's usage of a meter in an hour (UTC), before and after; null for meters that do not add up."""

    meter: str
    unit: str
    from_: datetime
    to: datetime
    before: str | None
    after: str | None


class MovedPeriod(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The period of an invoice, half-open."""

    from_: datetime
    to: datetime


class MovedInvoice(msgspec.Struct, frozen=True):
    """An invoice whose period has such an hour: it was made of the usage before, and stays as it is."""

    id: UUID
    number: str | None
    status: str
    period: MovedPeriod


class Missing(msgspec.Struct, frozen=True):
    """An event that was named and is not there, by its place in `events` from 0."""

    index: int
    id: str | None
    event_id: UUID | None


class CorrectionMade(msgspec.Struct, frozen=True):
    """What a correction has moved. `id` and `at` are null for a dry run, `undoes` but for an undo.

    `moved` are the first 500 hours of `moved_hours`. Those that are `not_found` may be voided already.
    """

    id: UUID | None
    kind: Kind
    reason: str
    undoes: UUID | None
    at: datetime | None
    events: int
    moved: list[MovedHour]
    moved_hours: int
    invoices: list[MovedInvoice]
    not_found: list[Missing]


class CorrectionView(msgspec.Struct, frozen=True):
    """A correction. `actor` is operator or key, `member` whom the key acted for; `events` counts a sample as one.

    `undoes` is the correction that this puts back, `undone_by` the one that put this back.
    """

    id: UUID
    kind: Kind
    reason: str
    undoes: UUID | None
    undone_by: UUID | None
    at: datetime
    actor: str
    key: UUID | None
    key_prefix: str | None
    member: str | None
    request_id: str | None
    events: int


class StateView(msgspec.Struct, frozen=True):
    """What an event says: its quantity in the meter's unit, and its labels. A `voided` one counts nothing."""

    quantity: str
    member: str | None
    service: str | None
    dimensions: dict[str, str]
    voided: bool


class CorrectedView(msgspec.Struct, frozen=True):
    """An event of a correction, or a segment of a sample, before and after."""

    event_id: UUID
    time: datetime
    meter: str
    unit: str
    before: StateView
    after: StateView


class CorrectionDetail(CorrectionView, frozen=True):
    """A correction with a page of its events, in order of time."""

    items: list[CorrectedView]
    next: str | None


def ordered(given: NewCorrection, zone: ZoneInfo, now: datetime) -> Order:
    """What is asked for. Raises InvalidBody and InvalidParameter for what does not fit together."""
    if (given.events is None) == (given.query is None):
        raise InvalidBody("bring either `events` or `query`")
    if (given.kind == "amend") != (given.changes is not None):
        raise InvalidBody("bring `changes` with `amend`, and with nothing else")
    amendment = None
    if given.changes is not None:
        amendment = Amendment(*(getattr(given.changes, name) for name in Amendment._fields))
        if all(each is UNSET for each in amendment):
            raise InvalidBody("changes: name at least one")
    if given.query is not None:
        return Order(given.reason, _query(given.query, zone, now), amendment)
    named = [_event(each, n, zone, now) for n, each in enumerate(given.events or ())]
    return Order(given.reason, named, amendment)


def _query(given: QueryGiven, zone: ZoneInfo, now: datetime) -> Query:
    asked = dict(given.labels)
    asked |= {name: [value] for name in ("member", "service") if (value := getattr(given, name)) is not None}
    start, end = instant_of("from", given.from_, zone, now), instant_of("to", given.to, zone, now)
    return Query(start, end, tuple(given.meters), filters_of(asked, frozenset()))


def _event(given: EventGiven, place: int, zone: ZoneInfo, now: datetime) -> Named | Known:
    if given.event_id is not None:
        if given.time is None or (given.id, given.source, given.meter, given.from_, given.to) != (None,) * 5:
            raise InvalidBody(f"events[{place}]: bring `event_id` and `time`, and nothing else")
        return Known(given.event_id, given.time)
    if given.id is None:
        raise InvalidBody(f"events[{place}]: bring the `id` it was sent with, or `event_id` and `time`")
    if given.time is not None and (given.from_ or given.to):
        raise InvalidBody(f"events[{place}]: bring its `time`, or a range to look in")
    start = now - LOOKED_BACK if given.from_ is None else instant_of("from", given.from_, zone, now)
    end = now + AHEAD if given.to is None else instant_of("to", given.to, zone, now)
    return Named(given.id, given.source or "", given.meter, given.time, start, end)


def made_view(
    order: tuple[Kind, str],
    outcome: Outcome,
    at: datetime | None,
    *,
    given: Sequence[EventGiven] = (),
    undoes: UUID | None = None,
) -> CorrectionMade:
    """What a correction of this kind, for this reason, has moved or would."""
    return CorrectionMade(
        outcome.public_id,
        *order,
        undoes,
        at,
        outcome.events,
        [_hour(each) for each in outcome.moved.hours],
        outcome.moved.found,
        [invoice_view(each) for each in outcome.moved.invoices],
        [Missing(n, given[n].id, given[n].event_id) for n in outcome.missing],
    )


def correction_view(found: Correction) -> CorrectionView:
    """A correction without its events."""
    return CorrectionView(*found[1:])


def detail(found: Correction, items: list[CorrectedView], following: str | None) -> CorrectionDetail:
    """A correction with a page of its events."""
    return CorrectionDetail(*found[1:], items, following)


def corrected_view(event: CorrectedEvent) -> CorrectedView:
    """An event before and after."""
    return CorrectedView(event.event_id, event.time, event.meter, event.unit, _state(event.before), _state(event.after))


def _state(state: State) -> StateView:
    return StateView(f"{state.quantity:f}", *state[1:])


def _hour(hour: Hour) -> MovedHour:
    return MovedHour(hour.meter, hour.unit, hour.start, hour.end, digits(hour.before), digits(hour.after))


def invoice_view(billed: Billed) -> MovedInvoice:
    """An invoice that usage was billed by."""
    return MovedInvoice(billed.public_id, billed.number, billed.status, MovedPeriod(billed.start, billed.end))


def digits(quantity: Decimal | None) -> str | None:
    """A quantity as answers write it."""
    return None if quantity is None else f"{quantity:f}"
