"""A backfill is applied slice by slice, each against what is stored at that moment, in one transaction.

What is voided and amended is a correction of its own per slice, so it has its history and can be undone; what is added
is written as ingest writes it. The place that it has come to moves in the same commit: a worker that is killed leaves
nothing half done and nothing to do twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg

from meter.audit import Actor
from meter.backfill import book, walk
from meter.backfill.compare import advance, conflicts, keep
from meter.backfill.decide import Fate, fates, moves, tally
from meter.backfill.model import Backfill
from meter.corrections import write
from meter.corrections.decide import Change, Kind, Target
from meter.corrections.write import ATTEMPTS, ChangedUnderneathError, Ids, SeriesMissingError, Wanted
from meter.database import Connection
from meter.errors import Busy
from meter.facts import Row, instant
from meter.ingest import load_meters
from meter.model import SeriesKey, Team
from meter.rows import Numbers, pack
from meter.store import NoRoomError, Room, copy
from sql import statement


class Memory:
    """What a worker remembers from slice to slice of one backfill: ids of series, room that was made, numbers."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self.ids: Ids = {}
        self.room = Room()
        self.numbers = Numbers()


class Part(NamedTuple):
    """One correction of a backfill: rows as they shall be, and how many events they are."""

    kind: Kind
    changes: Sequence[Change]
    events: int
    undoes: int | None = None


async def attempt(conn: Connection, team: Team, memory: Memory, work: Callable[[], Awaitable[bool]]) -> bool:
    """What `work` returns, which is one transaction; again when series or room had to be made, or others were faster.

    Raises Busy when others are always faster, and whatever else `work` raises.
    """
    for _ in range(ATTEMPTS):
        try:
            return await work()
        except SeriesMissingError as error:
            memory.ids |= await write.make_series(conn, team, error.wanted)
        except NoRoomError as error:
            await memory.room.prepare(conn, error.times_us)
        except (ChangedUnderneathError, psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            continue
    raise Busy("others keep changing the same events")


async def apply(
    conn: Connection, team: Team, backfill_id: int, memory: Memory, now: datetime, rows: int = walk.ROWS
) -> bool:
    """Applies the slice that comes next; whether there is another. Raises RawDataGone, Busy."""

    async def work() -> bool:
        async with conn.transaction():
            return await _slice(conn, team, backfill_id, memory, now, rows)

    return await attempt(conn, team, memory, work)


async def _slice(conn: Connection, team: Team, backfill_id: int, memory: Memory, now: datetime, rows: int) -> bool:
    floor = await write.begin(conn, team)
    backfill = await book.hold(conn, backfill_id)
    if backfill.state != "applying":
        return False
    meters = await load_meters(conn, team.id)
    sides, until = await walk.read(conn, backfill, await walk.selected(conn, backfill), rows)
    found = fates(backfill.order.mode, sides, meters)
    own = backfill.key_id, backfill.internal
    added = [row for fate in found if fate.what == "added" for row in fate.rows]
    wanted = {each.series: Target(*own, each.series) for each in added}
    parts = _parts(found)
    moved = {
        kind: [move for fate in those for move in moves(fate, sides.labels, own, meters)]
        for kind, those in parts.items()
    }
    _check_known([*wanted.values(), *(move.to for each in moved.values() for move in each)], memory.ids)
    starts = [move.row.start_us for each in moved.values() for move in each]
    if min([*starts, *(row.time_us + 1 - (row.covers_us or 1) for row in added)], default=floor) < floor:
        raise write.gone(floor)
    for kind, each in moved.items():
        if each:
            changes = write.changes_of(each, memory.ids)
            await correct(conn, team, backfill, Part(kind, changes, len(parts[kind])), now)
    if added:
        memory.room.check(row.time_us for row in added)
        await _add(conn, backfill, [fate for fate in found if fate.what == "added"], memory, wanted)
    await keep(conn, backfill, "applying", tally(sides, found), conflicts(found))
    await advance(conn, backfill, until)
    if until is None:
        await book.move(conn, backfill, "applied", now, backfill.ordered_by)
    return until is not None


def _check_known(wanted: Iterable[Wanted | None], ids: Ids) -> None:
    missing = {each for each in wanted if each is not None} - ids.keys()
    if missing:
        raise SeriesMissingError(missing)


def _parts(found: Sequence[Fate]) -> dict[Kind, list[Fate]]:
    """The events that are voided, and those that are amended or count again."""
    return {
        "void": [fate for fate in found if fate.what == "voided"],
        "amend": [fate for fate in found if fate.what in ("amended", "restored")],
    }


async def _add(
    conn: Connection, backfill: Backfill, found: Sequence[Fate], memory: Memory, wanted: Mapping[SeriesKey, Target]
) -> None:
    """Writes what is added, and notes that it was."""
    rows: list[Row] = sorted(row for fate in found for row in fate.rows)
    ids = {row.series: memory.ids[wanted[row.series]] for row in rows}
    await copy(conn, backfill.team_id, pack(rows, backfill.team_id, ids, memory.numbers))
    given = {
        "backfill_id": backfill.id,
        "times": [instant(fate.place[0]) for fate in found],
        "event_ids": [UUID(bytes=fate.place[1]) for fate in found],
    }
    await conn.execute(statement("mark_backfill_added"), given)


async def correct(conn: Connection, team: Team, backfill: Backfill, part: Part, now: datetime) -> None:
    """Writes changes with their history, as a correction of this backfill. Raises ChangedUnderneathError."""
    if await write.put(conn, team.id, part.changes) != len(part.changes):
        raise ChangedUnderneathError
    actor = (backfill.ordered_by or Actor("system", now))._replace(at=now)
    what = "backfill" if backfill.state == "applying" else "undo of backfill"
    reason = f"{what} {backfill.public_id}: {backfill.order.reason}"
    made = await write.keep(conn, team, actor, part.kind, reason, part.events, part.changes, undoes=part.undoes)
    given = {"backfill_id": backfill.id, "phase": backfill.state, "public_id": made}
    await conn.execute(statement("link_backfill_correction"), given)
