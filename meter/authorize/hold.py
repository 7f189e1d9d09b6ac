"""What a batch may touch, held until its transaction ends and read as it stands then: in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from meter import stored
from meter.authorize import held
from meter.authorize.holding import Holding
from meter.authorize.prepare import Wanted
from meter.authorize.till import Counted, Tally, Till
from meter.database import Connection
from meter.ledger import store as ledger
from meter.limits.budget import Budget
from meter.limits.path import CounterKey
from meter.limits.window import oldest
from meter.rows import Wire
from meter.store import HOLDING_FLOOR, NO_FLOOR, floor_of
from sql import statement

Ids = Mapping[tuple[int, CounterKey], int]
Rows = list[tuple[Any, ...]]


async def hold(conn: Connection, wanted: Sequence[Wanted], ids: Ids) -> Holding:
    """Holds and reads what these requests touch, in a pipeline; `ids` are those of the counters that they look at."""
    known = {each.reservation.id: each.reservation for each in wanted if each.reservation}
    counters = {*ids.values(), *(one for each in known.values() for one, _ in each.held.counters)}
    accounts = {each.account_id for each in wanted if each.account_id}
    accounts |= {each.held.account_id for each in known.values() if each.held.account_id}
    teams = sorted({each.terms.team.id for each in wanted if each.terms})
    heads, usage = _heads(wanted, ids), _usage(wanted)
    answers = await _ask(
        conn,
        [
            ("lock_reservations", {"ids": sorted(known)} if known else None),
            ("hold_counters", {"ids": sorted(counters)} if counters else None),
            ("read_slots", heads if heads["heads"] else None),
            *((name, dict(ledger.locking(accounts)) if accounts else None) for name in ledger.LOCKING),
            ("list_terms_versions", {"team_ids": teams} if teams else None),
            *((name, {}) for name in HOLDING_FLOOR if usage),
            *((stored.FINDING, stored.asked(team_id, rows)) for team_id, rows in usage.items()),
        ],
    )
    locked, rows, slots, standing, lots, versions, *more = answers
    tallies = {}
    for row in (*slots, *rows):
        counted = Counted(row[0], row[1], CounterKey(*row[2:9]), *row[9:])
        tallies[counted.team_id, counted.key] = Tally(counted)
    return Holding(
        Till(tallies, ledger.read(standing, lots)),
        {row[0]: held.relocked(known[row[0]], row) for row in locked},
        {team_id: tuple(each) for team_id, each in versions},
        floor_of(more[1]) if usage else NO_FLOOR,
        await _stored(conn, usage, more[len(HOLDING_FLOOR) :]),
        sorted({*ids.values()} - {row[0] for row in rows}),
    )


async def _ask(conn: Connection, asked: Iterable[tuple[str, dict[str, Any] | None]]) -> list[Rows]:
    """The rows of several statements, sent together; each sees what those before it waited for.

    Where nothing is to be asked there are none: what a statement costs is mostly that it is one more.
    """
    cursors = [
        None if given is None else await conn.cursor(binary=True).execute(statement(name), given)
        for name, given in asked
    ]
    return [[] if cursor is None else await cursor.fetchall() for cursor in cursors]


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


def _usage(wanted: Iterable[Wanted]) -> dict[int, list[Wire]]:
    """The rows to store by team, in key order."""
    rows: dict[int, list[Wire]] = {}
    for each in wanted:
        if each.wires and each.terms:
            rows.setdefault(each.terms.team.id, []).extend(each.wires)
    return {team_id: sorted(made) for team_id, made in rows.items()}


async def _stored(
    conn: Connection, usage: Mapping[int, Sequence[Wire]], answers: Sequence[Rows]
) -> dict[tuple[int, int, bytes], bool]:
    """Which of the rows are stored already, and whether they say the same."""
    found: dict[tuple[int, int, bytes], bool] = {}
    for (team_id, rows), answer in zip(usage.items(), answers, strict=True):
        met = await stored.met(conn, team_id, rows, answer)
        found |= {(team_id, *rows[place][:2]): True for place in met.same}
        found |= {(team_id, *rows[place][:2]): False for place in met.other}
    return found
