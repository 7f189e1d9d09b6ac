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


class StreamCache:
    """The ids that a process remembers between bodies: of streams and of their readings; neither is ever removed."""

    def __init__(self) -> None:
        """Starts empty; starts anew past CACHED."""
        self.streams: dict[tuple[int, bytes], int] = {}
        self.readings: dict[Recipe, Reading] = {}

    def trim(self) -> None:
        """Forgets everything when it has become too much."""
        if len(self.streams) + len(self.readings) > CACHED:
            self.streams.clear()
            self.readings.clear()


async def resolve_streams(
    conn: Connection, team_id: int, source: str, sent: Sequence[Sent], cache: StreamCache
) -> dict[bytes, int]:
    """The id of each stream by its identity, made where missing, in a transaction of its own."""
    missing = {each.identity: each for each in sent if (team_id, each.identity) not in cache.streams}
    if missing:
        ordered = [missing[identity] for identity in sorted(missing)]
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
        cache.streams.update({(team_id, identity.bytes): stream_id for identity, stream_id in found})
    return {each.identity: cache.streams[team_id, each.identity] for each in sent}


async def resolve_readings(conn: Connection, recipes: Sequence[Recipe], cache: StreamCache) -> dict[Recipe, Reading]:
    """The reading of each recipe, kept where missing, in a transaction of its own."""
    missing = list({recipe: None for recipe in recipes if recipe not in cache.readings})
    if missing:
        targets = [target for _, target, _ in missing]
        parameters = {
            "streams": [stream_id for stream_id, _, _ in missing],
            "series": [series_id for _, _, series_id in missing],
            "ways": [target.way for target in targets],
            "multiply": [target.multiply for target in targets],
            "divide": [target.divide for target in targets],
            "gap_rules": [target.gap_rule for target in targets],
            "gaps_us": [target.gap_us for target in targets],
        }
        await conn.execute(statement("register_readings"), parameters)
        found = await (await conn.execute(statement("find_readings"), parameters)).fetchall()
        cache.readings.update({missing[place - 1]: _reading(missing[place - 1], row_id) for place, row_id in found})
    return {recipe: cache.readings[recipe] for recipe in recipes}


def _reading(recipe: Recipe, reading_id: int) -> Reading:
    _, target, series_id = recipe
    return Reading(reading_id, series_id, target.way, target.multiply, target.divide, target.gap_rule, target.gap_us)


class Standing(NamedTuple):
    """A stream of a team and where it stands, None where no point has come yet."""

    team_id: int
    origin: Origin
    head: Head | None


async def lock(conn: Connection, streams: Sequence[int]) -> dict[int, Standing]:
    """Where these streams stand; nobody else writes to them until the transaction ends."""
    asked = {"streams": list(streams)}
    await conn.execute(statement("lock_streams"), asked)
    rows = await (await conn.execute(statement("list_heads"), asked)).fetchall()
    return {row[0]: _standing(row[1:]) for row in rows}


async def lock_due(conn: Connection, now: datetime, most: int) -> dict[int, Standing]:
    """Streams whose level is due to be closed, as `lock` answers them; not those that somebody writes to just now."""
    due = await (await conn.execute(statement("lock_due_streams"), {"now": now, "most": most})).fetchall()
    return await lock(conn, [stream_id for (stream_id,) in due]) if due else {}


def _standing(row: Sequence[Any]) -> Standing:
    team_id, identity, started, time, value, ended, newest, closed, *recipe = row
    origin = Origin(identity.bytes, _us(started))
    if newest is None:
        return Standing(team_id, origin, None)
    last = None if time is None else Kept(microseconds(time), value, Reading._make(recipe))
    return Standing(team_id, origin, Head(last, _us(ended), microseconds(newest), closed))


def _us(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)


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
            "streams": list(heads),
            "last_times": [None if last is None else instant(last.time_us) for last in lasts],
            "last_values": [None if last is None else last.value for last in lasts],
            "readings": [None if last is None else last.reading.id for last in lasts],
            "ended": [_instant(head.ended_us) for head in heads.values()],
            "newest": [instant(head.newest_us) for head in heads.values()],
            "closed": [head.closed for head in heads.values()],
            "closes": [_instant(head.closes_us()) for head in heads.values()],
        },
    )


def _instant(us: int | None) -> datetime | None:
    return None if us is None else instant(us)
