"""Who asked for which backfill, in which state is it, and what may be asked of it next?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from meter.audit import Actor
from meter.backfill.model import Backfill, Order, Phase, State, Tally, backfill_of
from meter.database import Connection
from meter.errors import BackfillState, InvalidParameter, NotFound, RawDataGone, UnknownMeter
from meter.facts import instant, microseconds
from meter.ingest import AHEAD, load_meters
from meter.model import Caller
from meter.store import hold_floor
from meter.usage import EARLIEST
from meter.usage_events import check_labels
from sql import statement

Step = Literal["compare", "apply", "undo", "cancel"]
LONGEST_DETAIL = 1_000
FORGOTTEN_AFTER = timedelta(days=14)


class Way(NamedTuple):
    """From which states, and after failing in which phases, a step leads where."""

    states: frozenset[State]
    failed_in: frozenset[Phase]
    to: State


WAYS: Mapping[Step, Way] = {
    "compare": Way(frozenset({"staged", "compared"}), frozenset({"comparing"}), "comparing"),
    "apply": Way(frozenset({"compared"}), frozenset({"applying"}), "applying"),
    "undo": Way(frozenset({"applying", "applied"}), frozenset({"applying", "undoing"}), "undoing"),
    "cancel": Way(frozenset({"staged", "comparing", "compared"}), frozenset({"comparing"}), "cancelled"),
}
OVER: frozenset[State] = frozenset({"applied", "undone", "cancelled"})


async def create(conn: Connection, team_id: int, caller: Caller, actor: Actor, order: Order) -> Backfill:
    """Begins a backfill, in the caller's transaction.

    Raises:
        InvalidParameter: the range is none, reaches beyond now, or a filter names what no such meter has.
        UnknownMeter: a meter that the team has not.
        RawDataGone: the range begins before the raw events that are kept.
    """
    if not EARLIEST <= order.start < order.end <= actor.at + AHEAD:
        raise InvalidParameter("`from` must lie before `to`, and `to` not beyond now")
    meters = await load_meters(conn, team_id)
    check_labels(order.meters, order.filters, meters)
    if any(each.name == "key" for each in order.filters):
        raise InvalidParameter("key: a source can't say under which key usage came; filter by other labels")
    archived = [slug for slug in order.meters if meters[slug].archived_at is not None]
    if archived:
        raise UnknownMeter(f"{archived[0]} is archived and takes no events")
    await _check_open(conn, order)
    row = actor._asdict() | {
        "public_id": uuid7(),
        "team_id": team_id,
        "mode": order.mode,
        "since": order.start,
        "until": order.end,
        "meters": list(order.meters),
        "filters": Jsonb([list(each) for each in order.filters]),
        "reason": order.reason,
        "actor": actor.kind,
        "internal": caller.internal,
    }
    await conn.execute(statement("create_backfill"), row)
    return await get(conn, team_id, row["public_id"])


async def get(conn: Connection, team_id: int, public_id: UUID) -> Backfill:
    """A backfill of a team. Raises NotFound."""
    asked = {"team_id": team_id, "public_id": public_id}
    row = await (await conn.execute(statement("get_backfill"), asked)).fetchone()
    if row is None:
        raise NotFound("there is no such backfill")
    return backfill_of(row)


async def hold(conn: Connection, backfill_id: int) -> Backfill:
    """A backfill as it is now, and stays until the caller's transaction ends."""
    (row,) = await (await conn.execute(statement("hold_backfill"), {"backfill_id": backfill_id})).fetchall()
    return backfill_of(row)


async def page(conn: Connection, team_id: int, state: State | None, before: int | None, rows: int) -> list[Backfill]:
    """At most `rows` backfills of a team below an inner id, newest first: in one state or any."""
    asked = {"team_id": team_id, "state": state, "before": before, "rows": rows}
    return [backfill_of(row) for row in await (await conn.execute(statement("list_backfills"), asked)).fetchall()]


async def step(conn: Connection, team_id: int, public_id: UUID, what: Step, actor: Actor) -> Backfill:
    """Has a backfill go on, in the caller's transaction. Raises NotFound, BackfillState, RawDataGone."""
    found = await get(conn, team_id, public_id)
    if what != "cancel":
        await _check_open(conn, found.order)  # the floor before the backfill, as the worker takes them
    backfill = await hold(conn, found.id)
    way = WAYS[what]
    if backfill.state not in way.states and backfill.failed_in not in way.failed_in:
        failed = "" if backfill.failed_in is None else f" ({backfill.failed_in})"
        raise BackfillState(f"it is {backfill.state}{failed}; to {what} is for {_listed(way)}", state=backfill.state)
    if what == "compare":
        await conn.execute(statement("clear_backfill"), {"backfill_id": backfill.id})
    await move(conn, backfill, way.to, actor.at, actor, goes_on=backfill.failed_in == way.to)
    return await get(conn, team_id, public_id)


async def _check_open(conn: Connection, order: Order) -> None:
    """Refuses a range that begins before usage can still be changed; which stays so until the transaction ends."""
    floor = await hold_floor(conn)
    if microseconds(order.start) < floor:
        raise RawDataGone(f"events before {instant(floor).isoformat()} stay as they are; begin from then on")


def _listed(way: Way) -> str:
    return " or ".join([*sorted(way.states), *(f"failed while {phase}" for phase in sorted(way.failed_in))])


async def move(
    conn: Connection,
    backfill: Backfill,
    state: State,
    at: datetime,
    actor: Actor | None = None,
    failed: tuple[Phase, str] | None = None,
    *,
    goes_on: bool = False,
) -> None:
    """Brings a backfill into a state, in the caller's transaction; `failed`: in which phase, and why.

    What is under way then begins at its beginning, but for what `goes_on` where it failed.
    """
    kept = None if actor is None else Jsonb(actor._asdict(), dumps=msgspec.json.encode)
    given = {
        "backfill_id": backfill.id,
        "state": state,
        "failed_in": failed and failed[0],
        "detail": failed and failed[1][:LONGEST_DETAIL],
        "ordered_by": kept,
        "at": at,
        "swept": state not in OVER,
        "keeps_place": failed is not None or goes_on,
    }
    await conn.execute(statement("move_backfill"), given)


async def tallies(conn: Connection, backfills: Iterable[int]) -> dict[tuple[int, Phase], Tally]:
    """What became of how many events, by backfill and phase."""
    found = await conn.execute(statement("list_backfill_tallies"), {"backfills": sorted(backfills)})
    return {(row[0], row[1]): Tally(*row[2:]) for row in await found.fetchall()}
