"""A trend over a year of hours, with 1 M and 10 M events behind it, while 1,000 events a second arrive."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meter.aggregate import refresh
from meter.database import Connection, connect
from tests.bench import report
from tests.served import Client, Service, make_team

pytestmark = pytest.mark.bench
YEAR = timedelta(days=365)
CHUNK = 500_000
SERIES = 5
QUESTIONS = 60
PER_SECOND = 1000


def text(name: str) -> Any:
    """A statement that lies beside this file."""
    return (Path(__file__).parent / f"{name}.sql").read_text()


async def fill(conn: Connection, team_id: int, series: list[int], start: datetime, events: int) -> None:
    """Stores a year of events and rolls it up."""
    await conn.execute("call prepare_until(%s, %s)", (start + YEAR + timedelta(days=14), start))
    common = {"team_id": team_id, "series": series, "start": start, "step": YEAR / events}
    for first in range(0, events, CHUNK):
        last = min(first + CHUNK, events) - 1
        await conn.execute(text("fill_year"), {**common, "first": first, "last": last})
    await conn.execute(text("touch_year"), {"team_id": team_id, "start": start, "end": start + YEAR})
    while await waiting(conn):
        await refresh(conn)  # or the service's worker does
    await conn.execute("vacuum analyze")


async def waiting(conn: Connection) -> int:
    """How many log rows still wait to be rolled up."""
    row = await (await conn.execute("select count(*) from touched")).fetchone()
    return int(row[0]) if row else 0


async def team_and_series(conn: Connection) -> tuple[int, list[int]]:
    """The one team's id and the ids of its series."""
    rows = await (await conn.execute("select team_id, id from series order by id")).fetchall()
    return rows[0][0], [row[1] for row in rows]


def arrive(client: Client, done: threading.Event) -> None:
    """Sends 1,000 events a second, in batches of a tenth, until told to stop."""
    sent = 0
    while not done.wait(0.1):
        now = datetime.now(UTC).isoformat()
        batch = [
            {"id": f"live-{sent + n}", "time": now, "meter": "requests", "quantity": 1, "service": f"s{n % SERIES}"}
            for n in range(PER_SECOND // 10)
        ]
        client.push(batch)
        sent += len(batch)


@pytest.mark.parametrize("events", [1_000_000, 10_000_000])
async def test_a_year_by_hours(service: Service, any_database: str, engine: str, events: int) -> None:
    """Sums of each hour of a year over five series, asked one after another: all pages of it, and as CSV."""
    client = make_team(service.url)
    start = (datetime.now(UTC) - YEAR).replace(minute=0, second=0, microsecond=0)
    first = {"time": start.isoformat(), "meter": "requests", "quantity": 1}
    client.push([{**first, "id": f"s{n}", "service": f"s{n}"} for n in range(SERIES)])
    async with await connect(any_database, autocommit=True) as conn:
        await fill(conn, *await team_and_series(conn), start, events)
    done = threading.Event()
    sender = threading.Thread(target=arrive, args=(client.twin(), done))
    sender.start()
    try:
        asked = {"meter": "requests", "from": start.isoformat(), "to": (start + YEAR).isoformat(), "tz": "UTC"}
        seconds = {name: [_seconds(client, name, asked) for _ in range(QUESTIONS)] for name in ("usage", "trends")}
    finally:
        done.set()
        sender.join()
    for name, taken in seconds.items():
        report.line(
            f"year by hours, {name}",
            engine=engine,
            events=events,
            series=SERIES,
            p50_ms=report.percentile(taken, 50) * 1000,
            p99_ms=report.percentile(taken, 99) * 1000,
        )


def _seconds(client: Client, name: str, asked: dict[str, str]) -> float:
    path, headers = ("/v1/usage", {"Accept": "text/csv"}) if name == "usage" else ("/v1/analytics/trends", {})
    began = time.perf_counter()
    answer = client.http.get(path, params={**asked, "window": "hour"}, headers=headers)
    taken = time.perf_counter() - began
    assert answer.is_success, answer.text
    return taken
