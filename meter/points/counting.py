"""From the points of one stream to rows of usage. Pure: the same points give the same rows, however they came.

What a point counts depends on its neighbours alone: a counter on the value before it, a level on when the next point
comes. So a late point changes what its neighbours count and nothing else; `revise` says which rows go and which come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from xxhash import xxh3_128_digest

from meter.identity import segment
from meter.segments import EXACT, SECOND_US, STORED, split

Way = Literal["counter", "delta", "level", "measure"]
"""What a point says: how far a count is, what came since the last point, a level held from now on, or a measurement."""

GapRule = Literal["hold", "zero", "exclude"]
USUAL_GAP_US = 300 * SECOND_US
LONGEST_US = 31 * 86_400 * SECOND_US
ZERO = Decimal(0)


class Reading(NamedTuple):
    """How points are counted: to which series, in which way; a value times `multiply` by `divide` is in its base unit.

    A level holds until the next point, at most `gap_us`; what of a longer gap is left has no data (`hold`) or is zero
    (`zero`); with `exclude` nothing is held in a longer gap.
    """

    id: int
    series_id: int
    way: Way
    multiply: Decimal
    divide: Decimal
    gap_rule: GapRule = "hold"
    gap_us: int = USUAL_GAP_US


class Kept(NamedTuple):
    """A point with its reading; without a value it says that the stream has ended."""

    time_us: int
    value: Decimal | None
    reading: Reading


class Row(NamedTuple):
    """A row of usage to be; sorts by time and id."""

    time_us: int
    event_id: bytes
    series_id: int
    quantity: Decimal
    covers_us: int | None


class Origin(NamedTuple):
    """Which stream: its identity, start included, and the instant since which it counts (None: not known)."""

    identity: bytes
    start_us: int | None


class Head(NamedTuple):
    """Where a stream stands: its last value, the end marked after it, its newest point of either kind.

    `closed`: the level of the last value has been counted for all the time that it holds without another point.
    """

    last: Kept | None
    ended_us: int | None
    newest_us: int
    closed: bool = False

    def points(self) -> list[Kept]:
        """What newer points need to know of the stream."""
        if self.last is None:
            return []
        ended = [] if self.ended_us is None else [Kept(self.ended_us, None, self.last.reading)]
        return [self.last, *ended]

    def closes_us(self) -> int | None:
        """When the level of the last value holds no longer, unless another point comes; None where nothing is open."""
        if self.last is None or self.ended_us is not None or self.closed or self.last.reading.way != "level":
            return None
        return self.last.time_us + self.last.reading.gap_us


class Revision(NamedTuple):
    """What points that came change: the new ones, rows to take away and to write, the new head.

    `duplicates` and `conflicts` count points that were there before, with the same value and with another.
    """

    points: list[Kept]
    gone: list[Row]
    rows: list[Row]
    head: Head
    duplicates: int
    conflicts: int


def base(value: Decimal, reading: Reading) -> Decimal:
    """A value in the base unit of its series, rounded to what is stored: of a counter as a whole, so nothing drifts."""
    if reading.divide == 1 and reading.multiply == 1:
        return EXACT.quantize(value, STORED)
    return EXACT.quantize(EXACT.divide(EXACT.multiply(value, reading.multiply), reading.divide), STORED)


def grown(before: Decimal | None, value: Decimal, reading: Reading) -> Decimal:
    """What a counter counts at a value: what came since the one before; all of it when that fell, or there was none."""
    whole = base(value, reading)
    return whole if before is None or value < before else EXACT.subtract(whole, base(before, reading))


def rows_of(origin: Origin, points: Sequence[Kept], *, closed_us: int | None = None) -> Iterator[Row]:
    """The rows that points in order of time come to; `closed_us` is the time of the head, where that is closed."""
    before: Decimal | None = None
    for number, point in enumerate(points):
        if point.value is None:
            continue
        following = points[number + 1].time_us if number + 1 < len(points) else None
        yield from counted(origin, point, before, following, closed_us)
        before = reached(point)


def counted(
    origin: Origin, point: Kept, before: Decimal | None, following: int | None, closed_us: int | None
) -> Iterator[Row]:
    """The rows of one point: by the value before it, and the time of the point that follows, of either kind."""
    time_us, value, reading = point
    if value is None:
        return
    event_id = _identity(origin, time_us)
    if reading.way == "level":
        yield from _held(event_id, point, value, held_us(point, following, closed_us))
    elif reading.way == "measure":
        yield Row(time_us, event_id, reading.series_id, base(value, reading), None)
    elif reading.way == "delta":  # what covers the time before its point lies at the last microsecond of it
        yield Row(time_us - 1, event_id, reading.series_id, base(value, reading), None)
    elif before is not None or counts_whole(origin, time_us):
        yield Row(time_us - 1, event_id, reading.series_id, grown(before, value, reading), None)


def reached(point: Kept) -> Decimal | None:
    """How far a counter had come at a point; what came since the one before says nothing about that."""
    return None if point.reading.way == "delta" else point.value


def counts_whole(origin: Origin, time_us: int) -> bool:
    """Whether the first value of a counter counts, all of it: where it is known since when, and that is some time."""
    return origin.start_us is not None and origin.start_us < time_us


def _identity(origin: Origin, time_us: int) -> bytes:
    return xxh3_128_digest(b"p" + origin.identity + time_us.to_bytes(8, "big", signed=True))


def held_us(point: Kept, following: int | None, closed_us: int | None) -> tuple[int, int]:
    """For how long a level holds, and for how long it is zero after that."""
    reading = point.reading
    if following is None:
        held = reading.gap_us if closed_us == point.time_us and reading.gap_rule != "exclude" else 0
        return held, 0
    span = following - point.time_us
    if span <= reading.gap_us:
        return span, 0
    if reading.gap_rule == "exclude":
        return 0, 0
    return reading.gap_us, min(span - reading.gap_us, LONGEST_US) if reading.gap_rule == "zero" else 0


def _held(event_id: bytes, point: Kept, value: Decimal, holds: tuple[int, int]) -> Iterator[Row]:
    """A level's segments, and the zeroes after them, cut at the quarter edges."""
    held, zero = holds
    until = point.time_us + held
    if held:
        level = EXACT.divide(EXACT.multiply(value, point.reading.multiply), point.reading.divide)
        yield from _segments(event_id, point, level, (point.time_us, until))
    if zero:
        yield from _segments(xxh3_128_digest(b"z" + event_id), point, ZERO, (until, until + zero))


