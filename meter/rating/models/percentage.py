"""Percentage model: a part of each transaction's amount, with a fixed fee, free events, and bounds for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from meter.rating import charge
from meter.rating.charge import Charge, Measured, Part, part
from meter.rating.money import exact
from meter.rating.usage import Usage, UsageError

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "percentage"
KIND = "usage"
METERED = True
BY_ROW = True
_NONE: Final = Decimal(0)
_HUNDRED: Final = Decimal(100)
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``percent`` of what is left of an event's amount, and ``per_event`` for each that is not wholly free.

    The first ``free_events`` of a period are free, of their amounts ``free_total`` at most; where one of the two is not
    written, the other alone counts. The bounds hold for percentage and fee of an event together.
    """

    percent: Decimal
    per_event: Decimal = _NONE
    free_events: Decimal | None = None
    free_total: Decimal | None = None
    minimum_per_event: Decimal | None = None
    maximum_per_event: Decimal | None = None

    @property
    def bounded(self) -> bool:
        """Tell whether each event has to be looked at by itself."""
        return self.minimum_per_event is not None or self.maximum_per_event is not None


class Event(NamedTuple):
    """What is to be paid for of a row: part of its amount, in base units, and how many of its events."""

    amount: Decimal
    events: int


def read(table: Table) -> Terms:
    """Read ``percent`` and, each optional, the fee, the free part and the bounds of an event. Raises BookError."""
    terms = Terms(
        percent=table.number("percent", such='"2.9"'),
        per_event=table.money("per_event", "0"),
        free_events=table.number("free_events") if table.has("free_events") else None,
        free_total=table.number("free_total") if table.has("free_total") else None,
        minimum_per_event=table.money("minimum_per_event") if table.has("minimum_per_event") else None,
        maximum_per_event=table.money("maximum_per_event") if table.has("maximum_per_event") else None,
    )
    if terms.free_events is not None and terms.free_events % 1:
        table.refuse("free_events", f"{terms.free_events} is not a whole number", "write free_events = 3")
    least, most = terms.minimum_per_event, terms.maximum_per_event
    if least is not None and most is not None and least > most:
        table.refuse("minimum_per_event", f"{least} is above the maximum, {most}", "write a smaller one")
    return terms


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge events in the order of their time, those of one time as given; an event of nothing owes nothing.

    Raises UsageError where the answer would depend on single events and a row is several.
    """
    rows = sorted((row for row in measured.rows if row.quantity), key=lambda row: row.at or _BEGINNING)
    events = tuple(_left_to_pay(terms, rows, measured.divisor))
    free = sum((row.quantity for row in rows), _NONE) - sum((event.amount for event in events), _NONE)
    freed = (part("free", free, _NONE, divisor=measured.divisor),) if free else ()
    return Charge((*freed, *_parts(terms, events, measured.divisor)))


def _left_to_pay(terms: Terms, rows: Sequence[Usage], divisor: Decimal) -> Iterator[Event]:
    """Take off what is free, row by row."""
    seen, left = 0, None if terms.free_total is None else terms.free_total * divisor
    for row in rows:
        events = _events(terms, row)
        free = min(row.quantity, left) if left is not None else row.quantity
        if not _among_the_free(terms, row, seen, events):
            free = _NONE
        if free < row.quantity:
            if free and events != 1 and terms.per_event:
                _refuse(row, "some of them free")
            yield Event(row.quantity - free, events)
        seen += events
        left = None if left is None else left - free


def _events(terms: Terms, row: Usage) -> int:
    """How many events a row is."""
    events = 1 if row.events is None else row.events
    if row.quantity < 0:
        raise UsageError(f"usage of {row.meter}: {row.quantity} is negative, and a refund is no transaction")
    if terms.bounded and events != 1:
        _refuse(row, "each with bounds of its own")
    return events


def _among_the_free(terms: Terms, row: Usage, seen: int, events: int) -> bool:
    if terms.free_events is None:
        return terms.free_total is not None
    if seen < terms.free_events < seen + events:
        _refuse(row, "some of them free")
    return seen + events <= terms.free_events


def _refuse(row: Usage, why: str) -> None:
    raise UsageError(f"usage of {row.meter}: {row.quantity} is {row.events} events, {why}; give a row for each")


def _parts(terms: Terms, events: tuple[Event, ...], divisor: Decimal) -> Iterator[Part]:
    """What is between the bounds pays percentage and fee; what is not, the bound."""
    low, high, between = 0, 0, Event(_NONE, 0)
    for event in events:
        owed = event.amount * terms.percent + event.events * terms.per_event * _HUNDRED * divisor
        if terms.minimum_per_event is not None and owed < terms.minimum_per_event * _HUNDRED * divisor:
            low += 1
        elif terms.maximum_per_event is not None and owed > terms.maximum_per_event * _HUNDRED * divisor:
            high += 1
        else:
            between = Event(between.amount + event.amount, between.events + event.events)
    if between.amount:
        yield part("percent", between.amount, terms.percent, divisor=divisor, per=_HUNDRED)
    if between.events and terms.per_event:
        yield part("per_event", Decimal(between.events), terms.per_event)
    if low and terms.minimum_per_event is not None:
        yield part("minimum_per_event", Decimal(low), terms.minimum_per_event)
    if high and terms.maximum_per_event is not None:
        yield part("maximum_per_event", Decimal(high), terms.maximum_per_event)
