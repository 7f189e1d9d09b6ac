"""Backfills as the API takes and shows them: what a source speaks for, the difference it makes, what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from api.correction_view import Instant, MovedInvoice, Name, Slug, Value, digits, invoice_view
from api.labels import filters_of
from api.names import ONE_LINE
from api.questions import instant_of
from meter.backfill.difference import Amount, Hour, Left
from meter.backfill.model import Backfill, Mode, Order, Phase, State, Tally
from meter.corrections.moved import Billed
from meter.facts import instant

Why = Annotated[str, Meta(min_length=1, max_length=1900, pattern=ONE_LINE, description="Why; it is kept for ever.")]


class NewBackfill(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Of which usage a source speaks: events of `meters` in [`from`, `to`) whose `labels` pass.

    With `replace` the source says all of it: what it has not is voided, what differs is amended, what is missing is
    added. With `add` only what is missing is added, and the rest is told. Labels are written as in a question about
    usage, by member, service and dimensions; a sample held over time lies where it ends.
    """

    from_: Instant
    to: Instant
    meters: Annotated[list[Slug], Meta(min_length=1, max_length=100)]
    reason: Why
    mode: Mode = "replace"
    labels: Annotated[dict[Name, Annotated[list[Value], Meta(min_length=1, max_length=100)]], Meta(max_length=20)] = {}


class Counted(msgspec.Struct, frozen=True):
    """How many events: of the source, stored in the selection, and what became of them, or would.

    `restored` were voided before and count again; `kept` differ and stay as they are (mode `add`); `conflicts` are
    stored with another duration and stay; `moved` are those of `voided` or `kept` that the source has at another time.
    """

    source: int
    stored: int
    same: int
    added: int
    restored: int
    amended: int
    voided: int
    moved: int
    kept: int
    conflicts: int


class TakenBack(msgspec.Struct, frozen=True):
    """How many events were put back, and voided since they had been added; `superseded` ones were left alone."""

    put_back: int
    voided: int
    superseded: int


class BackfillView(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A backfill. `would` is what the last comparison found, `did` what was applied, `undid` what was taken back.

    `as_compared`: whether it did just what it would; null until it is applied. `reached` is the instant that what is
    under way has come to. `failed_in` and `detail` say what could not be done and why: ask for the same step again.
    """

    id: UUID
    state: State
    mode: Mode
    from_: datetime
    to: datetime
    meters: list[str]
    labels: dict[str, list[str]]
    reason: str
    at: datetime
    actor: str
    key: UUID
    key_prefix: str | None
    member: str | None
    request_id: str | None
    changed_at: datetime
    reached: datetime | None
    failed_in: Phase | None
    detail: str | None
    would: Counted | None
    did: Counted | None
    as_compared: bool | None
    undid: TakenBack | None


class AmountView(msgspec.Struct, frozen=True):
    """Events where they end, and their quantity in the hour; null for a meter that does not add up."""

    events: int
    quantity: str | None


class AmendedView(msgspec.Struct, frozen=True):
    """Events that are amended, with what they say in this hour before and after."""

    events: int
    before: str | None
    after: str | None


class DifferenceHour(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """An hour (UTC) of a meter: what is stored in the selection, what the source says, and what would be done."""

    meter: str
    unit: str
    from_: datetime
    to: datetime
    stored: AmountView
    source: AmountView
    added: AmountView
    amended: AmendedView
    voided: AmountView
    kept: int


class LeftView(msgspec.Struct, frozen=True):
    """An event that is left as it is: `id_conflict` or, by an undo, `corrected_since`."""

    time: datetime
    event_id: UUID
    why: str


class Difference(msgspec.Struct, frozen=True):
    """A page of what a backfill would change, or has: its hours, in order of time and meter.

    `invoices` were made of such hours and stay as they are. `left` are the first 100 events that are left alone.
    """

    backfill: BackfillView
    invoices: list[MovedInvoice]
    left: list[LeftView]
    items: list[DifferenceHour]
    next: str | None


def order_of(given: NewBackfill, zone: ZoneInfo, now: datetime) -> Order:
    """What is asked for. Raises InvalidParameter."""
    start, end = instant_of("from", given.from_, zone, now), instant_of("to", given.to, zone, now)
    filters = filters_of(given.labels, frozenset())
    return Order(given.mode, start, end, tuple(dict.fromkeys(given.meters)), filters, given.reason)


def backfill_view(found: Backfill, tallies: dict[tuple[int, Phase], Tally]) -> BackfillView:
    """A backfill with what became of how many events."""
    would, did, undid = (tallies.get((found.id, phase)) for phase in ("comparing", "applying", "undoing"))
    settled = did is not None and found.state not in ("applying", "failed")
    order = found.order
    return BackfillView(
        id=found.public_id,
        state=found.state,
        mode=order.mode,
        from_=order.start,
        to=order.end,
        meters=list(order.meters),
        labels={
            name if op == "in" else f"{name}.{op}": [value or "" for value in values]
            for name, op, values in order.filters
        },
        reason=order.reason,
        at=found.at,
        actor=found.actor,
        key=found.key,
        key_prefix=found.key_prefix,
        member=found.member,
        request_id=found.request_id,
        changed_at=found.changed_at,
        reached=None if found.done is None else instant(found.done[0]),
        failed_in=found.failed_in,
        detail=found.detail,
        would=_counted(would),
        did=_counted(did),
        as_compared=would.effect == did.effect if settled and would and did else None,
        undid=None if undid is None else TakenBack(undid.restored, undid.voided, undid.superseded),
    )


def _counted(tally: Tally | None) -> Counted | None:
    return None if tally is None else Counted(*tally[:-1])


def hour_view(hour: Hour) -> DifferenceHour:
    """An hour of the difference."""
    before, after = hour.amended
    return DifferenceHour(
        hour.meter,
        hour.unit,
        hour.start,
        hour.end,
        _amount(hour.stored),
        _amount(hour.source),
        _amount(hour.added),
        AmendedView(before.events, digits(before.quantity), digits(after.quantity)),
        _amount(hour.voided),
        hour.kept,
    )


def _amount(amount: Amount) -> AmountView:
    return AmountView(amount.events, digits(amount.quantity))


def invoices_view(found: list[Billed]) -> list[MovedInvoice]:
    """The invoices that were made of such hours."""
    return [invoice_view(each) for each in found]


def left_view(found: list[Left]) -> list[LeftView]:
    """The events that are left alone."""
    return [LeftView(*each) for each in found]
