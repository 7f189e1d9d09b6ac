"""A usage answer as it is sent: a page of items in JSON, or all of them as rows and columns."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

import msgspec
from xxhash import xxh3_64_hexdigest

from api.coverage_view import share_view
from api.formats import Value, instant
from api.paging import cursor_of
from meter.segments import EXACT
from meter.usage import Item, Query, Reading, Usage, plain

HUNDRED = Decimal(100)
PERCENT = Decimal("0.01")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Read(msgspec.Struct, frozen=True):
    """A meter of the answer: what its quantities are counted in, and by which aggregation."""

    meter: str
    unit: str
    aggregation: str


class UsageAnswer(msgspec.Struct, frozen=True):
    """Usage between two instants. `as_of` is when the team's data last changed; group keys stand beside each quantity.

    `coverage`: for how much of the time that series were expected to report there is data, from 0 to 1; that is
    `quarters_seen` of `quarters_expected`, quarters of an hour of each series. All null: nobody knows how much there
    should be. Each item has the coverage of its own range and group.

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
    coverage: str | None
    quarters_seen: int | None
    quarters_expected: int | None
    items: list[dict[str, object]]
    next: str | None


class Row(NamedTuple):
    """An item and the meter it is of, the number of which is its place among those asked for."""

    number: int
    reading: Reading
    item: Item


class Place(NamedTuple):
    """Where a page ended: at an item of a range and a meter, the `shown`th of them, whose group has this mark.

    `asked` is the range of the whole question as that page read it: what `now` was then it stays for all pages.
    """

    asked: tuple[Instant, Instant]
    end: Instant
    start: Instant
    number: int
    shown: Annotated[int, msgspec.Meta(ge=1)]
    group: str


def rows(usage: Usage) -> list[Row]:
    """All items of all meters, by range, then meter in the order asked, then group."""
    found = [Row(number, reading, item) for number, reading in enumerate(usage.readings) for item in reading.items]
    if len(usage.readings) > 1:
        found.sort(key=_order)  # stable: groups stay in order
    return found


def _order(row: Row) -> tuple[datetime, datetime, int]:
    return row.item.end, row.item.start, row.number


def _mark(item: Item) -> str:
    return xxh3_64_hexdigest(msgspec.json.encode((item.group, item.other)))


def _after(found: Sequence[Row], place: Place) -> int:
    """Where the items after a place begin, though there be more of them, or fewer, before it by now."""
    order = place.end, place.start, place.number
    first = bisect_left(found, order, key=_order)
    last = bisect_right(found, order, lo=first, key=_order)
    marked = (number for number in range(first, last) if _mark(found[number].item) == place.group)
    return next(marked, min(first + place.shown, last) - 1) + 1


def _place(found: Sequence[Row], number: int, query: Query) -> Place:
    """The place of the item of that number."""
    row = found[number]
    shown = number - bisect_left(found, _order(row), key=_order) + 1
    return Place((query.start, query.end), row.item.end, row.item.start, row.number, shown, _mark(row.item))


def page(usage: Usage, limit: int, after: Place | None) -> UsageAnswer:
    """The items after a place, `limit` at most."""
    found = rows(usage)
    offset = 0 if after is None else _after(found, after)
    more = offset + limit < len(found)
    query = usage.query
    only = usage.readings[0] if len(usage.readings) == 1 else None
    counts = usage.coverage
    return UsageAnswer(
        meter=only.meter.slug if only else None,
        unit=only.unit if only else None,
        meters=[Read(each.meter.slug, each.unit, each.aggregation) for each in usage.readings],
        from_=query.start,
        to=query.end,
        window=query.window,
        tz=query.zone.key,
        as_of=usage.as_of,
        coverage=share_view(counts),
        quarters_seen=None if counts is None else counts.seen,
        quarters_expected=None if counts is None else counts.expected,
        items=[document(row, usage) for row in found[offset : offset + limit]],
        next=cursor_of(_place(found, offset + limit - 1, usage.query)) if more else None,
    )


def document(row: Row, usage: Usage) -> dict[str, object]:
    """An item as JSON has it."""
    item, query = row.item, usage.query
    shown: dict[str, object] = {
        "from": instant(item.start),
        "to": instant(item.end),
        "quantity": _number(item.quantity),
        "events": item.events,
        "coverage": share_view(item.coverage),
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


def columns(usage: Usage) -> dict[str, type[Value]]:
    """The columns of `table_rows`: their names and kinds."""
    query = usage.query
    found: dict[str, type[Value]] = {"from": datetime, "to": datetime}
    found |= dict.fromkeys([*(["meter"] if len(usage.readings) > 1 else []), *query.group_by], str)
    found |= {"quantity": Decimal, "unit": str, "events": int}
    if query.top is not None:
        found["other"] = bool
    if query.compare:
        found |= {
            "previous_from": datetime,
            "previous_to": datetime,
            "previous_quantity": Decimal,
            "previous_events": int,
        }
    return found | {"coverage": Decimal}


def table_rows(usage: Usage) -> Iterator[list[Value]]:
    """All items as rows of plain values; a quantity is exact, None where there is no data."""
    query = usage.query
    for _, reading, item in rows(usage):
        row: list[Value] = [item.start, item.end]
        if len(usage.readings) > 1:
            row.append(reading.meter.slug)
        row += [*item.group, item.quantity, reading.unit, item.events]
        if query.top is not None:
            row.append(item.other)
        if item.before is not None:
            row += item.before
        row.append(None if item.coverage is None else item.coverage.share)
        yield row


def _number(quantity: Decimal | None) -> str | None:
    return None if quantity is None else plain(quantity)
