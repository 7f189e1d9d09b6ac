"""Analytics over a year of a team with 438,000 hours of its series, in units and in money; and of all teams."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from analytics import run
from meter import results
from meter.database import connect
from tests.bench import report
from tests.bench.test_simulation import TEAMS
from tests.bench.test_simulation import fill as fill_teams
from tests.bench.test_trends import YEAR, fill, team_and_series
from tests.served import Client, Service, make_team

pytestmark = pytest.mark.bench
SERIES = 50
EVENTS = 1_000_000
QUESTIONS = 40
ASKED: dict[str, tuple[str, dict[str, str]]] = {
    "breakdown by service": ("breakdown", {"by": "service", "against": "previous"}),
    "breakdown of cost by service": ("breakdown", {"by": "service", "against": "previous", "measure": "cost"}),
    "compare by days": ("compare", {"window": "day"}),
    "compare of cost by days": ("compare", {"window": "day", "measure": "cost"}),
    "peaks by hours": ("peaks", {"window": "hour"}),
    "peaks of cost by hours": ("peaks", {"window": "hour", "measure": "cost"}),
}


async def test_a_year_of_many_series(service: Service, any_database: str, engine: str) -> None:
    """Each question asked one after another; the first of each kind, which starts the process, is not counted."""
    client = make_team(service.url, plan="calls/pro")
    start = (datetime.now(UTC) - YEAR).replace(minute=0, second=0, microsecond=0)
    first = {"time": start.isoformat(), "meter": "requests", "quantity": 1}
    client.push([{**first, "id": f"s{n}", "service": f"s{n}"} for n in range(SERIES)])
    async with await connect(any_database, autocommit=True) as conn:
        await fill(conn, *await team_and_series(conn), start, EVENTS)
    # off the hour at both ends, so that days, hours and quarters are read
    span = {"from": (start + timedelta(minutes=15)).isoformat(), "to": (start + YEAR).isoformat(), "meter": "requests"}
    for name, (path, asked) in ASKED.items():
        seconds = [_seconds(client, path, span | asked) for _ in range(QUESTIONS + 1)][1:]
        report.line(
            f"a year of {SERIES} series, {name}",
            engine=engine,
            events=EVENTS,
            p50_ms=report.percentile(seconds, 50) * 1000,
            p99_ms=report.percentile(seconds, 99) * 1000,
        )


FORECASTS: dict[str, dict[str, str]] = {
    "the worker's": {},
    "made now": {"fresh": "true"},
    "cost, made now": {"measure": "cost"},
}


async def test_forecasts(service: Service, any_database: str, engine: str) -> None:
    """Six weeks of hours of 50 series: made ahead, how fast it is answered, and how fast if it is made to answer."""
    client = make_team(service.url, plan="calls/pro")
    now = datetime.now(UTC)
    start = (now - YEAR).replace(minute=0, second=0, microsecond=0)
    first = {"time": start.isoformat(), "meter": "requests", "quantity": 1}
    client.push([{**first, "id": f"s{n}", "service": f"s{n}"} for n in range(SERIES)])
    async with await connect(any_database, autocommit=True) as conn:
        await fill(conn, *await team_and_series(conn), start, EVENTS)
        await results.enrol_metered(conn, "forecast", now)
        await conn.execute("update result set due_at = %s, as_of = null", (now,))  # the service's worker was faster
        began = time.perf_counter()
        assert (await run.forecasts_turn(conn, now)).made == 1
        report.line("forecast of a meter of 50 series, by the job", engine=engine, s=time.perf_counter() - began)
    for name, asked in FORECASTS.items():
        seconds = [_seconds(client, "forecast", {"meter": "requests"} | asked) for _ in range(QUESTIONS + 1)][1:]
        report.line(
            f"forecast of {SERIES} series, {name}",
            engine=engine,
            p50_ms=report.percentile(seconds, 50) * 1000,
            p99_ms=report.percentile(seconds, 99) * 1000,
        )


def _seconds(client: Client, path: str, asked: dict[str, str]) -> float:
    began = time.perf_counter()
    answer = client.http.get(f"/v1/analytics/{path}", params=asked)
    taken = time.perf_counter() - began
    assert answer.is_success, answer.text
    return taken


EVERYBODY: dict[str, dict[str, str]] = {
    "most of a meter by team": {"meter": "tokens.input"},
    "most of a meter by member": {"meter": "tokens.input", "by": "member"},
    "dearest by team": {"measure": "cost"},
    "dearest by member": {"measure": "cost", "by": "member"},
}


async def test_everybody(service: Service, any_database: str, engine: str) -> None:
    """The operator's question about a month of all teams, each with an event a day of twenty series."""
    await fill_teams(any_database)
    operator = Client(service.url)
    for name, asked in EVERYBODY.items():
        span = {"from": "2026-10-01", "to": "2026-11-01"}
        seconds = [_seconds(operator, "global", span | asked) for _ in range(QUESTIONS // 4 + 1)][1:]
        report.line(
            f"a month of {TEAMS} teams, {name}",
            engine=engine,
            p50_ms=report.percentile(seconds, 50) * 1000,
            p99_ms=report.percentile(seconds, 99) * 1000,
        )
