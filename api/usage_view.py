"""A usage answer as it is sent: a page of items in JSON, or all of them as rows and columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from api.formats import Value, instant
from api.paging import cursor_of
from meter.segments import EXACT
from meter.usage import Item, Reading, Usage, plain

HUNDRED = Decimal(100)
PERCENT = Decimal("0.01")


class Read(msgspec.Struct, frozen=True):
    """A meter of the answer: what its quantities are counted in, and by which aggregation."""

    meter: str
    unit: str
    aggregation: str


class UsageAnswer(msgspec.Struct, frozen=True):
    """Usage between two instants. `as_of` is when the team's data last changed; group keys stand beside each quantity.

    `meter` and `unit` are null where several were asked for; each item then names its meter. With `top`, the item of
    all other groups has `other` true and null labels. With `compare`, each item has the earlier range and the change.
    """

    meter: str | None
    unit: str | None
    meters: list[Read]
    from_: datetime = msgspec.field(name="from")
    to: datetime
    window: str | None
    tz: str
    as_of: datetime | None
    items: list[dict[str, object]]
    next: str | None


class Row(NamedTuple):
    """An item and the meter it is of."""

    reading: Reading
    item: Item


def rows(usage: Usage) -> list[Row]:
    """All items of all meters, by range, then meter in the order asked, then group."""
    if len(usage.readings) == 1:
        return [Row(usage.readings[0], item) for item in usage.readings[0].items]
    found = [Row(reading, item) for reading in usage.readings for item in reading.items]
    found.sort(key=lambda row: (row.item.end, row.item.start))  # stable: meters and groups stay in order
    return found


def page(usage: Usage, limit: int, offset: int) -> UsageAnswer:
    """The items from `offset` on, `limit` at most."""
    found = rows(usage)
    query = usage.query
    only = usage.readings[0] if len(usage.readings) == 1 else None
    return UsageAnswer(
        meter=only.meter.slug if only else None,
        unit=only.unit if only else None,
        meters=[Read(each.meter.slug, each.unit, each.aggregation) for each in usage.readings],
        from_=query.start,
        to=query.end,
        window=query.window,
        tz=query.zone.key,
        as_of=usage.as_of,
        items=[document(row, usage) for row in found[offset : offset + limit]],
        next=cursor_of(offset + limit) if offset + limit < len(found) else None,
    )


def document(row: Row, usage: Usage) -> dict[str, object]:
    """An item as JSON has it."""
    item, query = row.item, usage.query
    shown: dict[str, object] = {
        "from": instant(item.start),
        "to": instant(item.end),
        "quantity": _number(item.quantity),
        "events": item.events,
        **dict(zip(query.group_by, item.group, strict=True)),
    }
    if len(usage.readings) > 1:
        shown["meter"] = row.reading.meter.slug
        shown["unit"] = row.reading.unit
    if query.top is not None:
        shown["other"] = item.other
    if item.before is not None:
        before = item.before
        shown["previous"] = {
            "from": instant(before.start),
            "to": instant(before.end),
            "quantity": _number(before.quantity),
            "events": before.events,
        }
        change, percent = change_of(item.quantity, before.quantity)
        shown["change"] = _number(change)
        shown["change_percent"] = _number(percent)
    return shown


def change_of(now: Decimal | None, before: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """The difference, and in percent of the earlier (two decimals, half up); None where there is no data or no base."""
    if now is None or before is None:
        return None, None
    change = EXACT.subtract(now, before)
    if not before:
        return change, None
    return change, EXACT.quantize(EXACT.multiply(EXACT.divide(change, before), HUNDRED), PERCENT)


def columns(usage: Usage) -> list[str]:
    """The names of the columns of `table_rows`."""
    query = usage.query
    return [
        *("from", "to"),
        *(["meter"] if len(usage.readings) > 1 else []),
        *query.group_by,
        *("quantity", "unit", "events"),
        *(["other"] if query.top is not None else []),
        *(["previous_from", "previous_to", "previous_quantity", "previous_events"] if query.compare else []),
    ]


def table_rows(usage: Usage) -> Iterator[list[Value]]:
    """All items as rows of plain values; a quantity is exact, None where there is no data."""
    query = usage.query
    for reading, item in rows(usage):
        row: list[Value] = [item.start, item.end]
        if len(usage.readings) > 1:
            row.append(reading.meter.slug)
        row += [*item.group, item.quantity, reading.unit, item.events]
        if query.top is not None:
            row.append(item.other)
        if item.before is not None:
            row += item.before
        yield row


def _number(quantity: Decimal | None) -> str | None:
    return None if quantity is None else plain(quantity)
