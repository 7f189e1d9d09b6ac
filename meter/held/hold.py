"""Takes events whose id came before out of what counts: a correction of the system's, in batches of one commit each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from meter import audit
from meter.audit import Actor
from meter.corrections import find, write
from meter.corrections.decide import Place, Stored, voids
from meter.corrections.write import ChangedUnderneathError, Ids
from meter.database import Connection
from meter.facts import instant, microseconds
from meter.held import choose
from meter.held.choose import Pair
from meter.held.look import Again
from meter.model import Team
from sql import statement


async def hold(conn: Connection, team: Team, found: Sequence[Again], now: datetime) -> int:
    """Holds the later ones; how many those were. `conn` is in no transaction. Raises Busy as `write.attempt`."""
    done = 0
    for start in range(0, len(found), choose.BATCH_EVENTS):
        batch = found[start : start + choose.BATCH_EVENTS]

        async def work(ids: Ids, batch: Sequence[Again] = batch) -> int:
            async with conn.transaction():
                return await _hold(conn, team, batch, now, ids)

        done += await write.attempt(conn, team, work)
    return done


async def _hold(conn: Connection, team: Team, found: Sequence[Again], now: datetime, ids: Ids) -> int:
    floor_us = await write.begin(conn, team)
    wanted = {place for each in found for place in choose.places(each)}
    stored = {row.place: row for row in await find.at_places(conn, team.id, wanted)}
    labels = await find.described(conn, team.id, {row.series_id for row in stored.values()})
    chosen = choose.pairs(found, stored, labels, await _held(conn, team.id, wanted), floor_us)
    for batch in choose.batches(chosen):
        await _write(conn, team, batch, now, ids)
    return len(chosen)


async def _held(conn: Connection, team_id: int, wanted: Iterable[Place]) -> set[Place]:
    """Which places were held before, whatever was decided."""
    ordered = sorted(wanted)
    asked = {
        "team_id": team_id,
        "times": [instant(time_us) for time_us, _ in ordered],
        "event_ids": [UUID(bytes=event_id) for _, event_id in ordered],
    }
    rows = await (await conn.execute(statement("find_held"), asked)).fetchall()
    return {(microseconds(time), event_id.bytes) for time, event_id in rows}


async def _write(conn: Connection, team: Team, batch: Sequence[Pair], now: datetime, ids: Ids) -> None:
    """One correction and what it holds. Raises SeriesMissingError and ChangedUnderneathError for `attempt`."""
    ends = {row for pair in batch for row in pair}
    rows = {row.place: row for row in await find.whole(conn, team.id, ends, list(ends))}
    leaving = [row for pair in batch for row in choose.own(pair.held, rows)]
    labels = await find.described(conn, team.id, {row.series_id for row in leaving})
    changes = write.changes_of(voids(leaving, labels), ids)
    if await write.put(conn, team.id, changes) != len(changes):
        raise ChangedUnderneathError
    actor = Actor("system", now)
    why = choose.reason(batch)
    public_id = await write.keep(conn, team, actor, "hold", why, len(batch), changes)
    await conn.execute(
        statement("create_held"), _columns(batch, rows) | {"team_id": team.id, "hold": public_id, "at": now}
    )
    told = {"id": public_id, "kind": "hold", "reason": why, "undoes": None, "events": len(batch)}
    await audit.record(conn, actor, "correction.hold", audit.of(team, "correction", public_id), None, told)


def _columns(batch: Sequence[Pair], rows: dict[Place, Stored]) -> dict[str, object]:
    return {
        "public_ids": [uuid7() for _ in batch],
        "event_ids": [UUID(bytes=pair.held.event_id) for pair in batch],
        "times": [instant(pair.held.time_us) for pair in batch],
        "covers": [pair.held.covers_us for pair in batch],
        "series": [pair.held.series_id for pair in batch],
        "quantities": [choose.quantity(choose.own(pair.held, rows)) for pair in batch],
        "first_times": [instant(pair.first.time_us) for pair in batch],
        "first_covers": [pair.first.covers_us for pair in batch],
        "first_series": [pair.first.series_id for pair in batch],
        "first_quantities": [choose.quantity(choose.own(pair.first, rows)) for pair in batch],
    }
