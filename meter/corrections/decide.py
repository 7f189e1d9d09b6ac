"""What becomes of which row? Pure: rows and what is asked in, the rows to write out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from meter import facts
from meter.errors import InvalidBody
from meter.identity import segment
from meter.model import Meter, Refusal, SeriesKey
from meter.segments import QUARTER_US
from meter.statuses import STATUS, billed

Kind = Literal["void", "amend", "undo", "hold", "count", "drop"]
Place = tuple[int, bytes]
"""Microseconds since 2000 and the 16 bytes of an identity: which row of a team."""


class Stored(NamedTuple):
    """A row as it is stored; sorts by time and id."""

    time_us: int
    event_id: bytes
    series_id: int
    quantity: Decimal
    covers_us: int | None

    @property
    def place(self) -> Place:
        """Which row it is."""
        return self.time_us, self.event_id

    @property
    def start_us(self) -> int:
        """When the sample began that the row is a segment of; its own time where it is none."""
        return self.time_us if self.covers_us is None else self.time_us + 1 - self.covers_us


class Labels(NamedTuple):
    """What tells a series apart. `voided`: its events count nothing."""

    series_id: int
    meter: str
    member: str | None
    service: str | None
    dimensions: dict[str, str]
    key_id: int | None
    internal: bool
    billable: bool
    voided: bool


class Amendment(NamedTuple):
    """What an event gets instead; what is UNSET stays. A sample's quantity is its level, as when it was sent."""

    quantity: Decimal | UnsetType = UNSET
    member: str | UnsetType | None = UNSET
    service: str | UnsetType | None = UNSET
    dimensions: Mapping[str, str] | UnsetType = UNSET


class Twin(NamedTuple):
    """Where the voided events of a series lie."""

    series_id: int


class Target(NamedTuple):
    """A series that may have to be made: under which key, what else tells it apart."""

    key_id: int
    internal: bool
    key: SeriesKey


class Move(NamedTuple):
    """A row, whose it is, and what becomes of it: where to (None: it stays in its series), with which quantity."""

    row: Stored
    labels: Labels
    to: Twin | Target | None
    quantity: Decimal

    @property
    def counted(self) -> Decimal:
        """What the row counts afterwards, in base units."""
        return Decimal(0) if isinstance(self.to, Twin) else self.quantity


class Change(NamedTuple):
    """A row to write: as it was looked at, and the series and quantity that it gets."""

    row: Stored
    series_id: int
    quantity: Decimal


def edges(row: Stored) -> Iterator[int]:
    """The quarter edges inside the sample that a row is the last segment of, up to it, in microseconds since 2000."""
    first = row.start_us - row.start_us % QUARTER_US + QUARTER_US
    return iter(range(first, row.time_us + 1, QUARTER_US))


def earlier(row: Stored) -> list[Place]:
    """Where the earlier segments of a sample are, by its last one: each ends at a quarter's edge."""
    if row.covers_us is None:
        return []
    return [(edge - 1, segment(row.event_id, edge)) for edge in edges(row)]


def lasts(rows: Iterable[Stored]) -> dict[Place, Stored]:
    """By the place of each row, the last segment of its sample among these rows; itself for what is no sample."""
    found: dict[Place, Stored] = {}
    together: dict[tuple[int, int], list[Stored]] = defaultdict(list)
    for row in rows:
        if row.covers_us is None:
            found[row.place] = row
        else:
            together[row.series_id, row.start_us].append(row)
    for segments in together.values():
        there = {row.place for row in segments}
        for row in sorted(segments, reverse=True):
            if row.place not in found:
                found[row.place] = row
                found.update(dict.fromkeys(there.intersection(earlier(row)), row))
    return found


def voids(rows: Iterable[Stored], labels: Mapping[int, Labels]) -> list[Move]:
    """Every row that counts, out of what counts."""
    return [
        Move(row, labels[row.series_id], Twin(row.series_id), row.quantity)
        for row in sorted(rows)
        if not labels[row.series_id].voided
    ]


def amends(
    rows: Iterable[Stored],
    labels: Mapping[int, Labels],
    asked: Amendment,
    meters: Mapping[str, Meter],
    zone: ZoneInfo,
) -> list[Move]:
    """Every row that counts and would change, as it shall be.

    Raises InvalidBody where there can be no such event: a quantity out of bounds, a dimension that is not declared.
    """
    counting = [row for row in rows if not labels[row.series_id].voided]
    quantities = _quantities(counting, labels, asked.quantity, meters, zone)
    targets = {id_: _target(labels[id_], asked, meters) for id_ in {row.series_id for row in counting}}
    moves = [
        Move(row, labels[row.series_id], targets[row.series_id], quantities.get(row.place, row.quantity))
        for row in sorted(counting)
    ]
    return [move for move in moves if move.to is not None or move.quantity != move.row.quantity]


def _target(labels: Labels, asked: Amendment, meters: Mapping[str, Meter]) -> Target | None:
    """The series that an amended event belongs to, None for the one it is in."""
    meter = meters[labels.meter]
    status = labels.dimensions.get(STATUS)
    failed = not labels.billable and not labels.internal and billed(status, meter.billable_statuses)
    dimensions = labels.dimensions if asked.dimensions is UNSET else asked.dimensions
    key = SeriesKey(
        labels.meter,
        labels.member if asked.member is UNSET else asked.member,
        labels.service if asked.service is UNSET else asked.service,
        tuple(sorted(dimensions.items())),
        failed,
    )
    if (key.member, key.service, dict(dimensions)) == (labels.member, labels.service, labels.dimensions):
        return None
    refused = facts.series_refusal(key, meters)
    if refused:
        raise InvalidBody(f"changes: {refused.detail}")
    if labels.key_id is None:
        raise InvalidBody("changes: this event came without a key, so only its quantity can be amended")
    if meter.unique_of == facts.MEMBER and key.member is None:
        raise InvalidBody(f"changes: {meter.slug} counts members; an event without one would not count")
    return Target(labels.key_id, labels.internal, key)


def _quantities(
    rows: Sequence[Stored],
    labels: Mapping[int, Labels],
    quantity: Decimal | UnsetType,
    meters: Mapping[str, Meter],
    zone: ZoneInfo,
) -> dict[Place, Decimal]:
    """The quantity that each row gets, in base units; as ingest makes it of the same number."""
    if quantity is UNSET:
        return {}
    found: dict[Place, Decimal] = {}
    for last in set(lasts(rows).values()):
        key = labels[last.series_id]
        meter = meters[key.meter]
        if meter.counts_events:
            raise InvalidBody(f"changes: {meter.slug} counts events, whatever their quantity; void what is too much")
        found |= _as_sent(last, SeriesKey(key.meter, key.member, key.service, ()), meter, quantity, zone)
    return found


def _as_sent(last: Stored, key: SeriesKey, meter: Meter, quantity: Decimal, zone: ZoneInfo) -> dict[Place, Decimal]:
    """The rows that ingest would make of an event whose last row this is, were it sent with that quantity."""
    time_us = last.time_us if last.covers_us is None else last.time_us + 1
    made = facts.meter_rows(facts.Row(time_us, last.event_id, 0, key, quantity, last.covers_us, None), meter, zone)
    if isinstance(made, Refusal):
        raise InvalidBody(f"changes: {made.detail}")
    return {(row.time_us, row.event_id): row.quantity for row in made}


def reversal(changes: Iterable[Change]) -> list[Change]:
    """What puts rows back that a correction has changed."""
    return [
        Change(row._replace(series_id=series_id, quantity=quantity), row.series_id, row.quantity)
        for row, series_id, quantity in changes
    ]
