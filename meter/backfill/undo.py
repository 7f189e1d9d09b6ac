"""A backfill is taken back: its corrections, the last one first, then what it added; each slice in one transaction.

What somebody else has corrected since is theirs: it stays, and is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from meter.backfill import book, walk
from meter.backfill.apply import Memory, Part, attempt, correct
from meter.backfill.compare import advance, keep
from meter.backfill.decide import Unit, rows_of
from meter.backfill.model import Backfill, Tally
from meter.corrections import write
from meter.corrections.decide import Change, Labels, Move, Place, Stored, Twin, lasts, reversal
from meter.corrections.find import at_places, described
from meter.database import Connection
from meter.model import Team
from sql import statement

SINCE = "corrected_since"


async def take_back(
    conn: Connection, team: Team, backfill_id: int, memory: Memory, now: datetime, rows: int = walk.ROWS
) -> bool:
    """Takes back the slice that comes next; whether there is another. Raises RawDataGone, Busy."""

    async def work() -> bool:
        async with conn.transaction():
            floor = await write.begin(conn, team)
            backfill = await book.hold(conn, backfill_id)
            if backfill.state != "undoing":
                return False
            last = await (
                await conn.execute(statement("find_backfill_correction"), {"backfill_id": backfill_id})
            ).fetchone()
            if last is not None:
                await _correction(conn, team, backfill, last[0], now, floor, is_undone=last[1])
                return True
            return await _added(conn, team, backfill, memory, now, floor, rows)

    return await attempt(conn, team, memory, work)


async def _correction(
    conn: Connection, team: Team, backfill: Backfill, correction_id: int, now: datetime, floor: int, *, is_undone: bool
) -> None:
    """Puts back what a correction has changed, as far as it is still so; nothing where somebody did that before."""
    await conn.execute(statement("take_back_correction"), {"correction_id": correction_id})
    if is_undone:
        return
    kept = await write.kept_of(conn, correction_id)
    if kept[0].row.time_us < floor:
        raise write.gone(floor)
    there = {row.place: row for row in await at_places(conn, team.id, [each.row.place for each in kept])}
    standing = [each for each in kept if _as_left(each, there.get(each.row.place))]
    changes = reversal(standing)
    ends = lasts(there.values())
    events = {ends[each.row.place].place for each in changes}
    lost = {ends[place].place for place in there} - events
    if changes:
        await correct(conn, team, backfill, Part("undo", changes, len(events), correction_id), now)
    await keep(conn, backfill, "undoing", Tally(restored=len(events), superseded=len(lost)), lost, SINCE)


def _as_left(change: Change, there: Stored | None) -> bool:
    return there is not None and (there.series_id, there.quantity) == (change.series_id, change.quantity)


async def _added(
    conn: Connection, team: Team, backfill: Backfill, memory: Memory, now: datetime, floor: int, rows: int
) -> bool:
    """Voids a slice of what was added, as far as it still says what the source did."""
    units = await walk.page(conn, backfill, rows, only_added=True)
    total = 0
    for at, unit in enumerate(units):
        total += walk.size_of(unit)
        if at and total > rows:
            units = units[:at]
            break
    if not units:
        await book.move(conn, backfill, "undone", now, backfill.ordered_by)
        return False
    places = [(row.time_us, row.event_id) for unit in units for row in rows_of(unit)]
    if min(places)[0] < floor:
        raise write.gone(floor)
    there = {row.place: row for row in await at_places(conn, team.id, places)}
    labels = await described(conn, team.id, {row.series_id for row in there.values()})
    moves: list[Move] = []
    lost: list[Place] = []
    for unit in units:
        found = _standing(unit, there, labels)
        moves += found
        lost += [] if found else [unit.place]
    if moves:
        changes = write.changes_of(moves, memory.ids)
        await correct(conn, team, backfill, Part("void", changes, len(units) - len(lost)), now)
    await keep(conn, backfill, "undoing", Tally(voided=len(units) - len(lost), superseded=len(lost)), lost, SINCE)
    await advance(conn, backfill, units[-1].place)
    return True


def _standing(unit: Unit, there: dict[Place, Stored], labels: dict[int, Labels]) -> Sequence[Move]:
    """What voids an event that was added; nothing where it was corrected since."""
    found: list[Move] = []
    for row in rows_of(unit):
        stored = there.get((row.time_us, row.event_id))
        if stored is None or stored.quantity != row.quantity or not _is(labels[stored.series_id], unit):
            return []
        found.append(Move(stored, labels[stored.series_id], Twin(stored.series_id), stored.quantity))
    return found


def _is(labels: Labels, unit: Unit) -> bool:
    key = unit.row.series
    told = labels.meter, labels.member, labels.service, labels.dimensions
    return not labels.voided and told == (key.meter, key.member, key.service, dict(key.dimensions))
