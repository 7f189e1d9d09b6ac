"""Keeps in which quarters series have data, and when they were there: follows what was rolled up, a slice at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from meter.coverage.facts import LEAST_SILENCE, MISSED
from meter.coverage.share import DAY, day_number, quarter, start_of
from meter.coverage.times import GONE, GONE_DAYS, first, last, times
from meter.database import Connection
from meter.windows import QUARTER
from sql import statement

SLICE = 2_000
SLICES = 50
AT_ONCE = 500
"""Series whose times are told anew with one look at all their days."""


class Change(NamedTuple):
    """What changed of a day of a series: its quarters with data before and now."""

    series: int
    day: int
    was: int
    seen: int

    @property
    def added(self) -> int:
        """Quarters that have data only now."""
        return self.seen & ~self.was


class Standing(NamedTuple):
    """The newest quarter with data of a series, and since when it is there; None where there is none, or it is not."""

    newest: int | None
    since: int | None


async def follow(conn: Connection, now: datetime) -> int:
    """Notes what was rolled up since the last time, and up to when all is noted; how many quarters that were.

    `conn` must be in autocommit mode: each slice is a transaction.
    """
    followed, noted = 0, SLICE
    for _ in range(SLICES):
        noted = await _follow_slice(conn)
        followed += noted
        if noted < SLICE:
            break
    async with conn.transaction():
        await conn.execute(statement("lock_coverage"))
        await conn.execute(statement("end_spans"), {"before": now - QUARTER})
        await conn.execute(statement("lose_spans"), {"before": now - timedelta(days=GONE_DAYS) - QUARTER})
    if noted < SLICE:
        await _record(conn, now)
    return followed


async def enrol(conn: Connection) -> int:
    """Expects reports of series that nobody expected yet and that should: at most AT_ONCE; how many that were."""
    async with conn.transaction():
        await conn.execute(statement("lock_coverage"))
        rows = await (await conn.execute(statement("enrol_series"), {"most": AT_ONCE})).fetchall()
        await _fill(conn, [series for (series,) in rows])
    return len(rows)


async def _follow_slice(conn: Connection) -> int:
    """Notes what changed in one slice of the quarters that wait, in one transaction; how many rows that were."""
    async with conn.transaction():
        await conn.execute(statement("lock_coverage"))
        noted = await (await conn.execute(statement("note_coverage"), {"most": SLICE})).fetchall()
        if not noted:
            return 0
        places = sorted({(team_id, bucket) for _, team_id, bucket in noted})
        asked = {"teams": [team_id for team_id, _ in places], "buckets": [bucket for _, bucket in places]}
        new = await (await conn.execute(statement("enrol_used_series"), asked)).fetchall()
        await _fill(conn, [series for (series,) in new])
        rows = await (await conn.execute(statement("mark_coverage"), asked)).fetchall()
        await _settle(conn, [_change(*row) for row in rows])
        await conn.execute(statement("forget_follow_ups"), {"ids": [number for number, _, _ in noted]})
    return len(noted)


def _change(series: int, day: date, was: str, seen: str) -> Change:
    return Change(series, day_number(day), int(was, 2), int(seen, 2))


async def _fill(conn: Connection, series: Sequence[int]) -> None:
    """Notes all that there is of series that are new here."""
    if series:
        await conn.execute(statement("fill_coverage"), {"series": series})
        await _tell_anew(conn, series)


async def _settle(conn: Connection, changes: Sequence[Change]) -> None:
    """Moves on the series that just went on; of all others tells anew when they were there."""
    if not changes:
        return
    asked = {"series": sorted({each.series for each in changes})}
    rows = await (await conn.execute(statement("list_standings"), asked)).fetchall()
    standings = {
        series: Standing(None if newest is None else quarter(newest), None if since is None else quarter(since))
        for series, newest, since in rows
    }
    moved: dict[int, int] = {}
    anew: list[int] = []
    for series, group in groupby(changes, key=itemgetter(0)):
        newest = went_on(standings[series], list(group))
        if newest is None:
            anew.append(series)
        else:
            moved[series] = newest
    await _advance(conn, moved)
    await _tell_anew(conn, anew)


def went_on(standing: Standing, changes: Sequence[Change]) -> int | None:
    """The newest quarter with data of a series that was there all along; None where that has to be told anew."""
    if standing.newest is None or standing.since is None or any(each.was & ~each.seen for each in changes):
        return None
    newest = standing.newest
    for each in sorted(changes, key=itemgetter(1)):
        earliest, latest = each.day * DAY + first(each.added), each.day * DAY + last(each.added)
        if earliest < standing.since or earliest - newest > GONE:
            return None
        newest = max(newest, latest)
    return newest


async def _tell_anew(conn: Connection, series: Sequence[int]) -> None:
    """Tells from all their days when series were there."""
    for start in range(0, len(series), AT_ONCE):
        some = series[start : start + AT_ONCE]
        asked = {"series": some}
        days = await (await conn.execute(statement("list_coverage"), asked)).fetchall()
        spans = await (await conn.execute(statement("list_spans"), asked)).fetchall()
        await conn.execute(statement("drop_spans"), asked)
        await _keep(conn, some, _by_series(days), _by_series(spans))


def _by_series(rows: Iterable[Sequence[object]]) -> dict[int, list[Sequence[object]]]:
    found: dict[int, list[Sequence[object]]] = {}
    for series, *rest in rows:
        found.setdefault(int(str(series)), []).append(rest)
    return found


async def _keep(
    conn: Connection,
    series: Sequence[int],
    days: Mapping[int, Sequence[Sequence[object]]],
    spans: Mapping[int, Sequence[Sequence[object]]],
) -> None:
    newest: dict[int, int | None] = {}
    kept: dict[str, list[object]] = {"series": [], "since": [], "until": [], "ended": []}
    for each in series:
        mine = [(day_number(day), int(str(seen), 2)) for day, seen in days.get(each, ()) if isinstance(day, date)]
        ends = [quarter(until) for _, until, ended in spans.get(each, ()) if ended and isinstance(until, datetime)]
        newest[each] = mine[-1][0] * DAY + last(mine[-1][1]) if mine else None
        for since, until, ended in times(mine, ends):
            kept["series"].append(each)
            kept["since"].append(start_of(since))
            kept["until"].append(None if until is None else start_of(until))
            kept["ended"].append(ended)
    await conn.execute(statement("keep_spans"), kept)
    await _advance(conn, newest)


async def _advance(conn: Connection, newest: Mapping[int, int | None]) -> None:
    if newest:
        quarters = [None if each is None else start_of(each) for each in newest.values()]
        await conn.execute(statement("advance_series"), {"series": list(newest), "quarters": quarters})


async def _record(conn: Connection, now: datetime) -> None:
    """Keeps up to when all is noted: now, or when the oldest of what is not rolled up yet came."""
    waiting = await (await conn.execute(statement("find_oldest_touched"))).fetchone()
    asked = {"now": now, "missed": MISSED, "least_seconds": int(LEAST_SILENCE.total_seconds())}
    (silent,) = (await (await conn.execute(statement("count_silent"), asked)).fetchall())[0]
    at = now if waiting is None else min(now, waiting[0])
    await conn.execute(statement("record_coverage"), {"at": at, "silent": silent})
