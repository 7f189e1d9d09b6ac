"""The source comes in: events as any collector sends them, checked as ingest checks them, kept apart from usage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from psycopg.types.json import Jsonb

from meter import copy_rows, facts, labels
from meter.backfill import book
from meter.backfill.model import Order
from meter.copy_rows import read_row
from meter.database import Connection
from meter.duplicates import Met, Outcome, leaning, receipt, repeats, settle
from meter.errors import BackfillState
from meter.facts import Defaults, Horizon, Row, instant, microseconds
from meter.identity import named
from meter.ingest import AHEAD, Events, load_meters
from meter.model import Event, Meter, Receipt, Refusal, Rejection, SeriesKey, Team
from meter.rows import Numbers, Wire, pack
from meter.segments import EXACT
from meter.store import below, hold_floor
from sql import statement

AT_ONCE = 500  # events between two looks at what else there is to do: collectors are served by the same process
_encode = msgspec.json.Encoder(order="deterministic").encode


class Staging:
    """Takes in what sources bring, one per process: remembers how numbers are written."""

    def __init__(self, past_days: int) -> None:
        """An event's time may lie `past_days` back."""
        self._past = timedelta(days=past_days)
        self._numbers = Numbers()

    async def take(
        self, conn: Connection, team: Team, public_id: UUID, events: Events, now: datetime, request: str | None
    ) -> Receipt:
        """Keeps events of a source, each once, and says what became of each; those that can't be are kept nowhere.

        `request` is the Idempotency-Key, if any. Raises NotFound, and BackfillState where it takes no more.
        """
        backfill = await book.get(conn, team.id, public_id)
        meters = await load_meters(conn, team.id)
        horizon = Horizon(microseconds(now - self._past), microseconds(now + AHEAD))
        made: list[Row] = []
        refused: dict[int, Refusal] = {}
        defaults = Defaults(None, request, {}, ZoneInfo(team.timezone))
        for index, event in enumerate(events):
            if index % AT_ONCE == 0:
                await asyncio.sleep(0)
            found = _units(event, index, meters, horizon, defaults, backfill.order)
            if isinstance(found, Refusal):
                refused[index] = found
            else:
                made += found
        async with conn.transaction():
            floor = await hold_floor(conn)
            backfill = await book.hold(conn, backfill.id)
            if backfill.state not in ("staged", "compared"):
                raise BackfillState(f"it is {backfill.state}, and takes no more events; begin another one")
            late = {row.place: below(floor) for row in made if row.time_us + 1 - (row.covers_us or 1) < floor}
            outcome = Outcome(set(), refused | late)
            ids = await _labels(conn, backfill.id, {row.series for row in made if row.place not in late})
            rows = pack((row for row in made if row.place not in late), backfill.id, ids, self._numbers)
            if await _keep(conn, backfill.id, rows, outcome) and backfill.state == "compared":
                await book.move(conn, backfill, "staged", now)
        return receipt(len(events), outcome)


def _units(
    event: Event | Rejection,
    index: int,
    meters: Mapping[str, Meter],
    horizon: Horizon,
    defaults: Defaults,
    order: Order,
) -> list[Row] | Refusal:
    """The events of the source that one event is, one per meter, or why it can't be one."""
    if isinstance(event, Rejection):
        return Refusal(event.code, event.detail)
    if facts.needs_arrival(event):
        return Refusal("invalid_time", "an event of a backfill brings its time: when it arrives here says nothing")
    found = facts.rows(event, index, meters, horizon, defaults)
    if isinstance(found, Refusal):
        return found
    bad = next((why for key in {row.series for row in found} if (why := facts.series_refusal(key, meters))), None)
    return bad or _outside(found, order) or _ends(found, event, index, meters, defaults)


def _ends(rows: Sequence[Row], event: Event, index: int, meters: Mapping[str, Meter], defaults: Defaults) -> list[Row]:
    """Of each meter the last row, that of a sample with its level: the others follow from it."""
    if event.duration_seconds is None:
        return list(rows)
    given = facts.pairs(event, meters)
    assert not isinstance(given, Refusal)  # noqa: S101 (facts.rows has looked)
    return [
        row._replace(quantity=EXACT.multiply(given[row.series.meter], meters[row.series.meter].level_scale))
        for row in rows
        if row.event_id == named(event, row.series.meter, defaults.request, index)
    ]


def _outside(rows: Sequence[Row], order: Order) -> Refusal | None:
    """Why an event is none of those that the source speaks for."""
    start, end = microseconds(order.start), microseconds(order.end)
    last = max(row.time_us for row in rows)
    if not start <= last < end:
        told = f"{order.start.isoformat()} up to {order.end.isoformat()}"
        return Refusal("outside_backfill", f"the backfill is of {told}; a sample lies where it ends")
    for row in rows:
        if row.series.meter not in order.meters:
            return Refusal("outside_backfill", f"the backfill is not of {row.series.meter}")
        if not labels.passes(order.filters, row.series):
            return Refusal("outside_backfill", "its labels are not those that the backfill is of")
    return None


async def _labels(conn: Connection, backfill_id: int, keys: Iterable[SeriesKey]) -> dict[SeriesKey, int]:
    """The ids of labels, noted where they are new."""
    keyed = {UUID(bytes=blake2b(_encode(key), digest_size=16).digest()): key for key in keys}
    ordered = sorted(keyed)
    given = {
        "backfill_id": backfill_id,
        "identities": ordered,
        "meters": [keyed[each].meter for each in ordered],
        "members": [keyed[each].member for each in ordered],
        "services": [keyed[each].service for each in ordered],
        "dimensions": [Jsonb(dict(keyed[each].dimensions)) for each in ordered],
        "failed": [keyed[each].failed for each in ordered],
    }
    await conn.execute(statement("register_backfill_labels"), given)
    found = await (await conn.execute(statement("find_backfill_labels"), given)).fetchall()
    return {keyed[identity]: id_ for identity, id_ in found}


async def _keep(conn: Connection, backfill_id: int, made: list[Wire], outcome: Outcome) -> bool:
    """Keeps the rows of events that are new; whether there was any. As ingest judges a body."""
    made.sort(key=lambda row: row[:2])
    met = repeats(made)
    rows = settle(made, met, outcome)
    rows = settle(rows, await _find_kept(conn, backfill_id, rows), outcome)
    if rows:
        async with conn.cursor().copy(statement("copy_backfill_events")) as sink:
            await sink.write(copy_rows.body(row[3] for row in rows))
    again = leaning(made, outcome) if (met.same or met.other) and outcome.refused else []
    return bool(again and await _keep(conn, backfill_id, again, outcome)) or bool(rows)


async def _find_kept(conn: Connection, backfill_id: int, rows: Sequence[Wire]) -> Met:
    """Which of these rows the source has brought before, as the same fact or another."""
    asked = {
        "backfill_id": backfill_id,
        "times": [instant(row[0]) for row in rows],
        "event_ids": [UUID(bytes=row[1]) for row in rows],
    }
    found = await (await conn.execute(statement("find_backfill_events"), asked)).fetchall()
    same = frozenset(place - 1 for place, *kept in found if read_row(rows[place - 1][3]) == tuple(kept))
    return Met(same, frozenset(place - 1 for place, *_ in found) - same)
