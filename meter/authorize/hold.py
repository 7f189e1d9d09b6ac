"""What a batch may touch, held until its transaction ends and read as it stands then: in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from meter.authorize import held
from meter.authorize.prepare import Wanted
from meter.authorize.requests import Reservation
from meter.authorize.terms import Terms, Versions
from meter.authorize.till import Counted, Tally, Till
from meter.database import Connection
from meter.ingest import find_stored
from meter.ledger import store as ledger
from meter.limits.budget import Budget
from meter.limits.path import CounterKey
from meter.limits.window import oldest
from meter.rows import Wire
from meter.store import hold_floor
from sql import statement

Ids = Mapping[tuple[int, CounterKey], int]
Rows = list[tuple[Any, ...]]
NOTHING_KEPT = -(2**63)


class Holding(NamedTuple):
    """Counters and wallets as they stand; reservations by id; `floor_us`: since when usage is taken.

    `stored` are the rows, by team, time and id, that are there already, each with whether it says the same. `missing`
    are counters that were forgotten since, as their windows are long over.
    """

    till: Till
    reservations: dict[int, Reservation]
    versions: dict[int, Versions]
    floor_us: int
    stored: dict[tuple[int, int, bytes], bool]
    missing: list[int]

    def stale(self, terms: Iterable[Terms]) -> list[int]:
        """The teams about which something else is true by now."""
        return [each.team.id for each in terms if self.versions.get(each.team.id) != each.versions]


async def hold(conn: Connection, wanted: Sequence[Wanted], ids: Ids) -> Holding:
    """Holds and reads what these requests touch; `ids` are those of the counters that they look at."""
    known = {each.reservation.id: each.reservation for each in wanted if each.reservation}
    counters = {*ids.values(), *(one for each in known.values() for one, _ in each.held.counters)}
    accounts = {each.account_id for each in wanted if each.account_id}
    accounts |= {each.held.account_id for each in known.values() if each.held.account_id}
    teams = sorted({each.terms.team.id for each in wanted if each.terms})
    asked: list[tuple[str, dict[str, Any]]] = [
        ("lock_reservations", {"ids": sorted(known)}),
        ("hold_counters", {"ids": sorted(counters)}),
        ("read_slots", _heads(wanted, ids)),
        *((name, dict(ledger.locking(accounts))) for name in ledger.LOCKING),
        ("list_terms_versions", {"team_ids": teams}),
    ]
    locked, rows, slots, standing, lots, versions = await _ask(conn, asked)
    tallies = {}
    for row in (*slots, *rows):
        counted = Counted(row[0], row[1], CounterKey(*row[2:9]), *row[9:])
        tallies[counted.team_id, counted.key] = Tally(counted)
    floor_us, stored = await _usage(conn, wanted)
    return Holding(
        Till(tallies, ledger.read(standing, lots)),
        {row[0]: held.relocked(known[row[0]], row) for row in locked},
        {team_id: tuple(each) for team_id, each in versions},
        floor_us,
        stored,
        sorted({*ids.values()} - {row[0] for row in rows}),
    )


async def _ask(conn: Connection, asked: Sequence[tuple[str, dict[str, Any]]]) -> list[Rows]:
    """The rows of several statements, sent together; each sees what those before it waited for."""
    async with conn.pipeline():
        cursors = [await conn.cursor(binary=True).execute(statement(name), given) for name, given in asked]
    return [await cursor.fetchall() for cursor in cursors]


def _heads(wanted: Iterable[Wanted], ids: Ids) -> dict[str, list[Any]]:
    """The heads of rolling windows, each with where its oldest slot begins."""
    since: dict[int, datetime] = {}
    for each in wanted:
        for limit in each.path:
            if limit.head is None or each.terms is None or not isinstance(limit.budget, Budget):
                continue
            head = ids[each.terms.team.id, limit.head]
            start = oldest(limit.budget.seconds or 0, limit.key.starts_at)
            since[head] = min(since.get(head, start), start)
    return {"heads": list(since), "since": list(since.values())}


async def _usage(conn: Connection, wanted: Sequence[Wanted]) -> tuple[int, dict[tuple[int, int, bytes], bool]]:
    """Since when usage is taken, which stays so; and which rows of the batch are stored already."""
    rows: dict[int, list[Wire]] = {}
    for each in wanted:
        if each.wires and each.terms:
            rows.setdefault(each.terms.team.id, []).extend(each.wires)
    if not rows:
        return NOTHING_KEPT, {}
    floor_us = await hold_floor(conn)
    stored: dict[tuple[int, int, bytes], bool] = {}
    for team_id, made in rows.items():
        made.sort()
        met = await find_stored(conn, team_id, made)
        stored |= {(team_id, *made[place][:2]): True for place in met.same}
        stored |= {(team_id, *made[place][:2]): False for place in met.other}
    return floor_us, stored
