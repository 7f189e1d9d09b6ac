"""Streams and readings in the database: found or made once, remembered, locked, and moved on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from meter.database import Connection
from meter.facts import instant, microseconds
from meter.mapping.route import Mapped
from meter.mapping.unmapped import jsonb, storable
from meter.packed import Bigints, Numerics
from meter.points.counting import Head, Kept, Origin, Reading
from meter.streams import Stream
from sql import statement

CACHED = 500_000  # streams and recipes, some hundred bytes each
Recipe = tuple[int, Mapped, int]
"""What a reading is made of: a stream, where it counts to, and the id of that series."""


class Sent(NamedTuple):
    """A stream as it came, where it counts to, and its identity with its start in it."""

    stream: Stream
    target: Mapped
    identity: bytes
    start_us: int | None
    bare: bytes  # the identity without the start


class Known(NamedTuple):
    """A stream that has been resolved: where it counted to then, by which key, its id and its reading."""

    target: Mapped
    key_id: int
    stream_id: int
    reading: Reading
    origin: Origin


class StreamCache:
    """What a process remembers of streams between bodies; neither streams nor readings are ever removed."""

    def __init__(self) -> None:
        """Starts empty; starts anew past CACHED."""
        self._known: dict[tuple[int, bytes], Known] = {}
        self._readings: dict[int, Reading] = {}

    def find(self, team_id: int, key_id: int, sent: Sent) -> Known | None:
        """What is known of a stream that counts to the same as before, under the same key."""
        known = self._known.get((team_id, sent.identity))
        if known is None or known.key_id != key_id or (known.target is not sent.target and known.target != sent.target):
            return None
        return known

    def keep(self, team_id: int, identity: bytes, known: Known) -> None:
        """Remembers a stream."""
        if len(self._known) + len(self._readings) > CACHED:
            self._known.clear()
            self._readings.clear()
        self._known[team_id, identity] = known
        self._readings[known.reading.id] = known.reading

    async def readings(self, conn: Connection, wanted: set[int]) -> Mapping[int, Reading]:
        """Readings by their ids."""
        known = {row_id: found for row_id in wanted if (found := self._readings.get(row_id))}
        missing = wanted - known.keys()
        if missing:
            listed = await conn.execute(statement("list_readings"), {"readings": Bigints(sorted(missing))})
            known |= {row[0]: Reading._make(row) for row in await listed.fetchall()}
        return known


async def continued(conn: Connection, team_id: int, sent: Sequence[Sent]) -> list[Sent]:
    """The streams as they are known: one that says now since when it counts goes on as it was, where it is older."""
    started = [each for each in sent if each.start_us is not None]
    if not started:
        return list(sent)
    asked = {
        "team_id": team_id,
        "identities": [UUID(bytes=each.identity) for each in started],
        "bare": [UUID(bytes=each.bare) for each in started],
        "started": [instant(each.start_us) for each in started if each.start_us is not None],
    }
    rows = await (await conn.execute(statement("find_continued"), asked)).fetchall()
    older = {identity.bytes for (identity,) in rows}
    return [each._replace(identity=each.bare, start_us=None) if each.identity in older else each for each in sent]


async def resolve_streams(conn: Connection, team_id: int, source: str, sent: Sequence[Sent]) -> dict[bytes, int]:
    """The id of each stream by its identity, made where missing, in transactions of their own."""
    each_once = {each.identity: each for each in sent}
    ordered = [each_once[identity] for identity in sorted(each_once)]
    parameters = {
        "team_id": team_id,
        "source": source,
        "identities": [UUID(bytes=each.identity) for each in ordered],
        "names": [storable(each.stream.name) for each in ordered],
        "fields": [each.stream.field for each in ordered],
        "kinds": [each.stream.kind for each in ordered],
        "units": [storable(each.stream.unit) for each in ordered],
        "labels": [jsonb(each.stream.labels) for each in ordered],
        "started": [None if each.start_us is None else instant(each.start_us) for each in ordered],
    }
    await conn.execute(statement("register_streams"), parameters)
    found = await (await conn.execute(statement("find_streams"), parameters)).fetchall()
    await conn.execute(statement("register_heads"), {"streams": Bigints(sorted(stream_id for _, stream_id in found))})
    return {identity.bytes: stream_id for identity, stream_id in found}


async def resolve_readings(conn: Connection, recipes: Sequence[Recipe]) -> list[Reading]:
    """The reading of each recipe, kept where missing, in a transaction of its own."""
    targets = [target for _, target, _ in recipes]
    parameters = {
        "streams": Bigints([stream_id for stream_id, _, _ in recipes]),
        "series": Bigints([series_id for _, _, series_id in recipes]),
        "ways": [target.way for target in targets],
        "multiply": [target.multiply for target in targets],
        "divide": [target.divide for target in targets],
        "gap_rules": [target.gap_rule for target in targets],
        "gaps_us": Bigints([target.gap_us for target in targets]),
    }
    await conn.execute(statement("register_readings"), parameters)
    found: dict[int, int] = dict(await (await conn.execute(statement("find_readings"), parameters)).fetchall())
    return [_reading(recipe, found[place]) for place, recipe in enumerate(recipes, 1)]


def _reading(recipe: Recipe, reading_id: int) -> Reading:
    _, target, series_id = recipe
    return Reading(reading_id, series_id, target.way, target.multiply, target.divide, target.gap_rule, target.gap_us)


async def lock(conn: Connection, streams: Sequence[int], cache: StreamCache) -> dict[int, Head | None]:
    """Where these streams stand (None: no point has come); nobody else writes to them until the transaction ends."""
    asked = {"streams": Bigints(streams)}
    await conn.execute(statement("lock_streams"), asked)
    rows = await (await conn.execute(statement("list_heads"), asked)).fetchall()
    readings = await cache.readings(conn, {row[3] for row in rows if row[3] is not None})
    return {row[0]: _head(row, readings) for row in rows}


def _head(row: Sequence[Any], readings: Mapping[int, Reading]) -> Head | None:
    _, last_us, value, reading_id, ended_us, newest_us, closed = row
    if newest_us is None:
        return None
    return Head(None if last_us is None else Kept(last_us, value, readings[reading_id]), ended_us, newest_us, closed)


async def lock_due(conn: Connection, now: datetime, most: int) -> dict[int, Standing]:
    """Streams whose level is due to be closed, and where they stand; not those that somebody writes to just now."""
    due = await (await conn.execute(statement("lock_due_streams"), {"now": now, "most": most})).fetchall()
    streams = [stream_id for (stream_id,) in due]
    if not streams:
        return {}
    heads = await lock(conn, streams, StreamCache())
    rows = await (await conn.execute(statement("list_origins"), {"streams": Bigints(streams)})).fetchall()
    return {
        stream_id: Standing(
            team_id, Origin(identity.bytes, None if started is None else microseconds(started)), heads[stream_id]
        )
        for stream_id, team_id, identity, started in rows
    }


class Standing(NamedTuple):
    """A stream of a team and where it stands, None where no point has come yet."""

    team_id: int
    origin: Origin
    head: Head | None


async def around(conn: Connection, team_id: int, between: Mapping[int, tuple[int, int]]) -> dict[int, list[Kept]]:
    """Of each stream the points from the last value before one instant to the first after another, in order."""
    asked = {
        "team_id": team_id,
        "streams": list(between),
        "earliest": [instant(earliest) for earliest, _ in between.values()],
        "latest": [instant(latest) for _, latest in between.values()],
    }
    rows = await (await conn.execute(statement("list_points_around"), asked)).fetchall()
    found: dict[int, list[Kept]] = {stream_id: [] for stream_id in between}
    for stream_id, time, value, *recipe in rows:
        found[stream_id].append(Kept(microseconds(time), value, Reading._make(recipe)))
    return found


async def advance(conn: Connection, heads: Mapping[int, Head]) -> None:
    """Keeps where the streams stand now."""
    lasts = [head.last for head in heads.values()]
    await conn.execute(
        statement("advance_streams"),
        {
            "streams": Bigints(list(heads)),
            "last_us": Bigints([None if last is None else last.time_us for last in lasts]),
            "last_values": Numerics([None if last is None else last.value for last in lasts]),
            "readings": Bigints([None if last is None else last.reading.id for last in lasts]),
            "ended_us": Bigints([head.ended_us for head in heads.values()]),
            "newest_us": Bigints([head.newest_us for head in heads.values()]),
            "closed": [head.closed for head in heads.values()],
            "closes_us": Bigints([head.closes_us() for head in heads.values()]),
        },
    )
