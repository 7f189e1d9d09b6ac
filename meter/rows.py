"""Events to packed rows, fast: nearly every event at high volume has one plain shape and a series seen before.

The plain loop decides nothing that `facts.rows` would decide otherwise (a property test holds the two together); it
is here because it costs a third. Whatever is not plain, or new, goes the long way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

from meter import facts
from meter.copy_rows import full_row, numeric, plain_row
from meter.facts import Defaults, Horizon, microseconds
from meter.model import Event, Meter, Refusal, Rejection, SeriesKey

CACHED_NUMBERS = 100_000


class Wire(NamedTuple):
    """A row ready for COPY; sorts by time and id. `place` is its event's index in the body."""

    time_us: int
    event_id: bytes
    place: int
    packed: bytes


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
        """Starts empty; never grows past CACHED_NUMBERS."""
        self._known: dict[Decimal, bytes | Refusal] = {}

    def encoded(self, quantity: Decimal) -> bytes | Refusal:
        """The binary numeric, or why it can't be stored."""
        if not quantity.is_finite():
            return facts.NOT_FINITE
        known = self._known.get(quantity)
        if known is None:
            if len(self._known) >= CACHED_NUMBERS:
                self._known.clear()
            known = self._known[quantity] = facts.quantity_refusal(quantity) or numeric(quantity)
        return known


def make(
    events: Sequence[Event | Rejection], request: Request, known: Mapping[SeriesKey, int], numbers: Numbers
) -> Made:
    """Rows of all good events; those of series that `known` lacks wait in `pending`."""
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
        elif all(row.series in known for row in found):
            rows += pack(found, request.team_id, known, numbers)
        else:
            pending += found
    return Made(rows, pending, refused)


def _plain_rows(
    events: Sequence[Event | Rejection], request: Request, known: Mapping[SeriesKey, int], numbers: Numbers
) -> tuple[list[Wire], list[int]]:
    """Rows of the plain events, and the indexes of the others."""
    suffixes = {slug: b"\0" + slug.encode() for slug, meter in request.meters.items() if not meter.time_weighted}
    series_of: Mapping[tuple[object, ...], int] = known  # type: ignore[assignment] # a tuple equals its named twin
    team_id, default_member = request.team_id, request.defaults.member
    earliest, latest = request.horizon
    rows: list[Wire] = []
    odd: list[int] = []
    for index, event in enumerate(events):
        if isinstance(event, Rejection) or not _is_plain(event):
            odd.append(index)
            continue
        meter, event_id, time, given = event.meter, event.id, event.time, event.dimensions
        dimensions = () if not given else tuple(given.items()) if len(given) == 1 else tuple(sorted(given.items()))
        series_id = series_of.get((meter, event.member or default_member, event.service, dimensions))
        suffix = suffixes.get(meter)  # type: ignore[arg-type] # _is_plain saw that it is there
        encoded = numbers.encoded(event.quantity)  # type: ignore[arg-type]
        time_us = microseconds(time)  # type: ignore[arg-type]
        if series_id is None or suffix is None or type(encoded) is not bytes or not earliest <= time_us <= latest:
            odd.append(index)
            continue
        named = blake2b(b"i\0\0" + event_id.encode() + suffix, digest_size=16).digest()  # type: ignore[union-attr]
        rows.append((time_us, named, index, plain_row(team_id, time_us, named, series_id, encoded)))  # type: ignore[arg-type]
    return rows, odd


def _is_plain(event: Event) -> bool:
    """Whether an event has an id, a time with its zone, one quantity, and none of the rarer parts."""
    return (
        event.id is not None
        and event.time is not None
        and event.quantity is not None
        and event.meter is not None
        and event.time.tzinfo is not None
        and event.quantities is None
        and event.attributes is None
        and event.duration_seconds is None
        and event.source is None
        and 0 < len(event.id) <= facts.MAX_ID
        and "\0" not in event.id
    )


def pack(rows: Iterable[facts.Row], team_id: int, known: Mapping[SeriesKey, int], numbers: Numbers) -> list[Wire]:
    """Checked rows of known series, ready for COPY."""
    found: list[Wire] = []
    for row in rows:
        encoded = numbers.encoded(row.quantity)
        if isinstance(encoded, Refusal):  # a row must never vanish in silence
            raise TypeError(f"{row.quantity} was not checked before it was packed")
        packed = plain_row(team_id, row.time_us, row.event_id, known[row.series], encoded)
        if row.covers_us is not None or row.attributes is not None:
            packed = full_row(packed, row.covers_us, row.attributes)
        found.append(Wire(row.time_us, row.event_id, row.place, packed))
    return found
