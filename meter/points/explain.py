"""What was made of each point of a series, and why: computed again as it was counted, told in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from meter.database import Connection
from meter.errors import NotFound
from meter.facts import instant, microseconds
from meter.points.counting import Kept, Origin, counted, counts_whole, held_us, reached
from meter.points.streams import around
from meter.segments import SECOND_US
from meter.usage import plain
from sql import statement

LAST = datetime(2200, 1, 1, tzinfo=UTC)


class StreamOf(NamedTuple):
    """A stream as its sender tells it apart; `closed_us` is the time of its last value, where that is closed."""

    id: int
    public_id: UUID
    source: str
    name: str
    field: str
    kind: str
    unit: str
    labels: dict[str, str]
    started_at: datetime | None
    closed_us: int | None


class Told(NamedTuple):
    """A point, what it came to in the base unit of its series (None: nothing), over which time, and why."""

    stream: StreamOf
    series_id: int
    time: datetime
    value: Decimal | None
    way: str
    counted: Decimal | None
    covers: tuple[datetime, datetime] | None
    why: str


class Place(NamedTuple):
    """Where a page of points ends: everything after it is older, or of an earlier stream."""

    time: datetime
    stream_id: int


class Points(NamedTuple):
    """Points of a series, newest first; what they came to, divided by `divisor`, is in `unit`."""

    unit: str
    divisor: Decimal
    points: list[Told]


async def points_of(
    conn: Connection, team_id: int, series: UUID, members: tuple[str, ...] | None, before: Place | None, rows: int
) -> Points:
    """The newest points that count to a series of these members (None: of all), at most `rows`, from before a place.

    Raises NotFound when there is no such series.
    """
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        asked = {"team_id": team_id, "public_id": series, "members": None if members is None else list(members)}
        found = await (await conn.execute(statement("find_series_id"), asked)).fetchone()
        if found is None:
            raise NotFound("there is no such series")
        series_id, unit, divisor, per_month = found
        last = before or Place(LAST, 0)
        page = {
            "team_id": team_id,
            "series_id": series_id,
            "before": last.time,
            "before_id": last.stream_id,
            "rows": rows,
        }
        newest = await (await conn.execute(statement("list_series_points"), page)).fetchall()
        told = await _told(conn, team_id, [(stream_id, microseconds(time)) for stream_id, time in newest])
    return Points(f"{unit}, times the seconds of the month" if per_month else unit, divisor, told)


async def _told(conn: Connection, team_id: int, newest: Sequence[tuple[int, int]]) -> list[Told]:
    """These points, each explained by its neighbours."""
    between: dict[int, tuple[int, int]] = {}
    for stream_id, time_us in newest:
        lo, hi = between.get(stream_id, (time_us, time_us))
        between[stream_id] = min(lo, time_us), max(hi, time_us)
    asked = {"team_id": team_id, "streams": list(between)}
    listed = await (await conn.execute(statement("list_series_streams"), asked)).fetchall()
    streams = {row[0]: _stream(row) for row in listed}
    explained: dict[tuple[int, int], Told] = {}
    for stream_id, points in (await around(conn, team_id, between)).items():
        explained |= {(stream_id, us): told for us, told in explain(streams[stream_id], points).items()}
    return [explained[place] for place in newest]


def _stream(row: Sequence[Any]) -> StreamOf:
    *named, labels, started_at, last_time, closed = row
    closed_us = microseconds(last_time) if closed else None
    return StreamOf._make((*named, msgspec.json.decode(labels, type=dict[str, str]), started_at, closed_us))


def explain(stream: StreamOf, points: Sequence[Kept]) -> dict[int, Told]:
    """What each point came to, by its time; of the first one what holds if there is none before it. Pure."""
    origin = Origin(stream.public_id.bytes, None if stream.started_at is None else microseconds(stream.started_at))
    found: dict[int, Told] = {}
    before: Kept | None = None
    for number, point in enumerate(points):
        following = points[number + 1] if number + 1 < len(points) else None
        found[point.time_us] = _explained(stream, origin, point, (before, following))
        before = before if point.value is None else point
    return found


def _explained(stream: StreamOf, origin: Origin, point: Kept, near: tuple[Kept | None, Kept | None]) -> Told:
    before, following = near
    value = None if before is None else reached(before)
    rows = list(counted(origin, point, value, following.time_us if following else None, stream.closed_us))
    came_to = sum((row.quantity for row in rows), Decimal(0)) if rows else None
    because = _why_level if point.reading.way == "level" else _why
    covers, why = because(stream, origin, point, near)
    time, reading = instant(point.time_us), point.reading
    return Told(stream, reading.series_id, time, point.value, reading.way, came_to, covers if rows else None, why)


Why = tuple[tuple[datetime, datetime] | None, str]
ALONE = {"measure": "a measurement at its time", "delta": "what came since the point before, as its sender says"}
ENDED = "the sender says that the stream has ended"


def _why(stream: StreamOf, origin: Origin, point: Kept, near: tuple[Kept | None, Kept | None]) -> Why:
    """Which time the count of a point covers, and why it is what it is."""
    before, time = near[0], instant(point.time_us)
    if point.value is None:
        return None, ENDED
    if point.reading.way in ALONE:
        return None, ALONE[point.reading.way]
    earlier = None if before is None else reached(before)
    if before is None or earlier is None:
        if stream.started_at is not None and counts_whole(origin, point.time_us):
            return (stream.started_at, time), "the first value: all that was counted since the start"
        return None, "the first value, and nobody knows since when it was counted: it counts nothing"
    return _since(point, point.value, before, earlier)


def _since(point: Kept, value: Decimal, before: Kept, earlier: Decimal) -> Why:
    covers = instant(before.time_us), instant(point.time_us)
    if value < earlier:
        return covers, f"it fell from {plain(earlier)}, so it counts anew from zero"
    return covers, f"the difference to {plain(earlier)}"


def _why_level(stream: StreamOf, _: Origin, point: Kept, near: tuple[Kept | None, Kept | None]) -> Why:
    """For how long a level holds, and why no longer."""
    following, reading = near[1], point.reading
    if point.value is None:
        return None, ENDED
    held, zero = held_us(point, following.time_us if following else None, stream.closed_us)
    covers = instant(point.time_us), instant(point.time_us + held + zero)
    gap = f"{reading.gap_us / SECOND_US:g} s"
    if following is None:
        closed = stream.closed_us == point.time_us
        return covers, f"nothing followed within {gap}" if closed else "it is counted once the next point comes"
    if following.time_us - point.time_us <= reading.gap_us:
        return covers, "the stream ended then" if following.value is None else "held until the next point"
    what = {
        "hold": f"held for {gap}; the rest of the gap has no data",
        "zero": f"held for {gap}; zero for the rest of the gap",
        "exclude": f"nothing is held in a gap of more than {gap}",
    }
    return covers, what[reading.gap_rule]
