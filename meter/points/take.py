"""Points in: each stream's are added to those it has, and what they change of the usage goes in the same commit.

One way for all protocols, as for events: room and names first, each in a transaction of its own; then the streams are
locked in order of their ids, judged by what they stand at, and written. What is sent again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout
from xxhash import xxh3_128_digest

from meter import copy_rows
from meter.database import Connection, Pool
from meter.errors import Busy
from meter.facts import MAX_DIGITS, Horizon, instant, microseconds, quantity_refusal, size_refusal, time_refusal
from meter.ingest import AHEAD
from meter.mapping.route import Mapped
from meter.model import Caller, Meter, Refusal, SeriesKey, Team
from meter.points.counting import LONGEST_US, Head, Kept, Origin, Reading, Revision, Row, base, revise
from meter.points.streams import Sent, StreamCache, advance, around, lock, resolve_readings, resolve_streams
from meter.rows import Wire
from meter.segments import EXACT, SECOND_US
from meter.series import SeriesCache, resolve
from meter.store import NoRoomError, Room, below, copy, hold_floor, touch
from meter.streams import Point, Stream
from sql import statement

REVISED = timedelta(days=7)  # how far behind the newest point of its stream a point may lie
ATTEMPTS = 5
FINEST = Decimal("1e-24")  # of a value as it is sent; binary fractions reach far below what anybody counts
_LONGEST_S = Decimal(LONGEST_US // SECOND_US)
_time = attrgetter("time_us")


class Work(NamedTuple):
    """The points of one stream that may be taken, in the order they came."""

    stream_id: int
    origin: Origin
    points: list[Kept]
    name: str


class Tally(NamedTuple):
    """What became of points: how many were new, how many were there before; refused by name, code and detail."""

    accepted: int
    duplicates: int
    refused: dict[tuple[str, str, str], int]


class Points:
    """The one way in for points, one per process: remembers ids between bodies."""

    def __init__(self, pool: Pool, past_days: int) -> None:
        """Takes points through `pool`; their times may lie `past_days` back."""
        self._pool = pool
        self._past = timedelta(days=past_days)
        self._series = SeriesCache()
        self._streams = StreamCache()
        self._room = Room()

    async def take(
        self,
        team: Team,
        caller: Caller,
        source: str,
        streams: Sequence[tuple[Stream, Mapped]],
        meters: dict[str, Meter],
        now: datetime,
    ) -> Tally:
        """Counts the points of mapped streams exactly once.

        Raises Busy when nothing could be committed; the same body may then be sent again.
        """
        refused: dict[tuple[str, str, str], int] = defaultdict(int)
        horizon = Horizon(microseconds(now - self._past), microseconds(now + AHEAD))
        try:
            async with self._pool.connection() as conn:
                work = await self._work(conn, team, caller, source, streams, (meters, horizon, refused))
                await self._room.prepare(conn, {point.time_us for each in work for point in each.points})
                return await _commit(conn, team.id, work, refused, self._room)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Busy("nothing of this body was stored; send it again") from error

    async def _work(
        self,
        conn: Connection,
        team: Team,
        caller: Caller,
        source: str,
        streams: Sequence[tuple[Stream, Mapped]],
        rules: tuple[dict[str, Meter], Horizon, dict[tuple[str, str, str], int]],
    ) -> list[Work]:
        """The points to judge, by stream; those that can't be counted whatever there is are refused here."""
        meters, horizon, refused = rules
        sent = [_sent(stream, target) for stream, target in streams]
        series = await self._series_ids(conn, team.id, caller, {each.target.series for each in sent}, meters)
        ids = await resolve_streams(conn, team.id, source, sent, self._streams)
        recipes = [(ids[each.identity], each.target, series[each.target.series]) for each in sent]
        readings = await resolve_readings(conn, recipes, self._streams)
        self._streams.trim()
        work: dict[int, Work] = {}
        for each, recipe in zip(sent, recipes, strict=True):
            name = each.stream.name
            mine = work.setdefault(recipe[0], Work(recipe[0], Origin(each.identity, each.start_us), [], name))
            for point in map(_plain, each.stream.points):
                why = _unfit(point, readings[recipe], horizon)
                if why is None:
                    mine.points.append(Kept(*point, readings[recipe]))
                else:
                    refused[name, *why] += 1
        return [work[stream_id] for stream_id in sorted(work) if work[stream_id].points]

    async def _series_ids(
        self, conn: Connection, team_id: int, caller: Caller, keys: set[SeriesKey], meters: dict[str, Meter]
    ) -> dict[SeriesKey, int]:
        known = self._series.of(team_id, caller.key_id, meters)
        if not keys <= known.keys():
            known.update(await resolve(conn, team_id, caller, keys - known.keys(), meters))
        return known


def _sent(stream: Stream, target: Mapped) -> Sent:
    """A stream with its whole identity: counters that count since another instant are another one."""
    if target.way != "counter" or not target.trusts_starts or stream.start_us is None:
        return Sent(stream, target, stream.identity, None)
    start = stream.start_us.to_bytes(8, "big", signed=True)
    return Sent(stream, target, xxh3_128_digest(stream.identity + start), stream.start_us)


