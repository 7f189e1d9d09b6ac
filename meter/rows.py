"""Events to packed rows, fast: nearly every event at high volume has one plain shape and a series seen before.

The plain loop decides nothing that `facts.rows` would decide otherwise (a property test holds the two together); it
is here because it costs less than half. Whatever is not plain, or new, goes the long way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

from xxhash import xxh3_128_digest

from meter import facts
from meter.copy_rows import full_row, last_cells, pack_row, plain_row, team_cells
from meter.errors import BatchTooLarge
from meter.facts import PG_EPOCH, Defaults, Horizon
from meter.model import Event, Meter, Refusal, Rejection, SeriesKey
from meter.series import Known

CACHED_NUMBERS = 100_000
MAX_ROWS = 200_000  # one sample of 31 days is 2,977 rows


Wire = tuple[int, bytes, int, bytes]
"""A row ready for COPY: microseconds since 2000, its 16 id bytes, its event's place in the body, and the packed row.

A bare tuple: it sorts by time and id, and a named one would cost as much again as packing it.
"""


class Request(NamedTuple):
    """What a body's events have in common."""

    team_id: int
    meters: Mapping[str, Meter]
    horizon: Horizon
    defaults: Defaults


class Made(NamedTuple):
    """What became of a body before anything is stored: rows, rows of series not known yet, refusals by index."""

    rows: list[Wire]
    pending: list[facts.Row]
    refused: dict[int, Refusal]


class Numbers:
    """Quantities as COPY takes them; most were seen before, so the check and the encoding are remembered."""

    def __init__(self) -> None:
        """Starts empty; never grows past CACHED_NUMBERS. `seen` holds good quantities only."""
        self.seen: dict[Decimal | int | None, bytes] = {}

    def encoded(self, quantity: Decimal | int) -> bytes | Refusal:
        """The last_cells of a row with this quantity, or why it can't be stored."""
        exact = Decimal(quantity)
        refused = facts.quantity_refusal(exact)
        if refused is not None:
            return refused
        if len(self.seen) >= CACHED_NUMBERS:
            self.seen.clear()
        found = self.seen[quantity] = last_cells(exact)
        return found


def make(events: Sequence[Event | Rejection], request: Request, known: Known, numbers: Numbers) -> Made:
    """Rows of all good events; those of series that `known` lacks wait in `pending`. Raises BatchTooLarge."""
    rows, odd = _plain_rows(events, request, known, numbers)
    pending: list[facts.Row] = []
    refused: dict[int, Refusal] = {}
    for index in odd:
        event = events[index]
        if isinstance(event, Rejection):
            refused[index] = Refusal(event.code, event.detail)
            continue
        found = facts.rows(event, index, request.meters, request.horizon, request.defaults)
        if isinstance(found, Refusal):
            refused[index] = found
        elif all(row.series in known.series for row in found):
            rows += pack(found, request.team_id, known.series, numbers)
        else:
            pending += found
        if len(rows) + len(pending) > MAX_ROWS:
            raise BatchTooLarge(f"its samples cover more than {MAX_ROWS} quarters of an hour; send fewer at once")
    return Made(rows, pending, refused)


def _plain_rows(
    events: Sequence[Event | Rejection], request: Request, known: Known, numbers: Numbers
) -> tuple[list[Wire], list[int]]:
    """Rows of the plain events, and the places of the others: whatever is missing, new or odd raises and goes there."""
    suffixes = {slug: b"\0" + slug.encode() for slug, meter in request.meters.items() if _takes_plain(meter)}
    cells, seen = known.cells, numbers.seen
    team, default_member = team_cells(request.team_id), request.defaults.member
    earliest, latest = request.horizon
    rows: list[Wire] = []
    odd: list[int] = []
    for place, event in enumerate(cast("Sequence[Any]", events)):
        try:
            meter, member = event.meter, event.member
            if member is None:
                member = default_member
            if given := event.dimensions:
                series = cells[meter, member, event.service, *given, *given.values()]
            else:
                series = cells[meter, member, event.service]
            last = seen.get(event.quantity) or numbers.encoded(event.quantity)
            since = event.time - PG_EPOCH
            time_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            event_id = event.id.encode()
            named = xxh3_128_digest(b"i\0\0" + event_id + suffixes[meter])
        except (AttributeError, KeyError, TypeError):
            odd.append(place)
            continue
        if (
            event.quantities is None
            and event.attributes is None
            and event.duration_seconds is None
            and event.source is None
            and earliest <= time_us <= latest
            and type(last) is bytes
            and 0 < len(event_id) <= facts.MAX_ID
            and 0 not in event_id  # as a number: searching for bytes in bytes raises and catches an error inside
        ):
            rows.append((time_us, named, place, pack_row(team, time_us, 16, named, series) + last))
        else:
            odd.append(place)
    return rows, odd


def _takes_plain(meter: Meter) -> bool:
    """Whether an event of this meter can be a row without another look: no level, no value to count, not archived."""
    return not meter.time_weighted and meter.unique_of is None and meter.archived_at is None


def pack(rows: Iterable[facts.Row], team_id: int, known: Mapping[SeriesKey, int], numbers: Numbers) -> list[Wire]:
    """Checked rows of known series, ready for COPY."""
    found: list[Wire] = []
    for row in rows:
        last = numbers.seen.get(row.quantity) or numbers.encoded(row.quantity)
        if isinstance(last, Refusal):  # a row must never vanish in silence
            raise TypeError(f"{row.quantity} was not checked before it was packed")
        packed = plain_row(team_id, row.time_us, row.event_id, known[row.series], last)
        if row.covers_us is not None or row.attributes is not None:
            packed = full_row(packed, row.covers_us, row.attributes)
        found.append((row.time_us, row.event_id, row.place, packed))
    return found
