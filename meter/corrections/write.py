"""Corrections made and undone: looked at under a lock, written with their history and the touched log in one commit.

The series that events move to are made in an earlier transaction of their own, as ingest does it: the transaction that
finds one missing is rolled back and tried again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from uuid_utils.compat import uuid7

from meter import series
from meter.audit import Actor
from meter.corrections import find, history
from meter.corrections.decide import (
    Amendment,
    Change,
    Kind,
    Labels,
    Move,
    Stored,
    Target,
    Twin,
    amends,
    lasts,
    reversal,
    voids,
)
from meter.corrections.find import Found, Known, Named, Query
from meter.corrections.moved import HOUR_US, Delta, Moved, moved
from meter.database import Connection
from meter.errors import Busy, CorrectionSuperseded, CorrectionUndone, NotFound, RawDataGone
from meter.facts import instant, microseconds
from meter.ingest import load_meters
from meter.model import Caller, Meter, Team
from meter.store import NO_FLOOR, hold_floor, touch
from sql import statement

T = TypeVar("T")
ATTEMPTS = 5
ZERO = Decimal(0)
Wanted = Twin | Target
Ids = dict[Wanted, int]
"""Series that events move to, by what is wanted; an id never changes, so it holds from one attempt to the next."""


class Order(NamedTuple):
    """What to correct and why: events by their names or by a query; without an amendment they are voided."""

    reason: str
    which: Sequence[Named | Known] | Query
    amendment: Amendment | None

    @property
    def kind(self) -> Kind:
        """What is done."""
        return "void" if self.amendment is None else "amend"


class Outcome(NamedTuple):
    """What a correction has changed, or would; `missing` are positions among the names. A dry run has no id."""

    public_id: UUID | None
    events: int
    moved: Moved
    missing: list[int]


class SeriesMissingError(Exception):
    """Events are to move to series that are not there; `wanted` are those."""

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        """Says which to make before the same is tried again."""
        super().__init__("some series are not there yet")
        self.wanted = frozenset(wanted)


class ChangedUnderneathError(Exception):
    """A row was changed between the look at it and the change: look again."""


async def attempt(conn: Connection, team: Team, work: Callable[[Ids], Awaitable[T]]) -> T:
    """What `work` returns, which runs one transaction on `conn`; again when series had to be made first.

    Raises Busy when others are always faster, and whatever else `work` raises.
    """
    ids: Ids = {}
    for _ in range(ATTEMPTS):
        try:
            return await work(ids)
        except SeriesMissingError as error:
            ids |= await make_series(conn, team, error.wanted)
        except (ChangedUnderneathError, psycopg.errors.DeadlockDetected):
            continue
    raise Busy("others keep changing the same events; send it again")


async def tried(conn: Connection, team: Team, order: Order) -> Outcome:
    """What a correction would change, read in one snapshot. Raises as `correct`."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        return await _preview(conn, team, order)


async def _preview(conn: Connection, team: Team, order: Order) -> Outcome:
    row = await (await conn.execute(statement("get_closed"))).fetchone()
    floor = NO_FLOOR if row is None or row[0] is None else microseconds(row[0])
    moves, missing, meters = await _look(conn, team, order, floor)
    return Outcome(
        None, events_of(move.row for move in moves), await moved(conn, team, _deltas(moves), meters), missing
    )


async def correct(conn: Connection, team: Team, actor: Actor, order: Order, ids: Ids) -> Outcome:
    """Corrects events, in the caller's transaction.

    Raises:
        SeriesMissingError, ChangedUnderneathError: for `attempt`, after which it is tried again.
        NotFound: no event is there that this would change.
        RawDataGone: some of them lie before the raw events that are kept.
        InvalidBody: an event can't be what it shall become.
        UnknownMeter, InvalidParameter, BatchTooLarge: what is asked for can't be.
    """
    floor = await begin(conn, team)
    moves, missing, meters = await _look(conn, team, order, floor)
    changes = changes_of(moves, ids)
    events = events_of(move.row for move in moves)
    moves_what = await moved(conn, team, _deltas(moves), meters)
    if await put(conn, team.id, changes) != len(changes):
        raise ChangedUnderneathError
    public_id = await keep(conn, team, actor, order.kind, order.reason, events, changes)
    return Outcome(public_id, events, moves_what, missing)


