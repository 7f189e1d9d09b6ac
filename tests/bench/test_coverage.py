"""What coverage costs a question, and keeping it the worker: the same questions asked with and without it.

METER_TEST_BENCH_EVENTS says how many events lie behind the answers (by default one per quarter), of fifty series over a
year; then a day of ten thousand series.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from meter import usage
from meter.aggregate import refresh
from meter.coverage import follow
from meter.coverage import learn as learning
from meter.database import Connection
from meter.labels import Filter
from meter.usage import Query
from tests.bench import report
from tests.bench.test_trends import CHUNK, YEAR, text, waiting
from tests.contract.conftest import place as place  # noqa: PLC0414 (a fixture)
from tests.contract.place import Place

pytestmark = pytest.mark.bench
EVENTS = int(os.environ.get("METER_TEST_BENCH_EVENTS", "1752000"))
SERIES, MANY = 50, 10_000
ASKED = 20
END = datetime(2026, 11, 18, tzinfo=UTC)
KATHMANDU = ZoneInfo("Asia/Kathmandu")


def questions() -> dict[str, Query]:
    """What is asked, by a name for it."""
    year = Query(meters=("cpu",), start=END - YEAR, end=END, zone=KATHMANDU)
    month = replace(year, start=END - timedelta(days=30))
    return {
        "a member a month by hour": replace(month, window="hour", filters=(Filter("member", "in", ("m1",)),)),
        "a team a year by day and service": replace(year, window="day", group_by=("service",)),
        "a team a year by day": replace(year, window="day"),
        "a team a year by hour": replace(year, window="hour"),
        "a team a month": month,
    }


async def make_series(conn: Connection, place: Place, count: int) -> list[int]:
    """Make series of a meter of levels: member, service."""
    rows = await (await conn.execute(text("make_series"), {"team_id": place.team.id, "count": count})).fetchall()
    return [row[0] for row in rows]


async def fill(conn: Connection, place: Place, series: list[int], events: int, start: datetime) -> None:
    """Store events of all series from a start to END and roll them up."""
    await conn.execute("call prepare_until(%s, %s)", (END, start))
    common = {"team_id": place.team.id, "series": series, "start": start, "step": (END - start) / events}
    for first in range(0, events, CHUNK):
        await conn.execute(text("fill_year"), {**common, "first": first, "last": min(first + CHUNK, events) - 1})
    await conn.execute(text("touch_year"), {"team_id": place.team.id, "start": start, "end": END})
    while await waiting(conn):
        await refresh(conn)


async def keep(conn: Connection) -> float:
    """Follow all that was rolled up; answer how long it took."""
    began = time.perf_counter()
    while await follow.follow(conn, END) >= follow.SLICE:
        pass
    await learning.learn(conn, END)
    return time.perf_counter() - began


async def timed(times: int, work: Callable[[], Awaitable[object]]) -> list[float]:
    """Answer how long something took, each time."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return taken


async def test_questions_with_and_without_coverage(place: Place, engine: str) -> None:
    """In turns, so that whatever else the machine does falls on both."""
    async with place.pool.connection() as conn:
        await fill(conn, place, await make_series(conn, place, SERIES), EVENTS, END - YEAR)
        took = await keep(conn)
        await conn.execute("vacuum analyze")
        report.line("follow a year", engine=engine, events=EVENTS, series=SERIES, seconds=took)
        for name, query in questions().items():
            plain: list[float] = []
            covered: list[float] = []
            for _ in range(ASKED):
                plain += await timed(1, partial(usage.read, conn, place.team, query))
                covered += await timed(1, partial(usage.read, conn, place.team, query, END))
            found = await usage.read(conn, place.team, query, END)
            assert found.coverage is not None
            report.line(
                name,
                engine=engine,
                events=EVENTS,
                p50_ms=report.percentile(plain, 50) * 1000,
                covered_p50_ms=report.percentile(covered, 50) * 1000,
                p99_ms=report.percentile(plain, 99) * 1000,
                covered_p99_ms=report.percentile(covered, 99) * 1000,
            )


async def test_a_day_of_many_series(place: Place, engine: str) -> None:
    """Each in every quarter: what the rows take, a first run, a run where nothing changes, and one new quarter."""
    async with place.pool.connection() as conn:
        await fill(conn, place, await make_series(conn, place, MANY), MANY * 96, END - timedelta(days=1))
        first = await keep(conn)
        await conn.execute("vacuum analyze")
        now = await timed(5, partial(again, conn, place))
        rows = await conn.execute("select count(*), pg_total_relation_size('coverage') from coverage")
        ((count, size),) = await rows.fetchall()
        report.line(
            "a day of many series",
            engine=engine,
            series=MANY,
            first_seconds=first,
            unchanged_ms=report.percentile(now, 50) * 1000,
            rows=count,
            bytes_a_row=size / count,
        )


async def again(conn: Connection, place: Place) -> None:
    """Follow the last quarter once more."""
    last = {"team_id": place.team.id, "bucket": END - timedelta(minutes=15)}
    await conn.execute(
        "insert into follow_up (job, team_id, bucket) values ('coverage', %(team_id)s, %(bucket)s)", last
    )
    await follow.follow(conn, END)
