"""Does a held event count, or is it dropped? A correction of its own each time, so a mind may be changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from meter.audit import Actor
from meter.corrections import find, write
from meter.corrections.decide import Change, Labels, Place, Stored, voids
from meter.corrections.moved import Delta, moved
from meter.corrections.write import ChangedUnderneathError, Ids, Outcome
from meter.database import Connection
from meter.errors import AlreadyDecided, CorrectionSuperseded, NotFound
from meter.facts import microseconds
from meter.held.choose import own
from meter.ingest import load_meters
from meter.model import Team
from sql import statement

Decision = Literal["count", "drop"]


class Order(NamedTuple):
    """What becomes of which held events, and why: those with these ids, or all that are open of one hold."""

    decision: Decision
    reason: str
    held: Sequence[UUID] = ()
    hold: UUID | None = None


class Held(NamedTuple):
    """A held event: our ids of it, where its last row is, and what is decided so far (None: nothing)."""

    id: int
    public_id: UUID
    time: datetime
    event_id: UUID
    decision: Decision | None

    @property
    def place(self) -> Place:
        """Which row it is."""
        return microseconds(self.time), self.event_id.bytes


async def decide(conn: Connection, team: Team, actor: Actor, order: Order, ids: Ids) -> Outcome:
    """Counts held events or drops them, in the caller's transaction; `ids` as for `write.correct`.

    Raises:
        SeriesMissingError, ChangedUnderneathError: for `write.attempt`, after which it is tried again.
        NotFound: one of them is not there, or nothing of that hold is open.
        AlreadyDecided: the same was decided of one of them.
        CorrectionSuperseded: one of them was voided since it was counted.
        RawDataGone: one of them lies before the raw events that are kept.
    """
    floor_us = await write.begin(conn, team)
    chosen = await _chosen(conn, team.id, order)
    if any(each.decision == order.decision for each in chosen):
        raise AlreadyDecided("of one of them the same was decided before")
    ends = await find.at_places(conn, team.id, [each.place for each in chosen])
    if len(ends) < len(chosen) or min(row.start_us for row in ends) < floor_us:
        raise write.gone(floor_us)
    rows = {row.place: row for row in await find.whole(conn, team.id, ends, ends)}
    labels = await find.described(conn, team.id, {row.series_id for row in rows.values()})
    _check_voided(chosen, rows, labels)
    stored = [row for end in ends for row in own(end, rows)]
    if order.decision == "count":
        changes = await _back(conn, team.id, stored)
    else:
        out = {move.row.place: move for move in voids(stored, labels)}
        changes = [*write.changes_of(list(out.values()), ids), *_staying(row for row in stored if row.place not in out)]
    deltas = [_delta(change, labels) for change in changes if change.series_id != change.row.series_id]
    moves = await moved(conn, team, deltas, await load_meters(conn, team.id))
    leaving = [change for change in changes if change.series_id != change.row.series_id]
    if leaving and await write.put(conn, team.id, leaving) != len(leaving):
        raise ChangedUnderneathError
    public_id = await write.keep(conn, team, actor, order.decision, order.reason, len(chosen), changes)
    decided = {
        "team_id": team.id,
        "ids": [each.id for each in chosen],
        "decision": order.decision,
        "at": actor.at,
        "correction": public_id,
    }
    await conn.execute(statement("decide_held"), decided)
    return Outcome(public_id, len(chosen), moves, [])


async def _chosen(conn: Connection, team_id: int, order: Order) -> list[Held]:
    asked = {"team_id": team_id, "held": list(order.held), "hold": order.hold}
    rows = await (await conn.execute(statement("list_held_places"), asked)).fetchall()
    chosen = [Held(*row) for row in rows]
    if not chosen or set(order.held) - {each.public_id for each in chosen}:
        raise NotFound("there is no such held event, or nothing of that hold is open")
    return chosen


def _check_voided(chosen: Iterable[Held], rows: Mapping[Place, Stored], labels: Mapping[int, Labels]) -> None:
    """Raises CorrectionSuperseded for what was counted and then voided: who did that has the last word."""
    for each in chosen:
        if each.decision == "count" and labels[rows[each.place].series_id].voided:
            raise CorrectionSuperseded("one of them was voided since it was counted; undo that first")


async def _back(conn: Connection, team_id: int, stored: Sequence[Stored]) -> list[Change]:
    """Each row back to the series that it counts in."""
    asked = {"team_id": team_id, "series": sorted({row.series_id for row in stored})}
    counting: dict[int, int] = dict(await (await conn.execute(statement("find_voided_series"), asked)).fetchall())
    return [Change(row, counting.get(row.series_id, row.series_id), row.quantity) for row in stored]


def _staying(rows: Iterable[Stored]) -> list[Change]:
    return [Change(row, row.series_id, row.quantity) for row in rows]


def _delta(change: Change, labels: Mapping[int, Labels]) -> Delta:
    """By how much a row moves its hour that comes back, or leaves."""
    was = labels[change.row.series_id]
    sign = 1 if was.voided else -1
    return Delta(was.meter, change.row.time_us, sign, sign * change.quantity)