def _plain(point: Point) -> Point:
    """The point with its value to 24 decimals; what is too large to be written like that is left to be refused."""
    value = point.value
    if value is None or not value.is_finite() or value.adjusted() >= MAX_DIGITS:
        return point
    return Point(point.time_us, EXACT.quantize(value, FINEST))


def _unfit(point: Point, reading: Reading, horizon: Horizon) -> Refusal | None:
    """Why a point can't be counted, whatever there is of its stream: too large, too old, or ahead of us."""
    if point.value is not None:
        refused = size_refusal(point.value) or _too_much(point.value, reading)
        if refused:
            return refused
    return time_refusal(point.time_us, horizon)


def _too_much(value: Decimal, reading: Reading) -> Refusal | None:
    """Why what a value comes to can't be stored, held for the longest time where it is a level."""
    whole = base(value, reading)
    return quantity_refusal(EXACT.multiply(whole, _LONGEST_S) if reading.way == "level" else whole)


async def _commit(
    conn: Connection, team_id: int, work: Sequence[Work], refused: dict[tuple[str, str, str], int], room: Room
) -> Tally:
    """Writes what the points change, in one transaction that holds their streams; a deadlock with others is retried.

    Only there is known how far back a level reaches that a point ends, hence room may have to be made then.
    """
    for _ in range(ATTEMPTS):
        told: dict[tuple[str, str, str], int] = defaultdict(int, refused)
        try:
            async with conn.transaction():
                accepted, duplicates = await _write(conn, team_id, work, told, room)
        except psycopg.errors.DeadlockDetected:
            continue  # TimescaleDB writes chunk by chunk, whatever the order of the rows; the other writer goes first
        except NoRoomError as error:
            await room.prepare(conn, error.times_us)
            continue
        return Tally(accepted, duplicates, told)
    raise Busy("other writers keep sending the same streams; send it again")


async def _write(
    conn: Connection, team_id: int, work: Sequence[Work], refused: dict[tuple[str, str, str], int], room: Room
) -> tuple[int, int]:
    """Locks, judges and writes; how many points were new and how many there before."""
    floor = await hold_floor(conn)
    standing = await lock(conn, [each.stream_id for each in work])
    heads = {stream_id: each.head for stream_id, each in standing.items()}
    revisions = await _judge(conn, team_id, work, heads, refused)
    kept: dict[int, Revision] = {}
    for each, revision in zip(work, revisions, strict=True):
        if any(row.time_us < floor for row in (*revision.gone, *revision.rows)):
            refused[each.name, *below(floor)] += len(revision.points)
        else:
            kept[each.stream_id] = revision
    room.check(row.time_us for revision in kept.values() for row in revision.rows)
    await _store(conn, team_id, kept)
    return sum(len(found.points) for found in kept.values()), sum(found.duplicates for found in revisions)


async def _judge(
    conn: Connection,
    team_id: int,
    work: Sequence[Work],
    heads: dict[int, Head | None],
    refused: dict[tuple[str, str, str], int],
) -> list[Revision]:
    """What the points of each stream change; looks at earlier points only of streams that some points come late to."""
    window = REVISED // timedelta(microseconds=1)
    timely: list[list[Kept]] = []
    late: dict[int, tuple[int, int]] = {}
    for each in work:
        head = heads[each.stream_id]
        points = each.points if head is None else [p for p in each.points if p.time_us >= head.newest_us - window]
        if len(points) < len(each.points):
            why = f"points more than {REVISED.days} days behind the newest of their stream change nothing any more"
            refused[each.name, "too_late", why] += len(each.points) - len(points)
        timely.append(points)
        if head is not None and points and not _ahead(head, points):
            times = [point.time_us for point in points]
            late[each.stream_id] = min(times), max(times)
    there = await around(conn, team_id, late) if late else {}
    found: list[Revision] = []
    for each, points in zip(work, timely, strict=True):
        head = heads[each.stream_id]
        before = there.get(each.stream_id, head.points() if head else [])
        revision = revise(each.origin, head, before, points)
        if revision.conflicts:
            why = "the stream has another value at that instant; the first one stays"
            refused[each.name, "id_conflict", why] += revision.conflicts
        found.append(revision)
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
    """Takes rows of usage back and writes others, in the caller's transaction; their quarters are touched."""
    if gone:
        gone.sort()
        times = [instant(row.time_us) for row in gone]
        parameters = {"team_id": team_id, "times": times, "event_ids": [UUID(bytes=row.event_id) for row in gone]}
        await conn.execute(statement("take_back_events"), parameters)
        await touch(conn, team_id, (row.time_us for row in gone))
    if rows:
        await copy(conn, team_id, [_wire(team_id, row) for row in sorted(rows)])


def _wire(team_id: int, row: Row) -> Wire:
    packed = copy_rows.plain_row(team_id, row.time_us, row.event_id, row.series_id, copy_rows.numeric(row.quantity))
    if row.covers_us is not None:
        packed = copy_rows.full_row(packed, row.covers_us, None)
    return row.time_us, row.event_id, 0, packed
