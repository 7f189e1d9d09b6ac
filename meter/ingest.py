"""Events in: validate, resolve series, dedupe and COPY in one commit; the receipt is written after it.

The order matters. Series, partitions and first arrivals are made in earlier transactions of their own, so that the one
that counts is short: COPY, touched log, commit. A batch is written in key order, so two writers of the same events wait
for each other and never deadlock. Only a batch that meets a duplicate pays for finding out which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from meter import facts, stored
from meter.database import Connection, Pool, lent
from meter.duplicates import Outcome, leaning, receipt, repeats, settle
from meter.errors import Busy
from meter.facts import Defaults, Horizon, microseconds
from meter.model import Caller, Event, Meter, Receipt, Refusal, Rejection, Team
from meter.rows import Numbers, Request, Wire, make, pack
from meter.segments import QUARTER_US
from meter.series import SeriesCache, resolve
from meter.store import Room, below, copy, hold_floor, spread
from sql import statement

AHEAD = timedelta(minutes=5)
ATTEMPTS = 5
Events = Sequence[Event | Rejection]


class Ingest:
    """The one way in, one per process: holds what may be remembered between batches (series ids, weeks, numbers)."""

    def __init__(self, pool: Pool, past_days: int) -> None:
        """Takes events through `pool`; an event's time may lie `past_days` back."""
        self._pool = pool
        self._past = timedelta(days=past_days)
        self._series = SeriesCache()
        self._room = Room()
        self._numbers = Numbers()

    async def take(
        self, team: Team, caller: Caller, events: Events, now: datetime, request: str | None = None
    ) -> Receipt:
        """Stores events exactly once and says what became of each; `request` is the Idempotency-Key, if any.

        Events that a decoder refused come as Rejections and keep their index. Raises Busy when nothing could be
        committed; the same body may then be sent again.
        """
        async with lent(self._pool) as conn:
            shared = await self._request(conn, team, caller.member, events, now, request)
            rows, refused = await self._rows(conn, caller, events, shared)
            rows.sort()
            await self._room.prepare(conn, [quarter * QUARTER_US for quarter in spread(rows, QUARTER_US)])
            outcome = await _store(conn, team.id, rows, Outcome(set(), refused))
        return receipt(len(events), outcome)

    async def wired(
        self, conn: Connection, team_id: int, caller: Caller, rows: Sequence[facts.Row], meters: Mapping[str, Meter]
    ) -> list[Wire]:
        """Checked rows in key order, their series and partitions made, for a commit of somebody else's.

        Raises Busy where a meter was changed since `meters` were read.
        """
        known = self._series.of(team_id, caller.key_id, meters)
        if missing := {row.series for row in rows} - known.series.keys():
            known.series.update(await resolve(conn, team_id, caller, missing, meters))
        made = sorted(pack(rows, team_id, known.series, self._numbers))
        await self._room.prepare(conn, [quarter * QUARTER_US for quarter in spread(made, QUARTER_US)])
        return made

    async def _request(
        self, conn: Connection, team: Team, member: str | None, events: Events, now: datetime, request: str | None
    ) -> Request:
        """What the events have in common, first arrivals of those without a time among it."""
        horizon = Horizon(microseconds(now - self._past), microseconds(now + AHEAD))
        arrivals = await _arrivals(conn, team.id, events, now, request)
        zone = ZoneInfo(team.timezone)
        return Request(team.id, await load_meters(conn, team.id), horizon, Defaults(member, request, arrivals, zone))

    async def _rows(
        self, conn: Connection, caller: Caller, events: Events, request: Request
    ) -> tuple[list[Wire], dict[int, Refusal]]:
        """The rows of all good events, their series made where missing; and why the others are refused."""
        known = self._series.of(request.team_id, caller.key_id, request.meters)
        rows, pending, refused = make(events, request, known, self._numbers)
        if not pending:
            return rows, refused
        wanted = {row.series for row in pending} - known.series.keys()
        bad = {key: why for key in wanted if (why := facts.series_refusal(key, request.meters))}
        if len(wanted) > len(bad):
            known.series.update(await resolve(conn, request.team_id, caller, wanted - bad.keys(), request.meters))
        for row in pending:
            if row.series in bad:
                refused.setdefault(row.place, bad[row.series])
        good = (row for row in pending if row.place not in refused)
        return rows + pack(good, request.team_id, known.series, self._numbers), refused


async def load_meters(conn: Connection, team_id: int) -> dict[str, Meter]:
    """The meters of the catalogue and a team's own, archived ones too, by slug."""
    rows = await (await conn.execute(statement("list_meters"), {"team_id": team_id})).fetchall()
    return {row[1]: meter_of(row) for row in rows}


def meter_of(row: Sequence[Any]) -> Meter:
    """A meter from a row of list_meters, whose columns stand in the order of its fields."""
    statuses = None if row[15] is None else tuple(row[15])
    return Meter(*(*row[:9], frozenset(row[9]), *row[10:15], statuses, *row[16:]))


async def _arrivals(
    conn: Connection, team_id: int, events: Events, now: datetime, request: str | None
) -> Mapping[bytes, datetime]:
    """First arrivals of the events that have no time of their own, remembered before anything is stored."""
    untimed = {
        facts.arrival_id(event, index, request)
        for index, event in enumerate(events)
        if isinstance(event, Event)
        and event.time is None
        and facts.needs_arrival(event)
        and facts.shape_refusal(event) is None
    }
    if not untimed:
        return {}
    parameters = {"team_id": team_id, "now": now, "event_ids": [UUID(bytes=event_id) for event_id in sorted(untimed)]}
    await conn.execute(statement("remember_arrivals"), parameters)
    found = await (await conn.execute(statement("list_arrivals"), parameters)).fetchall()
    return {event_id.bytes: time for event_id, time in found}


async def _store(conn: Connection, team_id: int, made: list[Wire], outcome: Outcome) -> Outcome:
    """Commits rows in key order; says which events were duplicates or conflicts, of each other or of what is stored."""
    met = repeats(made)
    await _commit(conn, team_id, settle(made, met, outcome), outcome)
    if (met.same or met.other) and outcome.refused:
        again = leaning(made, outcome)
        if again:  # fewer each time: the first of each identity stays behind
            await _store(conn, team_id, again, outcome)
    return outcome


async def _commit(conn: Connection, team_id: int, rows: list[Wire], outcome: Outcome) -> None:
    """Commits the rows, but for those of events that are stored or contradict what is.

    A COPY that meets a stored row is rolled back whole; then the stored ones are told from the new ones and only the
    new ones go in. Another writer may come between, hence the bounded loop.
    """
    for _ in range(ATTEMPTS):
        if not rows:
            return
        try:
            late = await _write(conn, team_id, rows)
        except psycopg.errors.UniqueViolation:
            rows = settle(rows, await stored.find(conn, team_id, rows), outcome)
            continue
        except psycopg.errors.DeadlockDetected:
            continue  # TimescaleDB writes chunk by chunk, whatever the order of the rows; the other writer goes first
        if not late:
            return
        outcome.refused.update(late)
        rows = [row for row in rows if row[2] not in late]
    raise Busy("other writers keep sending the same events; send it again")


async def _write(conn: Connection, team_id: int, rows: Sequence[Wire]) -> dict[int, Refusal]:
    """COPY and touched log in one commit; instead returns refusals, and writes nothing, where raw data is gone."""
    async with conn.transaction():
        floor = await hold_floor(conn)
        late = {row[2]: below(floor) for row in rows if row[0] < floor}
        if not late:
            await copy(conn, team_id, rows)
        return late
