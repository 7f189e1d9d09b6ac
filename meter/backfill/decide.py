"""What becomes of which event? Pure: both sides of a slice in, the fate of each event out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from meter.backfill.model import Mode, Tally
from meter.corrections.decide import Labels, Move, Place, Stored, Target, Twin
from meter.corrections.moved import HOUR_US
from meter.facts import Row
from meter.identity import segment
from meter.model import Meter
from meter.segments import EXACT, split
from meter.statuses import STATUS, billed

ZERO = Decimal(0)
What = Literal["same", "added", "restored", "amended", "voided", "kept", "conflicts"]


class Unit(NamedTuple):
    """An event of the source at the place of its last row; the quantity of a sample is its level.

    `elsewhere`: its id counts at another time of the range.
    """

    row: Row
    elsewhere: bool = False

    @property
    def place(self) -> Place:
        """Where its last row lies."""
        return self.row.time_us, self.row.event_id


class Sides(NamedTuple):
    """A slice: the source's events, what is stored at their places, and what counts in the selection.

    `here` are the rows of each event that counts, its last one last. `twins` are events of the source by the ids of
    those in `here` that it does not have in their places.
    """

    units: Sequence[Unit]
    at: Mapping[Place, Stored]
    here: Sequence[tuple[Stored, ...]]
    labels: Mapping[int, Labels]
    twins: Mapping[bytes, Sequence[Unit]]


class Fate(NamedTuple):
    """What becomes of an event: as the source has it (`rows`), as it is stored, and whether its id is elsewhere too."""

    what: What
    unit: Unit | None
    rows: Sequence[Row]
    stored: Sequence[Stored]
    moved: bool = False

    @property
    def place(self) -> Place:
        """Where the event lies."""
        return self.unit.place if self.unit is not None else self.stored[-1].place


def rows_of(unit: Unit) -> list[Row]:
    """The rows that ingest would make of an event of the source."""
    row = unit.row
    if row.covers_us is None:
        return [row]
    end = row.time_us + 1
    return [
        row._replace(
            time_us=piece.end_us - 1,
            event_id=row.event_id if piece.end_us == end else segment(row.event_id, piece.end_us),
            quantity=piece.quantity,
            covers_us=piece.covers_us,
        )
        for piece in split(row.quantity, end - row.covers_us, end)
    ]


def fates(mode: Mode, sides: Sides, meters: Mapping[str, Meter]) -> list[Fate]:
    """The fate of every event of a slice, each once."""
    taken: set[Place] = set()
    found = [_of_source(mode, unit, sides, meters, taken) for unit in sides.units]
    ends = {unit.place for unit in sides.units}
    return found + [_of_stored(mode, rows, sides) for rows in sides.here if rows[-1].place not in ends]


def _of_source(mode: Mode, unit: Unit, sides: Sides, meters: Mapping[str, Meter], taken: set[Place]) -> Fate:
    rows = rows_of(unit)
    places = [(row.time_us, row.event_id) for row in rows]
    stored = [sides.at[place] for place in places if place in sides.at]
    clash = not taken.isdisjoint(places)
    taken.update(places)
    if clash or (stored and [row.covers_us for row in stored] != [row.covers_us for row in rows]):
        return Fate("conflicts", unit, rows, stored)
    if not stored:
        held = mode == "add" and unit.elsewhere
        return Fate("kept" if held else "added", unit, rows, stored, moved=held)
    labels = sides.labels[stored[-1].series_id]
    if not labels.voided and _same(rows, stored, labels, meters[labels.meter]):
        return Fate("same", unit, rows, stored)
    if mode == "add":
        return Fate("kept", unit, rows, stored)
    return Fate("restored" if labels.voided else "amended", unit, rows, stored)


def _of_stored(mode: Mode, rows: tuple[Stored, ...], sides: Sides) -> Fate:
    """What becomes of an event that the source has not at its place."""
    twins = sides.twins.get(rows[-1].event_id, ())
    places = {row.place for row in rows}
    if any((row.time_us, row.event_id) in places for twin in twins for row in rows_of(twin)):
        return Fate("conflicts", None, (), rows)  # the source's sample would lie on rows of this one
    return Fate("kept" if mode == "add" else "voided", None, (), rows, moved=bool(twins))


def _same(rows: Sequence[Row], stored: Sequence[Stored], labels: Labels, meter: Meter) -> bool:
    key = rows[-1].series
    told = (key.member, key.service, dict(key.dimensions))
    if told != (labels.member, labels.service, labels.dimensions):
        return False
    if not labels.internal and key.failed != _failed(labels, meter):
        return False
    return meter.counts_events or [row.quantity for row in rows] == [row.quantity for row in stored]


def _failed(labels: Labels, meter: Meter) -> bool:
    """Whether a series is of calls that failed by what their attributes say."""
    return not labels.billable and billed(labels.dimensions.get(STATUS), meter.billable_statuses)


def moves(fate: Fate, labels: Mapping[int, Labels], own: tuple[int, bool], meters: Mapping[str, Meter]) -> list[Move]:
    """The rows that a fate changes; what came without a key gets our `own`, a key and whether it is internal."""
    if fate.what == "voided":
        return [Move(row, labels[row.series_id], Twin(row.series_id), row.quantity) for row in fate.stored]
    if fate.what not in ("restored", "amended"):
        return []
    found = [_amended(*pair, labels, own, meters) for pair in zip(fate.stored, fate.rows, strict=True)]
    return [move for move in found if move.to is not None or move.quantity != move.row.quantity]


def _amended(
    stored: Stored, row: Row, labels: Mapping[int, Labels], own: tuple[int, bool], meters: Mapping[str, Meter]
) -> Move:
    was = labels[stored.series_id]
    meter = meters[was.meter]
    quantity = stored.quantity if meter.counts_events else row.quantity
    key_id, internal = own if was.key_id is None else (was.key_id, was.internal)
    stays = not was.voided and _same([row._replace(quantity=stored.quantity)], [stored], was, meter)
    return Move(stored, was, None if stays else Target(key_id, internal, row.series), quantity)


def tally(sides: Sides, found: Iterable[Fate]) -> Tally:
    """How many events of a slice became what."""
    found = list(found)
    counts: dict[str, int] = Counter(fate.what for fate in found)
    counts |= {"source": len(sides.units), "stored": len(sides.here), "moved": sum(fate.moved for fate in found)}
    return Tally(**counts)


@dataclass(slots=True)
class Figures:
    """The difference in one hour of a meter: events where they end, quantities where they lie, in base units."""

    stored_events: int = 0
    stored: Decimal = ZERO
    source_events: int = 0
    source: Decimal = ZERO
    added_events: int = 0
    added: Decimal = ZERO
    amended_events: int = 0
    amended_from: Decimal = ZERO
    amended_to: Decimal = ZERO
    voided_events: int = 0
    voided: Decimal = ZERO
    kept_events: int = 0


Hours = dict[tuple[str, int], Figures]
"""By meter and the hour's start in microseconds since 2000."""