async def undo(conn: Connection, team: Team, actor: Actor, public_id: UUID, reason: str) -> Outcome:
    """Puts back what a correction has changed, exactly and once, in the caller's transaction.

    Raises:
        NotFound: the team has no such correction.
        CorrectionUndone: it is undone, or is itself an undo.
        CorrectionSuperseded: an event of it was corrected again since.
        RawDataGone: some of its events are not kept any more.
    """
    floor = await begin(conn, team)
    asked = await history.get(conn, team.id, public_id)
    if asked.kind in ("hold", "count", "drop"):
        raise CorrectionUndone("a held event is decided, and decided anew, at /v1/held/decisions")
    if asked.kind == "undo" or asked.undone_by is not None:
        raise CorrectionUndone("an undo can't be undone, nor anything twice; correct the events anew")
    kept = await kept_of(conn, asked.id)
    if kept and kept[0].row.time_us < floor:
        raise gone(floor)
    changes = reversal(kept)
    labels = await find.described(
        conn, team.id, {id_ for each in changes for id_ in (each.row.series_id, each.series_id)}
    )
    deltas = [_delta(each, labels[each.row.series_id], labels[each.series_id]) for each in changes]
    moves_what = await moved(conn, team, deltas, await load_meters(conn, team.id))
    if await put(conn, team.id, changes) != len(changes):
        raise CorrectionSuperseded("an event of this correction was corrected again since; undo that first")
    made = await keep(conn, team, actor, "undo", reason, asked.events, changes, undoes=asked.id)
    return Outcome(made, asked.events, moves_what, [])


async def begin(conn: Connection, team: Team) -> int:
    """Waits for other corrections of the team; since when raw events are kept, which stays so.

    The floor comes first, as in all that writes usage: nobody waits for it who is waited for.
    """
    floor = await hold_floor(conn)
    await conn.execute(statement("lock_corrections"), {"team_id": team.id})
    return floor


def gone(floor: int) -> RawDataGone:
    """Why nothing before the floor can be corrected."""
    return RawDataGone(f"events before {instant(floor).isoformat()} are gone, so nothing can be corrected there")


async def _look(
    conn: Connection, team: Team, order: Order, floor: int
) -> tuple[list[Move], list[int], Mapping[str, Meter]]:
    """What becomes of which rows, what was not found, and the team's meters."""
    meters = await load_meters(conn, team.id)
    found = await _find(conn, team.id, order.which, meters)
    if _earliest(order.which, found.rows) < floor:
        raise gone(floor)
    labels = await find.described(conn, team.id, {row.series_id for row in found.rows})
    if order.amendment is None:
        moves = voids(found.rows, labels)
    else:
        moves = amends(found.rows, labels, order.amendment, meters, ZoneInfo(team.timezone))
    if not moves:
        raise NotFound("no event that counts is there that this would change")
    return moves, found.missing, meters


async def _find(
    conn: Connection, team_id: int, which: Sequence[Named | Known] | Query, meters: Mapping[str, Meter]
) -> Found:
    if isinstance(which, Query):
        return await find.by_query(conn, team_id, which, meters)
    return await find.by_names(conn, team_id, which, meters)


def _earliest(which: Sequence[Named | Known] | Query, rows: Sequence[Stored]) -> int:
    """The earliest instant that is asked about or found, in microseconds since 2000; where to look is no such."""
    asked = [which.start] if isinstance(which, Query) else [each.time for each in which if each.time is not None]
    return min([*(microseconds(time) for time in asked), *(row.start_us for row in rows)], default=-NO_FLOOR)


def events_of(rows: Iterable[Stored]) -> int:
    """How many events rows are: a sample is one."""
    return len({row.place for row in lasts(rows).values()})


