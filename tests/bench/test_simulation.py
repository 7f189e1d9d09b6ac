"""A year of everybody's usage rated twice: how long it takes, what of it is the database, and how much memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from meter import bill
from meter.aggregate import refresh
from meter.database import Connection, connect
from meter.model import Team
from meter.prices import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.simulation import replay
from meter.simulation.apart import Database, some
from meter.simulation.compare import Summing, together
from meter.simulation.question import Question
from meter.simulation.result import Compared, Progress, TeamResult
from meter.simulation.twice import Months, rated
from meter.subscriptions import store
from tests.bench import report

pytestmark = pytest.mark.bench
TEAMS = int(os.environ.get("METER_TEST_BENCH_TEAMS", "200"))
SERIES = 20
MONTHS = 12
NOW = datetime(2026, 11, 2, tzinfo=UTC)
START = datetime(2025, 10, 1, 12, tzinfo=UTC)
DAYS = (NOW - START).days
AT_ONCE = 50
SAMPLE = 100
SECONDS = 60
BOOK = """
name = "bench"
title = "Bench"
currency = "USD"

[plans.pro]
title = "Pro"
base_fee = "29.00"
prorate = "time"
prices.input = { title = "I", meter = "tokens.input", unit = "token", unit_amount = "0.01", per = 100, included = 900 }
prices.output = { title = "Output", meter = "tokens.output", unit = "token", unit_amount = "0.03", per = 100 }
prices.read = { title = "Cache reads", meter = "tokens.cache_read", unit = "token", unit_amount = "0.001", per = 100 }
prices.write = { title = "Writes", meter = "tokens.cache_write", unit = "token", unit_amount = "0.002", per = 100 }
prices.calls = { title = "Calls", meter = "requests", unit = "call", model = "graduated", tiers = [
  { up_to = 10_000, unit_amount = "0.002" }, { up_to = 1_000_000, unit_amount = "0.001" }, { unit_amount = "0.0005" }] }
"""
DRAFT = BOOK.replace('unit_amount = "0.03"', 'unit_amount = "0.035"')


def text(name: str) -> Any:
    """A statement that lies beside this file."""
    return (Path(__file__).parent / f"{name}.sql").read_text()


@pytest.fixture(name="database_of_teams")
async def fixture_database_of_teams(any_database: str) -> str:
    """Answer a database with a year of usage of many teams."""
    await fill(any_database)
    return any_database


async def fill(url: str) -> None:
    """Makes the teams, stores an event a day of each series and rolls them up."""
    async with await connect(url, autocommit=True) as conn:
        await apply.apply(conn, parse_book(BOOK, "bench.toml"), Source(BOOK, {}), START, "bench", NOW)
        await conn.execute("call prepare_until(%s, %s)", (NOW + timedelta(days=14), START))
        made = {"teams": TEAMS, "series": SERIES, "start": START.replace(hour=0), "plan": "bench/pro"}
        await conn.execute(text("fill_teams"), made)
        span = {"start": START, "days": DAYS}
        for first in range(1, TEAMS + 1, AT_ONCE):
            await conn.execute(text("fill_teams_usage"), span | {"first": first, "last": first + AT_ONCE - 1})
        await conn.execute(text("touch_teams"), span)
        await conn.execute("vacuum analyze")
        while await waiting(conn):
            await refresh(conn)
        await conn.execute("vacuum analyze")


async def waiting(conn: Connection) -> int:
    """How many log rows still wait to be rolled up."""
    row = await (await conn.execute("select count(*) from touched")).fetchone()
    return int(row[0]) if row else 0


class Ran(NamedTuple):
    """What came of a run, how long it took, how long its processes computed, and the most memory one of them had."""

    results: list[TeamResult]
    seconds: float
    cpu_s: float
    megabytes: float


def computed() -> float:
    """How long processes that this one has ended had computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def run(url: str, question: Question, processes: int) -> Ran:
    """Asks as the service does, which has one process for that; here also of two."""
    context, before = multiprocessing.get_context("spawn"), computed()
    with ProcessPoolExecutor(processes, mp_context=context) as executor:

        async def work(part: Sequence[Team]) -> list[TeamResult]:
            return await asyncio.wrap_future(executor.submit(some, Database(url, SECONDS), question, part))

        began = time.perf_counter()
        async with await connect(url, autocommit=True) as conn:
            teams = await replay.teams_of(conn, question)
        told = [each async for each in replay.simulate(teams, work)]
        results = [each for each in told if not isinstance(each, Progress)]
        seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Ran(results, seconds, computed() - before, most)


async def parts(url: str, question: Question) -> tuple[float, float]:
    """Milliseconds that one team takes to be read, and to be rated, one after another."""
    reading = rating = 0.0
    async with await connect(url, autocommit=True) as conn:
        for team in (await replay.teams_of(conn, question))[:SAMPLE]:
            began = time.perf_counter()
            months, usage = await replay.read(conn, team, question)
            reading += time.perf_counter() - began
            assert isinstance(months, Months)
            began = time.perf_counter()
            rated(months, usage)
            rating += time.perf_counter() - began
    count = min(TEAMS, SAMPLE)
    return reading / count * 1000, rating / count * 1000


async def check(url: str, question: Question, results: Sequence[TeamResult]) -> None:
    """The old sums of some teams are those of the invoices that billing would make."""
    async with await connect(url, autocommit=True) as conn:
        known = {team.public_id: team for team in await replay.teams_of(conn, question)}
        for each in results[:: max(1, len(results) // 10)]:
            assert isinstance(each, Compared), each
            team = known[each.team]
            log = await store.read(conn, team.id)
            periods = question.periods(team, log.standing)
            drafts = [await bill.price(conn, team, period) for period in periods]
            assert [draft.document.total for draft in drafts] == [period.paid.old for period in each.periods]
            assert len(drafts) == question.months


async def test_a_year_of_everybody(database_of_teams: str, engine: str) -> None:
    """Teams with 20 series each, an event a day of each series, twelve months, one price of five changed."""
    await measure(database_of_teams, engine)


async def measure(url: str, engine: str) -> None:
    """Reports what it takes in one process, as the service has it, and in two; and of one month, as a plan shows it."""
    for months, processes in ((1, 1), (MONTHS, 1), (MONTHS, 2)):
        question = Question(Source(DRAFT, {}), months, NOW)
        reading, rating = await parts(url, question)
        ran = await run(url, question, processes)
        assert len(ran.results) == TEAMS
        await check(url, question, ran.results)
        summing = Summing()
        for each in ran.results:
            summing.take(each)
        (usd,) = summing.totals().currencies
        assert usd.paid == together(each.paid for each in ran.results if isinstance(each, Compared))
        report.line(
            "what-if",
            engine=engine,
            teams=TEAMS,
            series=SERIES,
            months=months,
            processes=processes,
            seconds=ran.seconds,
            invoices_per_s=2 * TEAMS * months / ran.seconds,
            read_ms_per_team=reading,
            rate_ms_per_team=rating,
            cpu_s=ran.cpu_s,
            peak_mb=ran.megabytes,
        )
