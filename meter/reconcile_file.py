"""What does the other side say? The rows of its file, added up exactly per meter, window and group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from meter.load import mapping
from meter.load.events import Ready, events
from meter.load.mapping import Columns
from meter.load.source import Bad, LoadError, Position, Reader
from meter.model import Event
from meter.reconcile import Amounts, Group, Place
from meter.segments import EXACT
from meter.windows import Window, floor

BATCH = 10_000
REMEMBERED = 100_000
LABELS = ("member", "service")
NO_PART = ("id", "source")  # what tells rows apart; totals need it not, nor attributes
_NO_TIME = "its time can't be read, or has no zone: say which with --tz, as in --tz Europe/Paris"
_decode = msgspec.json.Decoder(Event).decode


class Range(NamedTuple):
    """What is compared: windows of a zone, by which labels, between which instants (None: as far as the file goes)."""

    window: Window
    zone: ZoneInfo
    by: tuple[str, ...]
    start: datetime | None
    end: datetime | None


class Theirs(NamedTuple):
    """What a file comes to: the amounts, and how many rows they were made of."""

    amounts: Amounts
    rows: int


class Row(NamedTuple):
    """One amount of a row of the file."""

    meter: str
    time: datetime
    group: Group
    quantity: Decimal


def fitted(columns: Columns, names: Iterable[str], by: Iterable[str]) -> Columns:
    """The mapping as a comparison needs it: `from` stands for the time, what tells rows apart is left out.

    Columns without a place are left out too: they are of no part. Raises MappingError for a label to compare by that
    no column has, and for durations, which can't be added up.
    """
    names = list(names)
    map_ = {target: column for target, column in columns.map.items() if _has_part(target)}
    set_ = {target: text for target, text in columns.set.items() if _has_part(target)}
    if "time" not in map_ and "time" not in set_ and "time" not in names and "from" in names:
        map_["time"] = "from"
    ignored = list(dict.fromkeys([*columns.ignore, *(name for name in NO_PART if name in names)]))
    found = msgspec.structs.replace(
        mapping.guessed(msgspec.structs.replace(columns, map=map_, set=set_, ignore=ignored), names), others="ignore"
    )
    if "duration_seconds" in {**found.map, **found.set}:
        raise mapping.MappingError("levels with durations can't be compared, totals can: --ignore duration_seconds")
    lacking = [name for name in by if target_of(name) not in {**found.map, **found.set}]
    if lacking:
        raise mapping.MappingError(
            "\n  ".join(f"--by {name}: no column has it; write --map {target_of(name)}=COLUMN" for name in lacking)
        )
    return found


def _has_part(target: str) -> bool:
    return target not in NO_PART and not target.startswith("attributes.")


def target_of(label: str) -> str:
    """The field of an event that a label is: a member, a service, or a dimension by its name."""
    return label if label in LABELS else f"dimensions.{label}"


def theirs(reader: Reader, columns: Columns, asked: Range) -> Theirs:
    """Adds up all rows within the range. Raises LoadError for rows that can't be read: a total without them is none."""
    starts = _starts(asked)
    amounts: dict[Place, Decimal] = {}
    count = 0
    for row in _rows(reader, columns, asked.by):
        start = starts(row.time)
        if (asked.start is None or start >= asked.start) and (asked.end is None or start < asked.end):
            place = Place(row.meter, start, row.group)
            amounts[place] = EXACT.add(amounts.get(place, Decimal(0)), row.quantity)
            count += 1
    if not amounts:
        raise LoadError("no row lies in the range: there is nothing to compare")
    return Theirs(amounts, count)


class _Starts:
    """Where the window of an instant begins; remembered by the minute, which no window is shorter than."""

    def __init__(self, window: Window, zone: ZoneInfo) -> None:
        self._begin = lru_cache(REMEMBERED)(lambda minute: floor(minute, window, zone))

    def __call__(self, instant: datetime) -> datetime:
        return self._begin(instant.replace(second=0, microsecond=0))


def _starts(asked: Range) -> _Starts:
    return _Starts(asked.window, asked.zone)


def _rows(reader: Reader, columns: Columns, by: tuple[str, ...]) -> Iterator[Row]:
    bad: list[Bad] = []
    for batch in reader.batches(Position(), BATCH):
        ready = events(batch, columns, "")
        bad += ready.bad
        yield from _amounts(ready, by, bad)
    if bad:
        first = min(bad)
        more = f"{len(bad):,} rows" if len(bad) > 1 else "a row"
        raise LoadError(f"{more} can't be read; row {first.row}: {first.detail}")


def _amounts(ready: Ready, by: tuple[str, ...], bad: list[Bad]) -> Iterator[Row]:
    """The amounts of a batch; rows that have none are added to `bad`."""
    for number, text in zip(ready.rows, ready.texts, strict=True):
        try:
            yield from _of(_decode(text), by)
        except ValueError as error:  # msgspec's own too
            bad.append(Bad(int(number), "invalid_event", _NO_TIME if "$.time" in str(error) else str(error), None))


def _of(event: Event, by: tuple[str, ...]) -> list[Row]:
    if event.time is None or event.time.tzinfo is None:
        raise ValueError(_NO_TIME)
    several = event.quantities
    found = {event.meter: event.quantity} if several is None else {**several}
    group = tuple(_label(event, name) for name in by)
    return [Row(_meter(meter), event.time, group, _finite(quantity)) for meter, quantity in found.items()]


def _meter(meter: str | None) -> str:
    if meter is None:
        raise ValueError("it has no meter")
    return meter


def _finite(quantity: int | Decimal | None) -> Decimal:
    if quantity is None or not Decimal(quantity).is_finite():
        raise ValueError("it has no quantity that is a number")
    return Decimal(quantity)


def _label(event: Event, name: str) -> str | None:
    if name in LABELS:
        found: str | None = getattr(event, name)
        return found
    return (event.dimensions or {}).get(name)