def changes_of(moves: Sequence[Move], ids: Ids) -> list[Change]:
    """The rows to write. Raises SeriesMissingError."""
    missing = {move.to for move in moves if isinstance(move.to, (Twin, Target))} - ids.keys()
    if missing:
        raise SeriesMissingError(missing)
    return [Change(move.row, move.row.series_id if move.to is None else ids[move.to], move.quantity) for move in moves]


def _deltas(moves: Iterable[Move]) -> list[Delta]:
    return [
        Delta(
            move.labels.meter,
            move.row.time_us,
            -1 if isinstance(move.to, Twin) else 0,
            move.counted - move.row.quantity,
        )
        for move in moves
    ]


def _delta(change: Change, old: Labels, new: Labels) -> Delta:
    before = ZERO if old.voided else change.row.quantity
    after = ZERO if new.voided else change.quantity
    return Delta(new.meter, change.row.time_us, old.voided - new.voided, after - before)


async def make_series(conn: Connection, team: Team, wanted: Iterable[Wanted]) -> Ids:
    """Makes series, in transactions of their own."""
    wanted = list(wanted)
    twins = {"team_id": team.id, "series": sorted(each.series_id for each in wanted if isinstance(each, Twin))}
    await conn.execute(statement("register_twins"), twins)
    rows = await (await conn.execute(statement("find_twins"), twins)).fetchall()
    ids: Ids = {Twin(of): id_ for of, id_ in rows}
    targets = sorted((each for each in wanted if isinstance(each, Target)), key=lambda each: each[:2])
    meters = await load_meters(conn, team.id)
    for (key_id, internal), group in groupby(targets, key=lambda each: each[:2]):
        caller = Caller(key_id, UUID(int=0), team, frozenset(), internal=internal)
        found = await series.resolve(conn, team.id, caller, [each.key for each in group], meters)
        ids |= {Target(key_id, internal, key): id_ for key, id_ in found.items()}
    return ids


async def put(conn: Connection, team_id: int, changes: Sequence[Change]) -> int:
    """Writes the rows that are still as they were looked at, hour by hour; how many those were."""
    await conn.execute(statement("lift_decompression_limit"))
    written = 0
    for _, hour in groupby(sorted(changes), key=lambda change: change.row.time_us // HOUR_US):
        written += (
            await conn.execute(statement("correct_events"), _arrays(list(hour)) | {"team_id": team_id})
        ).rowcount
    await touch(conn, team_id, (change.row.time_us for change in changes))
    return written


async def keep(  # noqa: PLR0913 (a column each)
    conn: Connection,
    team: Team,
    actor: Actor,
    kind: Kind,
    reason: str,
    events: int,
    changes: Sequence[Change],
    *,
    undoes: int | None = None,
) -> UUID:
    """Writes the history."""
    public_id = uuid7()
    row = actor._asdict() | {
        "public_id": public_id,
        "team_id": team.id,
        "kind": kind,
        "reason": reason,
        "undoes": undoes,
        "actor": actor.kind,
        "events": events,
    }
    made = await (await conn.execute(statement("create_correction"), row)).fetchall()
    kept = _arrays(changes) | {"correction_id": made[0][0], "team_id": team.id}
    await conn.execute(statement("create_corrected_events"), kept)
    return public_id


async def kept_of(conn: Connection, correction_id: int) -> list[Change]:
    """The rows of a correction, in order of time."""
    asked = {"correction_id": correction_id}
    rows = await (await conn.execute(statement("read_corrected_events"), asked)).fetchall()
    return [Change(Stored(microseconds(row[0]), row[1].bytes, row[2], row[3], None), row[4], row[5]) for row in rows]


def _arrays(changes: Sequence[Change]) -> dict[str, object]:
    return {
        "times": [instant(change.row.time_us) for change in changes],
        "event_ids": [UUID(bytes=change.row.event_id) for change in changes],
        "old_series": [change.row.series_id for change in changes],
        "old_quantities": [change.row.quantity for change in changes],
        "new_series": [change.series_id for change in changes],
        "new_quantities": [change.quantity for change in changes],
    }
