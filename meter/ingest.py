"""Events in: validate, resolve series, dedupe and COPY in one commit; the receipt is written after it.

The order matters. Series, partitions and first arrivals are made in earlier transactions of their own, so that the one
that counts is short: COPY, touched log, commit. A batch is written in key order, so two writers of the same events wait
for each other and never deadlock. Only a batch that meets a duplicate pays for finding out which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout

from meter import copy_rows, facts
from meter.database import Connection, Pool
from meter.errors import Busy
from meter.facts import Defaults, Horizon, instant, microseconds
from meter.identity import hashed
from meter.model import Caller, Event, Meter, Receipt, Rejection, Team
from meter.segments import QUARTER_US
from meter.series import Refusal, SeriesKey, refusal, resolve
from sql import statement

WEEK_US = 7 * 86_400 * 1_000_000
AHEAD = timedelta(minutes=5)
ATTEMPTS = 5
CACHED_SERIES = 200_000
CACHED_NUMBERS = 100_000


class Wire(NamedTuple):
    """A row ready for COPY; sorts by time and id. `index` is the event's place in the body."""

    time_us: int
    event_id: bytes
    index: int
    series_id: int
    quantity: bytes
    covers_us: int | None
    attributes: bytes | None


class Batch(NamedTuple):
    """What one body became so far: rows of good events, refusals by index, how many events there were."""

    rows: list[Wire]
    refused: dict[int, Refusal]
    events: int


class Duplicate(NamedTuple):
    """Rows that are stored already: positions among the rows asked about, by whether they are the very same fact."""

    same: frozenset[int]
    other: frozenset[int]


CONFLICT = Refusal("id_conflict", "this identity is stored with another quantity, series or duration; use a new id")


