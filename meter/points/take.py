"""Points in: each stream's are added to those it has, and what they change of the usage goes in the same commit.

One way for all protocols, as for events: room and names first, each in a transaction of its own; then the streams are
locked in order of their ids, judged by what they stand at, and written. What is sent again changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from xxhash import xxh3_128_digest

from meter.database import Connection, Pool, lent
from meter.facts import MAX_DIGITS, Horizon, microseconds, quantity_refusal, size_refusal, time_refusal
from meter.ingest import AHEAD
from meter.mapping.route import Mapped
from meter.model import Caller, Meter, Refusal, SeriesKey, Team
from meter.points.counting import LONGEST_US, Kept, Origin, Reading, base
from meter.points.streams import Known, Sent, StreamCache, continued, resolve_readings, resolve_streams
from meter.points.write import Memory, RefusedPoints, Tally, Work, commit
from meter.segments import EXACT, SECOND_US
from meter.series import SeriesCache, resolve
from meter.store import Room
from meter.streams import Point, Stream

PAUSE_EACH = 1_000  # streams
FINEST = Decimal("1e-24")  # of a value as it is sent; binary fractions reach far below what anybody counts
SMALL = 15  # digits: with those of the longest time, far from the 26 that are stored
_LONGEST_S = Decimal(LONGEST_US // SECOND_US)


class Points:
    """The one way in for points, one per process: remembers ids between bodies."""

    def __init__(self, pool: Pool, past_days: int) -> None:
        """Takes points through `pool`; their times may lie `past_days` back."""
        self._pool = pool
        self._past = timedelta(days=past_days)
        self._series = SeriesCache()
        self._memory = Memory(StreamCache(), Room())

    async def take(
        self,
        team: Team,
        caller: Caller,
        source: str,
        streams: Sequence[tuple[Stream, Mapped]],
        meters: dict[str, Meter],
        now: datetime,
    ) -> Tally:
        """Counts the points of mapped streams exactly once.

        Raises Busy when not all of it could be committed; the same body may then be sent again.
        """
        refused: RefusedPoints = defaultdict(int)
        horizon = Horizon(microseconds(now - self._past), microseconds(now + AHEAD))
        async with lent(self._pool) as conn:
            work = await self._work(conn, team, caller, source, streams, (meters, horizon, refused))
            await self._memory.room.prepare(conn, {point.time_us for each in work for point in each.points})
            return await commit(conn, team.id, work, refused, self._memory)

    async def _work(
        self,
        conn: Connection,
        team: Team,
        caller: Caller,
        source: str,
        streams: Sequence[tuple[Stream, Mapped]],
        rules: tuple[dict[str, Meter], Horizon, RefusedPoints],
    ) -> list[Work]:
        """The points to judge, by stream; those that can't be counted whatever there is are refused here."""
        meters, horizon, refused = rules
        sent = [_sent(stream, target, caller.member) for stream, target in streams]
        known = await self._known(conn, team, caller, source, sent, meters)
        work: dict[int, Work] = {}
        for number, (each, (_, _, stream_id, reading, origin)) in enumerate(zip(sent, known, strict=True)):
            if number % PAUSE_EACH == 0:
                await asyncio.sleep(0)  # other requests go on meanwhile
            name, field = each.stream.name, each.stream.field
            mine = work.setdefault(stream_id, Work(stream_id, origin, [], name, field))
            for point in each.stream.points:
                why = _unfit(point, reading, horizon)
                if why is None:
                    mine.points.append(_kept(point, reading))
                else:
                    refused[name, field, *why] += 1
        return [work[stream_id] for stream_id in sorted(work) if work[stream_id].points]

    async def _known(
        self,
        conn: Connection,
        team: Team,
        caller: Caller,
        source: str,
        sent: Sequence[Sent],
        meters: dict[str, Meter],
    ) -> list[Known]:
        """Each stream with its id and reading; those not known yet are found or made first."""
        cache = self._memory.streams
        known = {place: found for place, each in enumerate(sent) if (found := cache.find(team.id, caller.key_id, each))}
        new = [place for place in range(len(sent)) if place not in known]
        if new:
            series = await self._series_ids(conn, team.id, caller, {sent[place].target.series for place in new}, meters)
            going_on = await continued(conn, team.id, [sent[place] for place in new])
            ids = await resolve_streams(conn, team.id, source, going_on)
            recipes = [(ids[each.identity], each.target, series[each.target.series]) for each in going_on]
            readings = await resolve_readings(conn, recipes)
            for place, each, reading in zip(new, going_on, readings, strict=True):
                origin = Origin(each.identity, each.start_us)
                known[place] = Known(each.target, caller.key_id, ids[each.identity], reading, origin)
                cache.keep(team.id, sent[place].identity, known[place])
        return [known[place] for place in range(len(sent))]

    async def _series_ids(
        self, conn: Connection, team_id: int, caller: Caller, keys: set[SeriesKey], meters: dict[str, Meter]
    ) -> dict[SeriesKey, int]:
        known = self._series.of(team_id, caller.key_id, meters).series
        if not keys <= known.keys():
            known.update(await resolve(conn, team_id, caller, keys - known.keys(), meters))
        return known


def _sent(stream: Stream, target: Mapped, member: str | None) -> Sent:
    """A stream with its whole identity: apart by the member who sends it, and by the instant since which it counts."""
    bare = stream.identity if member is None else xxh3_128_digest(stream.identity + member.encode())
    if target.way != "counter" or not target.trusts_starts or stream.start_us is None:
        return Sent(stream, target, bare, None, bare)
    start = stream.start_us.to_bytes(8, "big", signed=True)
    return Sent(stream, target, xxh3_128_digest(bare + start), stream.start_us, bare)


def _kept(point: Point, reading: Reading) -> Kept:
    """The point as it is kept: its value to 24 decimals."""
    value = None if point.value is None else EXACT.quantize(point.value, FINEST)
    return Kept(point.time_us, value, reading)


def _unfit(point: Point, reading: Reading, horizon: Horizon) -> Refusal | None:
    """Why a point can't be counted, whatever there is of its stream: no number, too large, too old, or ahead of us."""
    value = point.value
    if value is not None:
        refused = None
        if not value.is_finite() or value < 0 or value.adjusted() >= MAX_DIGITS:
            refused = size_refusal(value)
        # what is small after all factors needs no closer look
        elif value.adjusted() + reading.multiply.adjusted() - reading.divide.adjusted() > SMALL:
            refused = _too_much(value, reading)
        if refused:
            return refused
    return None if horizon.earliest_us <= point.time_us <= horizon.latest_us else time_refusal(point.time_us, horizon)


def _too_much(value: Decimal, reading: Reading) -> Refusal | None:
    """Why what a value comes to can't be stored, held for the longest time where it is a level."""
    whole = base(value, reading)
    return quantity_refusal(EXACT.multiply(whole, _LONGEST_S) if reading.way == "level" else whole)
