"""What would a backfill change? One slice after another is looked at; nothing of usage is touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, fields
from datetime import datetime
from uuid import UUID

from meter.backfill import book, walk
from meter.backfill.decide import Fate, Figures, Hours, fates, hours, tally
from meter.backfill.model import Backfill, Phase, Tally
from meter.corrections.decide import Place
from meter.database import Connection
from meter.facts import instant
from meter.ingest import load_meters
from sql import statement

MARKED_AT_ONCE = 5_000


async def look(conn: Connection, backfill_id: int, now: datetime, rows: int = walk.ROWS) -> bool:
    """Compares the slice that comes next, in one transaction; whether there is another."""
    async with conn.transaction():
        backfill = await book.hold(conn, backfill_id)
        if backfill.state != "comparing":
            return False
        if backfill.order.mode == "add" and not backfill.marked:
            return await _mark(conn, backfill)
        sides, until = await walk.read(conn, backfill, await walk.selected(conn, backfill), rows)
        found = fates(backfill.order.mode, sides, await load_meters(conn, backfill.team_id))
        await _keep_hours(conn, backfill.id, hours(sides, found))
        await keep(conn, backfill, "comparing", tally(sides, found), conflicts(found))
        await advance(conn, backfill, until)
        if until is None:
            await book.move(conn, backfill, "compared", now, backfill.ordered_by)
        return until is not None


async def _mark(conn: Connection, backfill: Backfill) -> bool:
    """Finds ids of the source that are stored at another time: what is only added to must not count them again."""
    time_us, event_id = backfill.after
    asked = {
        "backfill_id": backfill.id,
        "team_id": backfill.team_id,
        "since": instant(time_us),
        "after_id": UUID(bytes=event_id),
        "until": backfill.order.end,
        "rows": MARKED_AT_ONCE,
    }
    row = await (await conn.execute(statement("mark_backfill_moved"), asked)).fetchone()
    given = {
        "backfill_id": backfill.id,
        "done_until": row and row[0],
        "done_id": row and row[1],
        "marked": row is None,
    }
    await conn.execute(statement("advance_backfill"), given)
    return True


def conflicts(found: Iterable[Fate]) -> list[Place]:
    """Where the events lie that can't be what the source says."""
    return [fate.place for fate in found if fate.what == "conflicts"]


async def keep(
    conn: Connection, backfill: Backfill, phase: Phase, counted: Tally, left: Iterable[Place], why: str = "id_conflict"
) -> None:
    """Adds to what is kept of a phase: how many events became what, and which were left as they are."""
    ids = {"backfill_id": backfill.id, "phase": phase}
    await conn.execute(statement("tally_backfill"), ids | counted._asdict())
    places = list(left)
    if places:
        given = {
            "times": [instant(time_us) for time_us, _ in places],
            "event_ids": [UUID(bytes=event_id) for _, event_id in places],
            "whys": [why] * len(places),
        }
        await conn.execute(statement("keep_backfill_left"), ids | given)


async def advance(conn: Connection, backfill: Backfill, until: Place | None) -> None:
    """Notes the place that a phase has come to; None: its end, which is noted otherwise."""
    if until is None:
        return
    given = {
        "backfill_id": backfill.id,
        "done_until": instant(until[0]),
        "done_id": UUID(bytes=until[1]),
        "marked": backfill.marked,
    }
    await conn.execute(statement("advance_backfill"), given)


async def _keep_hours(conn: Connection, backfill_id: int, by_hour: Hours) -> None:
    keys = sorted(by_hour)
    given: dict[str, object] = {
        "backfill_id": backfill_id,
        "meters": [meter for meter, _ in keys],
        "hours": [instant(hour) for _, hour in keys],
    }
    rows = [astuple(by_hour[key]) for key in keys]
    for n, field in enumerate(fields(Figures)):
        given[field.name] = [row[n] for row in rows]
    await conn.execute(statement("keep_backfill_hours"), given)
