"""Which of two times of an id is held, and in which words? Pure: what was found and is stored now in, pairs out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from typing import NamedTuple

from meter.corrections.decide import Labels, Place, Stored, earlier
from meter.facts import instant, microseconds
from meter.held.look import Again

BATCH_EVENTS = 1_000
BATCH_ROWS = 50_000


class Pair(NamedTuple):
    """The last rows of one id with two times: the one that came first, and the one that is held."""

    first: Stored
    held: Stored


def places(again: Again) -> tuple[Place, Place]:
    """Where the first one is, and where the later one."""
    event_id = again.event_id.bytes
    return (microseconds(again.first_time), event_id), (microseconds(again.time), event_id)


def pairs(
    found: Iterable[Again],
    stored: Mapping[Place, Stored],
    labels: Mapping[int, Labels],
    held: Collection[Place],
    floor_us: int,
) -> list[Pair]:
    """Those that still are as they were found: both there, the later one counts and was never held.

    The first one counts too, or is held itself; below the floor nothing is changed any more.
    """
    chosen: list[Pair] = []
    for each in found:
        first, later = (stored.get(place) for place in places(each))
        if first is None or later is None or later.start_us < floor_us:
            continue
        if later.place in held or labels[later.series_id].voided:
            continue
        if first.place in held or not labels[first.series_id].voided:
            chosen.append(Pair(first, later))
    return chosen


def batches(chosen: Iterable[Pair]) -> Iterator[list[Pair]]:
    """At most BATCH_EVENTS at once, fewer where samples come to more than BATCH_ROWS rows."""
    batch: list[Pair] = []
    rows = 0
    for pair in chosen:
        size = sum(1 + len(earlier(row)) for row in pair)
        if batch and (len(batch) == BATCH_EVENTS or rows + size > BATCH_ROWS):
            yield batch
            batch, rows = [], 0
        batch.append(pair)
        rows += size
    if batch:
        yield batch


def own(row: Stored, rows: Mapping[Place, Stored]) -> list[Stored]:
    """All rows of the event whose last row this is."""
    return [rows[place] for place in (*earlier(row), row.place) if place in rows]


def quantity(rows: Iterable[Stored]) -> Decimal:
    """What rows come to, in base units."""
    return sum((row.quantity for row in rows), Decimal(0))


def sent_us(row: Stored) -> int:
    """The time that an event was sent with: a sample's last row lies a microsecond before it."""
    return row.time_us + (row.covers_us is not None)


def reason(chosen: Sequence[Pair]) -> str:
    """Why these are held, in plain words: which two times, of the first of them where there are many."""
    first, held = (instant(sent_us(row)).astimezone(UTC).isoformat() for row in chosen[0])
    if len(chosen) == 1:
        return f"this id came with two times: {first} came first and counts, {held} is held until somebody decides"
    return (
        f"{len(chosen)} ids came with two times each: the one that came first counts, the other is held until somebody "
        f"decides; the first of them came with {first}, then with {held}"
    )
