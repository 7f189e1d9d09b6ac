"""The end of a month: invoices rated and stored, proved by raw events, printed; how long it takes, how much memory."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
import pytest

from api.invoice_document import document_of
from dashboards.documents import invoice_pdf
from meter import bill, invoices, teams
from meter.aggregate import refresh
from meter.bill import Draft
from meter.database import KEEPING_PLANS, Connection, connect
from meter.held import turn
from meter.invoices import Invoice, Party
from meter.invoicing import final
from meter.model import Team
from meter.prices import apply
from meter.prices.store import Source
from meter.rating.book import parse_book
from meter.rating.periods import month_period
from tests.bench import report
from tests.bench.test_simulation import BOOK, text, waiting

pytestmark = pytest.mark.bench
TEAMS = int(os.environ.get("METER_TEST_BENCH_TEAMS", "10000"))
SERIES, DAYS = 10, 2
"""Twenty events a team, of two members."""
BY_STAGE = 1000
PRINTED = 40
FILLED_AT_ONCE = 500
NOW = datetime(2026, 11, 4, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
SELLER = Party("Seller & Co", address=("1 Road",))
STAGES = ("read and rate", "store", "prove by raw")


@pytest.fixture(name="database_of_teams")
async def fixture_database_of_teams(any_database: str) -> str:
    """Answer a database in which everybody used something in October, rolled up and looked at as the worker does."""
    async with await connect(any_database, autocommit=True) as conn:
        await fill(conn)
        while await waiting(conn):
            await refresh(conn)
        while (await turn.turn(conn, NOW)).more:
            pass
        await conn.execute("delete from wide_look")  # days that the worker has looked at when their month is over
        await conn.execute("vacuum analyze")
    return any_database


async def fill(conn: Connection) -> None:
    """Makes the teams with a plan since October, and what they used on two days of it."""
    await apply.apply(conn, parse_book(BOOK, "bench.toml"), Source(BOOK, {}), OCTOBER, "bench", NOW)
    await conn.execute("call prepare_until(%s, %s)", (NOW + timedelta(days=60), OCTOBER))
    made = {"teams": TEAMS, "series": SERIES, "start": OCTOBER - timedelta(days=1), "plan": "bench/pro"}
    await conn.execute(text("fill_teams"), made)
    span = {"start": OCTOBER + timedelta(days=6, hours=12), "days": DAYS}
    for first in range(1, TEAMS + 1, FILLED_AT_ONCE):
        await conn.execute(text("fill_teams_usage"), span | {"first": first, "last": first + FILLED_AT_ONCE - 1})
    await conn.execute(text("touch_teams"), span)
    await conn.execute("vacuum analyze")


class Clock:
    """Seconds by stage: on the wall, of this process, and of the server's process that works for it."""

    def __init__(self, conn: Connection) -> None:
        """Of one connection, to a server on this machine."""
        self._server = psutil.Process(conn.info.backend_pid)
        self.wall, self.client, self.server = (defaultdict[str, float](float) for _ in range(3))

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Adds what happens inside to a stage."""
        began, used, served = time.perf_counter(), time.process_time(), self._served()
        yield
        self.wall[stage] += time.perf_counter() - began
        self.client[stage] += time.process_time() - used
        self.server[stage] += self._served() - served

    def _served(self) -> float:
        times = self._server.cpu_times()
        return times.user + times.system


async def some_teams(conn: Connection, count: int) -> list[Team]:
    """The first teams."""
    found: list[Team] = []
    while len(found) < count and (page := await teams.to_bill(conn, found[-1].id if found else 0, 200)):
        found += page
    return found[:count]


async def bill_by_stage(conn: Connection, count: int) -> tuple[Clock, list[Invoice]]:
    """Makes the invoices of some teams, one after another, and answers what each stage took."""
    clock, made = Clock(conn), list[Invoice]()
    for team in await some_teams(conn, count):
        period = month_period(OCTOBER, team.timezone)
        with clock.of("read and rate"):
            draft = await bill.prepare(conn, team, period, NOW)
        assert isinstance(draft, Draft)
        with clock.of("prove by raw"):
            await final.prove(conn, draft)
        with clock.of("store"):
            outcome = await bill.conclude(conn, draft, SELLER, NOW)
        invoice = await invoices.get(conn, outcome.public_id, team.id)
        assert invoice is not None
        assert len(invoice.lines) > SERIES // 2
        made.append(invoice)
    return clock, made


class Ran(NamedTuple):
    """How a command went: seconds, seconds that it computed, the most memory it had, and the last line it said."""

    seconds: float
    computed: float
    megabytes: float
    said: str


def run_command(url: str, directory: Path) -> Ran:
    """`meter bill` of October as a process of its own."""
    told = directory / "told.ndjson"
    command = [sys.executable, "-m", "meter", "bill", "--month", "2026-10", "--final", "--json"]
    around = os.environ | {"DATABASE_URL": url, "METER_DATA_DIR": str(directory)}
    began = time.perf_counter()
    with told.open("wb") as out:
        pid = os.posix_spawn(sys.executable, command, around, file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
        _, status, used = os.wait4(pid, 0)
    assert status == 0
    seconds = time.perf_counter() - began
    said = told.read_text().splitlines()[-1]
    return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


async def print_some(made: list[Invoice]) -> float:
    """Seconds that their PDFs take, as the service makes them: a process each, a few at once."""
    began = time.perf_counter()
    for pdf in await asyncio.gather(*(invoice_pdf(document_of(each)) for each in made)):
        assert pdf.startswith(b"%PDF-")
    return time.perf_counter() - began


async def test_the_end_of_a_month(database_of_teams: str, engine: str, tmp_path: Path) -> None:
    """Some teams stage by stage, and printed; then everybody else by the command, as an operator runs it."""
    by_stage = min(BY_STAGE, TEAMS // 2)
    async with await connect(database_of_teams, KEEPING_PLANS, autocommit=True) as conn:
        clock, made = await bill_by_stage(conn, by_stage)
    report.line("month close", engine=engine, teams=by_stage, events_of_each=SERIES * DAYS, lines=len(made[0].lines))
    for stage in STAGES:
        report.line(
            f"month close, {stage}",
            engine=engine,
            wall_ms=clock.wall[stage] / by_stage * 1000,
            client_cpu_ms=clock.client[stage] / by_stage * 1000,
            server_cpu_ms=clock.server[stage] / by_stage * 1000,
            per_s=by_stage / clock.wall[stage],
        )
    stored = ("read and rate", "store")
    computed = sum(clock.client[stage] + clock.server[stage] for stage in stored)
    report.line(
        "month close, rated and stored",
        engine=engine,
        per_s=by_stage / sum(clock.wall[stage] for stage in stored),
        per_s_and_core=by_stage / computed,
    )
    report.line("month close, PDF", engine=engine, per_s=PRINTED / await print_some(made[:PRINTED]))
    ran = await asyncio.to_thread(run_command, database_of_teams, tmp_path)
    assert msgspec.json.decode(ran.said)["came"] == {"there": by_stage, "billed": TEAMS - by_stage}
    report.line(
        "month close, meter bill",
        engine=engine,
        teams=TEAMS - by_stage,
        seconds=ran.seconds,
        per_s=(TEAMS - by_stage) / ran.seconds,
        cpu_s=ran.computed,
        peak_mb=ran.megabytes,
    )