class Ingest:
    """The one way in, one per process: holds what may be remembered between batches (series ids, weeks, numbers)."""

    def __init__(self, pool: Pool, past_days: int) -> None:
        """Takes events through `pool`; an event's time may lie `past_days` back."""
        self._pool = pool
        self._past = timedelta(days=past_days)
        self._series: dict[tuple[int, int], dict[SeriesKey, int]] = {}
        self._weeks: set[int] = set()
        self._numbers: dict[Decimal, bytes | Refusal] = {}

    async def take(
        self, team: Team, caller: Caller, events: Sequence[Event | Rejection], now: datetime, request: str | None = None
    ) -> Receipt:
        """Stores events exactly once and says what became of each; `request` is the Idempotency-Key, if any.

        Events that a decoder refused come as Rejections and keep their index. Raises Busy when nothing could be
        committed; the same body may then be sent again.
        """
        try:
            async with self._pool.connection() as conn:
                return await self._take(conn, team, caller, events, now, request)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Busy("nothing of this body was stored; send it again") from error

    async def _take(
        self, conn: Connection, team: Team, caller: Caller, events: Sequence[Event | Rejection], now: datetime, request: str | None
    ) -> Receipt:
        meters = await load_meters(conn, team.id)
        arrivals = await self._arrivals(conn, team.id, events, now, request)
        horizon = Horizon(microseconds(now - self._past), microseconds(now + AHEAD))
        batch = await self._rows(conn, team.id, caller, events, meters, horizon, Defaults(caller.member, request, arrivals))
        await self._prepare(conn, batch.rows)
        duplicates = await self._store(conn, team.id, batch)
        return receipt(events, batch, duplicates)

    async def _arrivals(
        self, conn: Connection, team_id: int, events: Sequence[Event | Rejection], now: datetime, request: str | None
    ) -> Mapping[bytes, datetime]:
        """First arrivals of the events that have no time of their own, remembered before anything is stored."""
        untimed = {
            facts.arrival_id(event, index, request)
            for index, event in enumerate(events)
            if isinstance(event, Event) and event.time is None and facts.needs_arrival(event)
        }
        if not untimed:
            return {}
        parameters = {"team_id": team_id, "now": now, "event_ids": [UUID(bytes=i) for i in sorted(untimed)]}
        await conn.execute(statement("remember_arrivals"), parameters)
        found = await (await conn.execute(statement("list_arrivals"), parameters)).fetchall()
        return {event_id.bytes: time for event_id, time in found}

    async def _rows(
        self,
        conn: Connection,
        team_id: int,
        caller: Caller,
        events: Sequence[Event | Rejection],
        meters: Mapping[str, Meter],
        horizon: Horizon,
        defaults: Defaults,
    ) -> Batch:
        """The rows of all good events, their series made where missing."""
        made, refused = self._expand(events, meters, horizon, defaults)
        known = self._known(team_id, caller)
        missing = {row.series for row in made if row.series not in known}
        bad = {key: why for key in missing if (why := refusal(key, meters))}
        if len(missing) > len(bad):
            known.update(await resolve(conn, team_id, caller, missing - bad.keys(), meters))
        for row in made if bad else ():
            if row.series in bad:
                refused.setdefault(row.index, bad[row.series])
        rows = [
            Wire(row.time_us, row.event_id, row.index, known[row.series], self._encoded(row.quantity), *row[5:])
            for row in made
            if row.index not in refused
        ]
        return Batch(rows, refused, len(events))

    def _expand(
        self, events: Sequence[Event | Rejection], meters: Mapping[str, Meter], horizon: Horizon, defaults: Defaults
    ) -> tuple[list[facts.Row], dict[int, Refusal]]:
        made: list[facts.Row] = []
        refused: dict[int, Refusal] = {}
        additive = frozenset(slug for slug, meter in meters.items() if not meter.time_weighted)
        for index, event in enumerate(events):
            if isinstance(event, Rejection):
                refused[index] = Refusal(event.code, event.detail)
                continue
            row = self._plain(event, index, additive, horizon, defaults.member)
            if row is not None:
                made.append(row)
                continue
            found = facts.rows(event, index, meters, horizon, defaults)
            if isinstance(found, Refusal):
                refused[index] = found
            else:
                made += found
        return made, refused

    def _plain(
        self, event: Event, index: int, additive: frozenset[str], horizon: Horizon, member: str | None
    ) -> facts.Row | None:
        """The row of an event of the commonest shape, or None where `facts.rows` must look closer.

        It decides nothing that `facts.rows` would decide otherwise (a property test holds them to that): it is here
        because nearly every event at high volume goes this way, at a third of the cost.
        """
        meter, quantity, event_id, time = event.meter, event.quantity, event.id, event.time
        if meter not in additive or quantity is None or event_id is None or time is None or time.tzinfo is None:
            return None
        if event.quantities is not None or event.attributes is not None or event.duration_seconds is not None:
            return None
        time_us = microseconds(time)
        if not horizon.earliest_us <= time_us <= horizon.latest_us or not 0 < len(event_id) <= facts.MAX_ID:
            return None
        if event.source is not None or "\0" in event_id or not isinstance(self._number(quantity), bytes):
            return None
        given = event.dimensions
        dimensions = () if not given else tuple(sorted(given.items())) if len(given) > 1 else tuple(given.items())
        key = SeriesKey(meter, event.member or member, event.service, dimensions)
        return facts.Row(time_us, hashed(b"i", "", event_id, meter), index, key, quantity, None, None)

    def _number(self, quantity: Decimal) -> bytes | Refusal:
        """A quantity as COPY takes it, or why it can't be stored; most quantities were seen before."""
        if not quantity.is_finite():
            return facts.NOT_FINITE
        known = self._numbers.get(quantity)
        if known is None:
            if len(self._numbers) >= CACHED_NUMBERS:
                self._numbers.clear()
            known = self._numbers[quantity] = facts.quantity_refusal(quantity) or copy_rows.numeric(quantity)
        return known

    def _encoded(self, quantity: Decimal) -> bytes:
        """A quantity that was checked before. Raises AssertionError for another: a row must never vanish in silence."""
        encoded = self._number(quantity)
        assert isinstance(encoded, bytes), encoded
        return encoded

    def _known(self, team_id: int, caller: Caller) -> dict[SeriesKey, int]:
        if sum(map(len, self._series.values())) >= CACHED_SERIES:
            self._series.clear()
        return self._series.setdefault((team_id, caller.key_id), {})

    async def _prepare(self, conn: Connection, rows: Iterable[Wire]) -> None:
        """Makes partitions for weeks that this process has not written to yet, in a transaction before theirs."""
        for week in sorted({row.time_us // WEEK_US for row in rows} - self._weeks):
            since = instant(week * WEEK_US)
            await conn.execute(statement("prepare_events"), {"since": since, "until": since + timedelta(days=7)})
            self._weeks.add(week)

    async def _store(self, conn: Connection, team_id: int, batch: Batch) -> set[int]:
        """Commits the rows; returns the indexes of duplicates and adds refusals for conflicts to the batch.

        A COPY that meets a stored row is rolled back whole; then the stored ones are told from the new ones and only
        the new ones go in. Another writer may come between, hence the bounded loop.
        """
        duplicates: set[int] = set()
        rows = settle_repeats(sorted(batch.rows, key=itemgetter(0, 1)), duplicates, batch.refused)
        for _ in range(ATTEMPTS):
            if not rows:
                return duplicates
            try:
                late = await self._write(conn, team_id, rows)
            except psycopg.errors.UniqueViolation:
                stored = await find_stored(conn, team_id, rows)
                rows = settle(rows, stored, duplicates, batch.refused)
                continue
            if not late:
                return duplicates
            batch.refused.update(late)
            rows = [row for row in rows if row.index not in late]
        raise Busy("other writers keep sending the same events; send it again")

    async def _write(self, conn: Connection, team_id: int, rows: Sequence[Wire]) -> dict[int, Refusal]:
        """COPY and touched log in one commit; instead returns refusals, and writes nothing, where raw data is gone."""
        async with conn.transaction():
            await conn.execute(statement("share_floor"))
            floor = await (await conn.execute(statement("get_floor"))).fetchone()
            late = below_floor(rows, floor[0] if floor else None)
            if late:
                return late
            stream = copy_rows.body(
                copy_rows.row(team_id, row.time_us, row.event_id, row.series_id, row.quantity, row.covers_us, row.attributes)
                for row in rows
            )
            async with conn.cursor().copy(statement("copy_events")) as copy:
                await copy.write(stream)
            buckets = sorted({row.time_us - row.time_us % QUARTER_US for row in rows})
            await conn.execute(statement("log_touched"), {"team_id": team_id, "buckets": [instant(b) for b in buckets]})
        return {}


async def load_meters(conn: Connection, team_id: int) -> dict[str, Meter]:
    """The meters a team may use, by slug."""
    rows = await (await conn.execute(statement("list_meters"), {"team_id": team_id})).fetchall()
    return {row[1]: Meter(*row[:9], frozenset(row[9])) for row in rows}


def below_floor(rows: Iterable[Wire], floor: datetime | None) -> dict[int, Refusal]:
    """Refusals for events that begin where raw data is dropped."""
    if floor is None:  # -infinity: nothing was ever dropped
        return {}
    floor_us = microseconds(floor)
    why = Refusal("too_late", f"raw events before {floor.isoformat()} are gone, so nothing can be added there")
    return {row.index: why for row in rows if row.time_us - (row.covers_us or 0) < floor_us}


async def find_stored(conn: Connection, team_id: int, rows: Sequence[Wire]) -> Duplicate:
    """Which of these rows are stored already, as the same fact or another."""
    parameters = {
        "team_id": team_id,
        "times": [instant(row.time_us) for row in rows],
        "event_ids": [UUID(bytes=row.event_id) for row in rows],
        "series_ids": [row.series_id for row in rows],
        "quantities": [copy_rows.decimal(row.quantity) for row in rows],
        "covers": [row.covers_us for row in rows],
    }
    found = await (await conn.execute(statement("find_stored"), parameters)).fetchall()
    return Duplicate(
        frozenset(position - 1 for position, same in found if same),
        frozenset(position - 1 for position, same in found if not same),
    )


def _fact(row: Wire) -> tuple[int, Decimal, int | None]:
    return row.series_id, copy_rows.decimal(row.quantity), row.covers_us


def settle_repeats(rows: list[Wire], duplicates: set[int], refused: dict[int, Refusal]) -> list[Wire]:
    """Rows without those that an earlier event of the same body brought already; `rows` are in key order."""
    same: set[int] = set()
    other: set[int] = set()
    for position in range(1, len(rows)):
        before, row = rows[position - 1], rows[position]
        if row[:2] == before[:2]:
            (same if _fact(row) == _fact(before) else other).add(position)
    return settle(rows, Duplicate(frozenset(same), frozenset(other)), duplicates, refused) if same or other else rows


def settle(rows: list[Wire], stored: Duplicate, duplicates: set[int], refused: dict[int, Refusal]) -> list[Wire]:
    """The rows still to write: an event all of whose rows are stored is a duplicate, one with some or others a conflict."""
    total = Counter(row.index for row in rows)
    same = Counter(rows[position].index for position in stored.same)
    conflicts = {rows[position].index for position in stored.other}
    conflicts |= {index for index, count in same.items() if count != total[index]}
    duplicates |= same.keys() - conflicts
    refused.update(dict.fromkeys(conflicts, CONFLICT))
    return [row for row in rows if row.index not in conflicts and row.index not in duplicates]


def receipt(events: Sequence[object], batch: Batch, duplicates: set[int]) -> Receipt:
    """What became of the body, counted in events."""
    rejected = [Rejection(index, *batch.refused[index]) for index in sorted(batch.refused)]
    return Receipt(len(events) - len(rejected) - len(duplicates), len(duplicates), rejected)
