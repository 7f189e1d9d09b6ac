"""Points and the usage they change, in one commit: streams locked, judged by where they stand, written, moved on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

import psycopg

from meter import copy_rows
from meter.database import Connection
from meter.errors import Busy
from meter.facts import instant, microseconds
from meter.points.counting import Head, Kept, Origin, Revision, Row, revise
from meter.points.streams import StreamCache, advance, around, lock
from meter.rows import MAX_ROWS, Wire
from meter.store import NoRoomError, Room, below, copy, hold_floor, touch
from meter.streams import Field
from sql import statement

REVISED = timedelta(days=7)  # how far behind the newest point of its stream a point may lie
ATTEMPTS = 5
_time = attrgetter("time_us")

RefusedPoints = dict[tuple[str, Field, str, str], int]
"""How many points can't be counted, by name and field, code and detail."""


class Work(NamedTuple):
    """The points of one stream that may be taken, in the order they came."""

    stream_id: int
    origin: Origin
    points: list[Kept]
    name: str
    field: Field


class Memory(NamedTuple):
    """What a process remembers between bodies: streams, and where room was made."""

    streams: StreamCache
    room: Room


class Tally(NamedTuple):
    """What became of points: how many were new, how many were there before, which are refused."""

    accepted: int
    duplicates: int
    refused: RefusedPoints


async def commit(conn: Connection, team_id: int, work: Sequence[Work], refused: RefusedPoints, memory: Memory) -> Tally:
    """Writes what the points change, in one transaction that holds their streams; a deadlock with others is retried.

    Only there is known how far back a level reaches that a point ends, hence room may have to be made then.
    """
    tally, rest = Tally(0, 0, defaultdict(int, refused)), work
    while rest:
        done = await _commit_some(conn, team_id, rest, memory)
        rest = rest[done.streams :]
        for why, points in done.tally.refused.items():
            tally.refused[why] += points
        tally = Tally(tally.accepted + done.tally.accepted, tally.duplicates + done.tally.duplicates, tally.refused)
    return tally


class _Done(NamedTuple):
    """What became of the first so many streams."""

    streams: int
    tally: Tally


async def _commit_some(conn: Connection, team_id: int, work: Sequence[Work], memory: Memory) -> _Done:
    """Writes what the points of the first streams change, as many as make MAX_ROWS rows of usage."""
    for _ in range(ATTEMPTS):
        try:
            async with conn.transaction():
                return await _write(conn, team_id, work, memory)
        except psycopg.errors.DeadlockDetected:
            continue  # TimescaleDB writes chunk by chunk, whatever the order of the rows; the other writer goes first
        except NoRoomError as error:
            await memory.room.prepare(conn, error.times_us)
    raise Busy("other writers keep sending the same streams; send it again")


async def _write(conn: Connection, team_id: int, work: Sequence[Work], memory: Memory) -> _Done:
    """Locks, judges and writes."""
    refused: RefusedPoints = defaultdict(int)
    floor = await hold_floor(conn)
    heads = await lock(conn, [each.stream_id for each in work], memory.streams)
    revisions = await _judge(conn, team_id, work, heads, floor, refused)
    kept: dict[int, Revision] = {}
    for each, whole in zip(work, revisions, strict=False):
        # of a gap that reaches behind the floor the zeroes there add nothing: a stream must be able to go on
        revision = whole._replace(rows=[row for row in whole.rows if row.time_us >= floor or row.quantity])
        if any(row.time_us < floor for row in (*revision.gone, *revision.rows)):
            refused[each.name, each.field, *below(floor)] += len(revision.points)
        else:
            kept[each.stream_id] = revision
    memory.room.check(row.time_us for revision in kept.values() for row in revision.rows)
    await _store(conn, team_id, kept)
    accepted = sum(len(found.points) for found in kept.values())
    return _Done(len(revisions), Tally(accepted, sum(found.duplicates for found in revisions), refused))


