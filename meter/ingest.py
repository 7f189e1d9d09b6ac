"""Events in: validate, resolve series, dedupe and COPY in one commit; the receipt is written after it.

The order matters. Series, partitions and first arrivals are made in earlier transactions of their own, so that the one
that counts is short: COPY, touched log, commit. A batch is written in key order, so two writers of the same events wait
for each other and never deadlock. Only a batch that meets a duplicate pays for finding out which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg_pool import PoolTimeout

from meter import copy_rows, facts
from meter.database import Connection, Pool
from meter.duplicates import Met, Outcome, leaning, receipt, repeats, settle
from meter.errors import Busy
from meter.facts import Defaults, Horizon, instant, microseconds
from meter.model import Caller, Event, Meter, Receipt, Refusal, Rejection, SeriesKey, Team
from meter.rows import Numbers, Request, Wire, make, pack
from meter.segments import QUARTER_US
from meter.series import resolve
from sql import statement

WEEK_US = 7 * 86_400 * 1_000_000
AHEAD = timedelta(minutes=5)
ATTEMPTS = 5
CACHED_SERIES = 200_000
Events = Sequence[Event | Rejection]
_key_order = itemgetter(0, 1)


class Known(NamedTuple):
    """Series ids found under the rules of these meters (id and version); a request under other rules has its own."""

    meters: tuple[tuple[int, int], ...]
    series: dict[SeriesKey, int]


class Ingest:
    """The one way in, one per process: holds what may be remembered between batches (series ids, weeks, numbers)."""

    def __init__(self, pool: Pool, past_days: int) -> None:
        """Takes events through `pool`; an event's time may lie `past_days` back."""
        self._pool = pool
        self._past = timedelta(days=past_days)
        self._series: dict[tuple[int, int], Known] = {}
        self._weeks: set[int] = set()
        self._numbers = Numbers()

    async def take(
        self, team: Team, caller: Caller, events: Events, now: datetime, request: str | None = None
    ) -> Receipt:
        """Stores events exactly once and says what became of each; `request` is the Idempotency-Key, if any.

        Events that a decoder refused come as Rejections and keep their index. Raises Busy when nothing could be
        committed; the same body may then be sent again.
        """
        try:
            async with self._pool.connection() as conn:
                shared = await self._request(conn, team, caller.member, events, now, request)
                rows, refused = await self._rows(conn, caller, events, shared)
                await self._prepare(conn, rows)
                outcome = await _store(conn, team.id, rows, Outcome(set(), refused))
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Busy("nothing of this body was stored; send it again") from error
        return receipt(len(events), outcome)

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
        known = self._known(request, caller)
        rows, pending, refused = make(events, request, known, self._numbers)
        if not pending:
            return rows, refused
        wanted = {row.series for row in pending} - known.keys()
        bad = {key: why for key in wanted if (why := facts.series_refusal(key, request.meters))}
        if len(wanted) > len(bad):
            known.update(await resolve(conn, request.team_id, caller, wanted - bad.keys(), request.meters))
        for row in pending:
            if row.series in bad:
                refused.setdefault(row.place, bad[row.series])
        good = (row for row in pending if row.place not in refused)
        return rows + pack(good, request.team_id, known, self._numbers), refused

    def _known(self, request: Request, caller: Caller) -> dict[SeriesKey, int]:
        """The series of a team and key that are known under these very meters; changed ones, and all else, anew."""
        if sum(len(known.series) for known in self._series.values()) >= CACHED_SERIES:
            self._series.clear()
        meters = tuple([(meter.id, meter.version) for meter in request.meters.values()])
        known = self._series.get((request.team_id, caller.key_id))
        if known is None or known.meters != meters:
            known = self._series[request.team_id, caller.key_id] = Known(meters, {})
        return known.series

    async def _prepare(self, conn: Connection, rows: Iterable[Wire]) -> None:
        """Makes partitions for weeks that this process has not written to yet, in a transaction before theirs."""
        for week in sorted({row[0] // WEEK_US for row in rows} - self._weeks):
            since = instant(week * WEEK_US)
            await conn.execute(statement("prepare_events"), {"since": since, "until": since + timedelta(days=7)})
            self._weeks.add(week)


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
    """Commits the rows and says which events were duplicates or conflicts, of each other or of what is stored."""
    made.sort(key=_key_order)
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
            rows = settle(rows, await _find_stored(conn, team_id, rows), outcome)
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
        await conn.execute(statement("share_floor"))
        floor = await (await conn.execute(statement("get_floor"))).fetchone()
        late = _below_floor(rows, floor[0] if floor else None)
        if late:
            return late
        async with conn.cursor().copy(statement("copy_events")) as copy:
            await copy.write(copy_rows.body(row[3] for row in rows))
        buckets = sorted({row[0] // QUARTER_US for row in rows})
        touched = {"team_id": team_id, "buckets": [instant(bucket * QUARTER_US) for bucket in buckets]}
        await conn.execute(statement("log_touched"), touched)
    return {}


def _below_floor(rows: Iterable[Wire], floor: datetime | None) -> dict[int, Refusal]:
    """Refusals for events with a part where raw data is dropped."""
    if floor is None:  # nothing was ever dropped
        return {}
    floor_us = microseconds(floor)
    why = Refusal("too_late", f"raw events before {floor.isoformat()} are gone, so nothing can be added there")
    return {row[2]: why for row in rows if row[0] < floor_us}


async def _find_stored(conn: Connection, team_id: int, rows: Sequence[Wire]) -> Met:
    """Which of these rows are stored already, as the same fact or another."""
    facts_in = [copy_rows.read_row(row[3]) for row in rows]
    parameters = {
        "team_id": team_id,
        "times": [instant(row[0]) for row in rows],
        "event_ids": [UUID(bytes=row[1]) for row in rows],
        "series_ids": [fact.series_id for fact in facts_in],
        "quantities": [fact.quantity for fact in facts_in],
        "covers": [fact.covers_us for fact in facts_in],
    }
    found = await (await conn.execute(statement("find_stored"), parameters)).fetchall()
    same = frozenset(position - 1 for position, is_same in found if is_same)
    return Met(same, frozenset(position - 1 for position, _ in found) - same)
