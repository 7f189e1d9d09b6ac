"""Every question about usage, asked of a team with few series and one with many, while 1,000 events a second arrive.

METER_TEST_BENCH_EVENTS says how many events lie behind the answers (default 1,000,000), a tenth of them the team's with
many series.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meter.aggregate import refresh
from meter.database import Connection, connect
from tests.bench import report
from tests.bench.test_trends import CHUNK, PER_SECOND, YEAR, text, waiting
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.bench
EVENTS = int(os.environ.get("METER_TEST_BENCH_EVENTS", "1000000"))
FEW, MANY = 5, 5_000
ASKED = int(os.environ.get("METER_TEST_BENCH_ASKED", "60"))
LEAST, LONGEST_S = 5, 20.0  # a slow question is asked less often

KATHMANDU = {"window": "day", "group_by": "service", "tz": "Asia/Kathmandu"}

Question = tuple[str, dict[str, Any]]


def questions(start: datetime) -> dict[str, Question]:
    """What is asked, by a name for it."""
    end = (start + YEAR).isoformat()
    month = {"from": (start + YEAR * 11 / 12).isoformat(), "to": end, "meter": "requests"}
    year = {"from": start.isoformat(), "to": end, "meter": "requests"}
    return {
        "month by day": ("/v1/usage", {**month, "window": "day"}),
        "month by day and member": ("/v1/usage", {**month, "window": "day", "group_by": "member", "limit": 1000}),
        "month, ten largest members": ("/v1/usage", {**month, "group_by": "member", "top": 10}),
        "month, one member": ("/v1/usage", {**month, "window": "day", "member": "m1"}),
        "month, one member by hour": ("/v1/usage", {**month, "window": "hour", "member": "m1", "limit": 1000}),
        "month, members by prefix": ("/v1/usage", {**month, "member.prefix": "m1"}),
        "month and the one before": ("/v1/usage", {**month, "compare": "previous"}),
        "month by day, largest quantity": ("/v1/usage", {**month, "window": "day", "aggregation": "max"}),
        "year by hour, first page": ("/v1/usage", {**year, "window": "hour", "limit": 1000}),
        "year by hour, CSV": ("/v1/usage", {**year, "window": "hour", "format": "csv"}),
        "year by month, trailing three": ("/v1/usage", {**year, "window": "month", "rolling": 3}),
        "year by day and service, Kathmandu": ("/v1/usage", {**year, **KATHMANDU, "limit": 1000}),
        "events, newest page": ("/v1/usage/events", month),
        "events of one member": ("/v1/usage/events", {**month, "member": "m1"}),
        "dimensions": ("/v1/usage/dimensions", {"meter": "requests"}),
        "series, first page": ("/v1/usage/series", {"meter": "requests"}),
        "members": ("/v1/usage/members", {"from": month["from"], "to": end}),
        "services": ("/v1/usage/services", {"from": month["from"], "to": end}),
        "summary": ("/v1/usage/summary", {}),
    }


async def test_questions_about_usage(any_database: str, tmp_path: Path, engine: str) -> None:
    """Each question ASKED times, one after another; fewer times where it takes long."""
    start = (datetime.now(UTC) - YEAR).replace(minute=0, second=0, microsecond=0)
    with serving(any_database, tmp_path, METER_KEY_REQUESTS_PER_SECOND="0") as service:
        teams = {FEW: make_team(service.url), MANY: make_team(service.url)}
        for series, client in teams.items():
            client.push([labelled(start, n) for n in range(series)])
        async with await connect(any_database, autocommit=True) as conn:
            await fill(conn, start)
            with arriving(teams[FEW], FEW), arriving(teams[MANY], MANY):
                for series, client in teams.items():
                    ask_all(client, engine, series, questions(start))


def labelled(start: datetime, n: int) -> dict[str, Any]:
    """An event of the n-th series."""
    return {
        "id": f"s{n}",
        "time": start.isoformat(),
        "meter": "requests",
        "quantity": 1,
        "member": f"m{n % 500}",
        "service": f"s{n % 7}",
        "dimensions": {"model": f"model-{n // 500}"},
    }


async def fill(conn: Connection, start: datetime) -> None:
    """Stores a year of events of both teams and rolls it up."""
    await conn.execute("call prepare_until(%s, %s)", (datetime.now(UTC), start))
    rows = await (await conn.execute("select team_id, array_agg(id) from series group by 1 order by 1")).fetchall()
    for (team_id, series), events in zip(rows, (EVENTS * 9 // 10, EVENTS // 10), strict=True):
        common = {"team_id": team_id, "series": series, "start": start, "step": YEAR / events}
        for first in range(0, events, CHUNK):
            await conn.execute(text("fill_year"), {**common, "first": first, "last": min(first + CHUNK, events) - 1})
        await conn.execute(text("touch_year"), {"team_id": team_id, "start": start, "end": start + YEAR})
    while await waiting(conn):
        await refresh(conn)  # or the service's worker does
    await conn.execute("vacuum analyze")


@contextmanager
def arriving(client: Client, series: int) -> Iterator[None]:
    """Half of 1,000 events a second of a team's series, in batches of a tenth, while we are inside."""
    done = threading.Event()

    def send(own: Client) -> None:
        sent = 0
        while not done.wait(0.1):
            now = datetime.now(UTC)
            batch = [labelled(now, (sent + n) % series) | {"id": f"live-{sent + n}"} for n in range(PER_SECOND // 20)]
            own.push(batch)
            sent += len(batch)

    sender = threading.Thread(target=send, args=(client.twin(),))
    sender.start()
    try:
        yield
    finally:
        done.set()
        sender.join()


def ask_all(client: Client, engine: str, series: int, asked: dict[str, Question]) -> None:
    """Prints how long each question took this team."""
    for name, (path, parameters) in asked.items():
        seconds: list[float] = []
        while len(seconds) < ASKED and (len(seconds) < LEAST or sum(seconds) < LONGEST_S):
            began = time.perf_counter()
            answer = client.http.get(path, params=parameters)
            seconds.append(time.perf_counter() - began)
            assert answer.is_success, answer.text
        report.line(
            name,
            engine=engine,
            events=EVENTS,
            series=series,
            asked=len(seconds),
            p50_ms=report.percentile(seconds, 50) * 1000,
            p99_ms=report.percentile(seconds, 99) * 1000,
        )