def _segments(event_id: bytes, point: Kept, level: Decimal, between: tuple[int, int]) -> Iterator[Row]:
    start, end = between
    for piece in split(level, start, end):
        named = event_id if piece.end_us == end else segment(event_id, piece.end_us)
        yield Row(piece.end_us - 1, named, point.reading.series_id, piece.quantity, piece.covers_us)


def revise(origin: Origin, head: Head | None, before: Sequence[Kept], came: Sequence[Kept]) -> Revision:
    """What the points that came change, beside those that were there `before`; of two at one instant the first stays.

    `before` is in order of time and leaves out none between the last value before the earliest that came and the first
    value (or else the first end) after the latest.
    """
    if len(came) == 1 and len(before) == 1 and head is not None and _follows(head, came[0]):
        return _followed(origin, before[0], came[0])
    there = {point.time_us: point.value for point in before}
    new: list[Kept] = []
    duplicates = conflicts = 0
    for point in came:
        if point.time_us not in there:
            there[point.time_us] = point.value
            new.append(point)
        elif there[point.time_us] == point.value:
            duplicates += 1
        else:
            conflicts += 1
    new.sort()
    merged = sorted([*before, *new], key=_time)
    closed_us = head.last.time_us if head and head.last and head.closed else None
    old_rows = set(rows_of(origin, before, closed_us=closed_us))
    new_rows = set(rows_of(origin, merged, closed_us=closed_us)) if new else old_rows
    return Revision(
        new, sorted(old_rows - new_rows), sorted(new_rows - old_rows), _head(head, merged), duplicates, conflicts
    )


def _follows(head: Head, point: Kept) -> bool:
    """Whether a value comes after the last one of an open stream: what nearly every point does."""
    return point.value is not None and not head.closed and head.ended_us is None and point.time_us > head.newest_us


def _followed(origin: Origin, last: Kept, point: Kept) -> Revision:
    """What a value changes that follows the last one: a level held until now, and what it counts itself."""
    held = counted(origin, last, None, point.time_us, None) if last.reading.way == "level" else ()
    rows = [*held, *counted(origin, point, reached(last), None, None)]
    return Revision([point], [], rows, Head(point, None, point.time_us), 0, 0)


def _time(point: Kept) -> int:
    return point.time_us


def _head(head: Head | None, merged: Sequence[Kept]) -> Head:
    """Where the stream stands after points have come."""
    old = head or Head(None, None, merged[0].time_us)
    last = next((point for point in reversed(merged) if point.value is not None), None)
    if last is None or (old.last is not None and old.last.time_us > last.time_us):
        last = old.last
    moved = last is not None and (old.last is None or old.last.time_us != last.time_us)
    ends = [point.time_us for point in merged if point.value is None and last and point.time_us > last.time_us]
    if not moved and old.ended_us is not None:
        ends.append(old.ended_us)
    newest = max(old.newest_us, merged[-1].time_us)
    return Head(last, min(ends, default=None), newest, old.closed and not moved and not ends)