def hours(sides: Sides, found: Iterable[Fate]) -> Hours:
    """What a slice adds to the difference of each hour."""
    by_hour: Hours = defaultdict(Figures)
    for stored in sides.here:
        _sum(by_hour, _parts(stored, sides.labels), "stored", "stored")
    for fate in found:
        source = [(row.series.meter, row.time_us, row.quantity) for row in fate.rows]
        was = list(_parts(fate.stored, sides.labels))
        if source:
            _sum(by_hour, source, "source", "source")
        if fate.what in ("added", "restored"):
            _sum(by_hour, source, "added", "added")
        elif fate.what == "amended":
            _sum(by_hour, was, "amended", "amended_from")
            _sum(by_hour, source, None, "amended_to")
        elif fate.what == "voided":
            _sum(by_hour, was, "voided", "voided")
        elif fate.what != "same":
            _sum(by_hour, source or was, "kept", None)
    return by_hour


def _parts(rows: Iterable[Stored], labels: Mapping[int, Labels]) -> Iterator[tuple[str, int, Decimal]]:
    return ((labels[row.series_id].meter, row.time_us, row.quantity) for row in rows)


def _sum(by_hour: Hours, parts: Iterable[tuple[str, int, Decimal]], events: str | None, quantity: str | None) -> None:
    """Adds the parts of one event: it counts where it ends, its quantities where they lie."""
    for meter, time_us, amount in (parts := list(parts)):
        figures = by_hour[meter, time_us - time_us % HOUR_US]
        if quantity is not None:
            setattr(figures, quantity, EXACT.add(getattr(figures, quantity), amount))
    if events is not None:
        meter, time_us, _ = parts[-1]
        figures = by_hour[meter, time_us - time_us % HOUR_US]
        setattr(figures, f"{events}_events", getattr(figures, f"{events}_events") + 1)