async def _judge(
    conn: Connection,
    team_id: int,
    work: Sequence[Work],
    heads: dict[int, Head | None],
    floor: int,
    refused: RefusedPoints,
) -> list[Revision]:
    """What the points of the first streams change, of as many as make MAX_ROWS rows.

    Looks at earlier points only of streams that some points come late to.
    """
    window = REVISED // timedelta(microseconds=1)
    timely: list[list[Kept]] = []
    late: dict[int, tuple[int, int]] = {}
    for each in work:
        head = heads[each.stream_id]
        since = floor if head is None else max(floor, head.newest_us - window)
        points = [point for point in each.points if point.time_us >= since]
        timely.append(points)
        if head is not None and points and not _ahead(head, points):
            times = [point.time_us for point in points]
            late[each.stream_id] = min(times), max(times)
    there = await around(conn, team_id, late) if late else {}
    found: list[Revision] = []
    rows = 0
    for each, points in zip(work, timely, strict=True):
        if rows > MAX_ROWS:
            break
        gone = sum(point.time_us < floor for point in each.points)
        if gone:
            refused[each.name, each.field, *below(floor)] += gone
        if len(points) < len(each.points) - gone:
            why = f"points more than {REVISED.days} days behind the newest of their stream change nothing any more"
            refused[each.name, each.field, "too_late", why] += len(each.points) - gone - len(points)
        head = heads[each.stream_id]
        if not points:
            found.append(Revision([], [], [], head or Head(None, None, floor), 0, 0))
            continue
        before = there.get(each.stream_id, head.points() if head else [])
        revision = revise(each.origin, head, before, points)
        if revision.conflicts:
            why = "the stream has another value at that instant; the first one stays"
            refused[each.name, each.field, "id_conflict", why] += revision.conflicts
        found.append(revision)
        rows += len(revision.rows)
    return found


def _ahead(head: Head, points: Sequence[Kept]) -> bool:
    """Whether the head says all that these points need to know: they are newer, or its last value once more."""
    earliest = min(map(_time, points))
    return earliest > head.newest_us or (head.last is not None and earliest == head.last.time_us == head.newest_us)


async def _store(conn: Connection, team_id: int, revisions: dict[int, Revision]) -> None:
    """Points, usage taken back, usage written, heads."""
    changed = {stream_id: revision for stream_id, revision in revisions.items() if revision.points}
    if not changed:
        return
    body = copy_rows.body(
        copy_rows.point_row(team_id, stream_id, point.time_us, point.value, point.reading.id)
        for stream_id, revision in changed.items()
        for point in revision.points
    )
    async with conn.cursor().copy(statement("copy_points")) as sink:
        await sink.write(body)
    await write_usage(
        conn,
        team_id,
        [row for revision in changed.values() for row in revision.gone],
        [row for revision in changed.values() for row in revision.rows],
    )
    await advance(conn, {stream_id: revision.head for stream_id, revision in changed.items()})


async def write_usage(conn: Connection, team_id: int, gone: list[Row], rows: list[Row]) -> None:
    """Takes rows of usage back and writes others, in the caller's transaction; their quarters are touched.

    What was corrected stays as it is: neither taken back nor written anew.
    """
    kept = await _corrected(conn, team_id, [*gone, *rows]) if gone else frozenset()
    if kept:
        gone = [row for row in gone if row[:2] not in kept]
        rows = [row for row in rows if row[:2] not in kept]
    if gone:
        gone.sort()
        times = [instant(row.time_us) for row in gone]
        parameters = {"team_id": team_id, "times": times, "event_ids": [UUID(bytes=row.event_id) for row in gone]}
        await conn.execute(statement("take_back_events"), parameters)
        await touch(conn, team_id, (row.time_us for row in gone))
    if rows:
        await copy(conn, team_id, [_wire(team_id, row) for row in sorted(rows)])


async def _corrected(conn: Connection, team_id: int, rows: list[Row]) -> frozenset[tuple[int, bytes]]:
    """Times and identities of the rows that were corrected; until the transaction ends there come no more."""
    await conn.execute(statement("share_corrections"), {"team_id": team_id})
    places = sorted({(row.time_us, row.event_id) for row in rows})
    parameters = {
        "team_id": team_id,
        "times": [instant(time_us) for time_us, _ in places],
        "event_ids": [UUID(bytes=event_id) for _, event_id in places],
    }
    found = await (await conn.execute(statement("find_standing_corrections"), parameters)).fetchall()
    return frozenset((microseconds(time), event_id.bytes) for time, event_id in found)


def _wire(team_id: int, row: Row) -> Wire:
    last = copy_rows.last_cells(row.quantity)
    packed = copy_rows.plain_row(team_id, row.time_us, row.event_id, row.series_id, last)
    if row.covers_us is not None:
        packed = copy_rows.full_row(packed, row.covers_us, None)
    return row.time_us, row.event_id, 0, packed
