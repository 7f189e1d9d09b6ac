"""What a billing run did: told team by team, by the command and by the worker, and kept however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import psycopg
import pytest

from meter import aggregate, jobs, teams, thresholds
from meter.invoicing import report, report_read
from meter.invoicing.report_read import Result, Run
from meter.invoicing.run import Skipped, Sum
from meter.model import Event, Team
from meter.thresholds import Threshold
from tests.api.site import settings_for
from tests.billing.house import NOW, House, make_team
from tests.contract.place import until

OCTOBER = date(2026, 10, 1)
NOVEMBER_ENDS = datetime.fromisoformat("2026-12-01T00:00:00Z")


def command(url: str, data_dir: Path, *options: str) -> tuple[list[str], dict[str, str]]:
    """Answer `meter bill` and what it runs in."""
    around = os.environ | {"DATABASE_URL": url, "METER_DATA_DIR": str(data_dir)}
    return [sys.executable, "-m", "meter", "bill", *options], around


def started(url: str, data_dir: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start `meter bill`."""
    run, around = command(url, data_dir, *options)
    return subprocess.Popen(run, env=around, stdout=subprocess.DEVNULL)


async def ran(url: str, data_dir: Path, *options: str) -> str:
    """Answer what `meter bill` said."""
    run, around = command(url, data_dir, *options)
    done = await asyncio.to_thread(subprocess.run, run, env=around, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


async def kept(house: House) -> list[tuple[Run, list[Result]]]:
    """Answer the runs there were with their results, the last first."""
    async with house.pool.connection() as conn:
        found = await report_read.runs(conn, None, 10)
        return [(run, await report_read.results(conn, run, None, None, 1000)) for run in found]


async def without_plan(house: House) -> Team:
    """Answer a team that never had a plan."""
    owner = teams.Person("alice", "alice@example.com")
    async with house.pool.connection() as conn, conn.transaction():
        return await teams.create(conn, "Bare", owner, "UTC", "USD", None, NOW)


async def test_the_command_tells_of_each_team(house: House, any_database: str, tmp_path: Path) -> None:
    """Billed, there already, failed and skipped, each of those with the reason; and what was earned."""
    await house.used("tokens.input", "2000000")
    broken = await make_team(house.pool, house.ingest, "credits/payg")
    await broken.used("network", "5")
    bare = await without_plan(house)
    first = await ran(any_database, tmp_path, "--month", "2026-10", "--final")
    assert "1 billed, 0 draft, 0 there, 1 failed, 1 skipped" in first
    assert "30.00 USD in 1 invoices" in first
    await ran(any_database, tmp_path, "--month", "2026-10", "--final", "--team", str(house.team.public_id))
    (again, there), (run, results) = await kept(house)
    assert (run.origin, run.said, run.month) == ("command", "bill --month 2026-10 --final", OCTOBER)
    assert again.said == f"bill --month 2026-10 --team {house.team.public_id} --final"
    assert run.came == {"billed": 1, "failed": 1, "skipped": 1}
    assert run.revenue == (Sum("USD", 1, Decimal("30.00")),)
    assert run.ended_at is not None
    assert run.last_at is not None
    assert run.started_at <= run.last_at <= run.ended_at
    by_team = {each.team: each for each in results}
    billed, failed, skipped = (by_team[each.public_id] for each in (house.team, broken.team, bare))
    assert (billed.came, billed.number, billed.currency, billed.total) == (
        "billed",
        "HM-000001",
        "USD",
        Decimal("30.00"),
    )
    assert billed.period is not None
    assert billed.period.start == datetime.fromisoformat("2026-10-01T00:00:00Z")
    assert (failed.came, failed.why.partition(":")[0], failed.invoice) == ("failed", "unpriced_usage", None)
    assert (skipped.came, skipped.why, skipped.period) == ("skipped", "it never had a plan", None)
    assert [(each.came, each.invoice) for each in there] == [("there", billed.invoice)]
    assert again.revenue == ()


async def test_what_is_not_over_is_skipped(house: House, any_database: str, tmp_path: Path) -> None:
    """Of a month that runs, and of one in which no period began."""
    await ran(any_database, tmp_path, "--month", "2026-11")
    await ran(any_database, tmp_path, "--month", "2099-01")
    ahead, running = ([(each.came, each.why) for each in results] for _, results in await kept(house))
    assert [came for came, _ in (*ahead, *running)] == ["skipped", "skipped"]
    assert running[0][1].startswith("its period ends at 20")
    assert ahead[0][1].startswith("its period ends at 2099-02-01")


async def test_a_team_that_ended_is_skipped_where_it_had_no_plan(
    house: House, any_database: str, tmp_path: Path
) -> None:
    """In the months after; one that never had a plan is not looked at any more."""
    bare = await without_plan(house)
    async with house.pool.connection() as conn, conn.transaction():
        for each in (house.team, bare):
            await teams.delete(conn, each, NOW)
    said = await ran(any_database, tmp_path, "--month", "2027-03", "--json")
    skipped, sums = map(msgspec.json.decode, said.splitlines())
    assert skipped["team"] == str(house.team.public_id)
    assert (skipped["came"], skipped["from"]) == ("skipped", None)
    assert skipped["why"] == "no period of a plan began in that month"
    assert sums == {"came": {"skipped": 1}, "revenue": []}


async def test_runs_are_listed_by_the_command(house: House, any_database: str, tmp_path: Path) -> None:
    """One a line, the last first, and one that did not end says so."""
    await house.used("tokens.input", "1000000")
    async with house.pool.connection() as conn:
        broken_off = await report.begin(conn, report.WORKER, NOW)
        await broken_off.add([Skipped(house.team, "for a test")] * report.AT_ONCE, NOW)
    await ran(any_database, tmp_path, "--month", "2026-10", "--final")
    last, first = (await ran(any_database, tmp_path, "--runs")).splitlines()
    assert last.endswith(
        " meter bill --month 2026-10 --final: 1 billed, 0 draft, 0 there, 0 failed, 0 skipped; 15.00 USD in 1 invoices"
    )
    assert first == (
        "2026-11-18 12:00 the worker: what had ended: 0 billed, 0 draft, 0 there, 0 failed, 20 skipped; "
        "not ended: it still goes on, or was broken off"
    )
    shown = [msgspec.json.decode(line) for line in (await ran(any_database, tmp_path, "--runs", "--json")).splitlines()]
    assert [(each["month"], each["ended_at"] is None, each["came"]) for each in shown] == [
        ("2026-10", False, {"billed": 1}),
        (None, True, {"skipped": 20}),
    ]
    assert shown[0]["revenue"] == [{"currency": "USD", "invoices": 1, "total": "15.00"}]


async def test_a_killed_run_has_no_end_and_the_next_one_has(house: House, any_database: str, tmp_path: Path) -> None:
    """What it had told by then is kept; what it had not is `there` for the next."""
    count = 3 * report.AT_ONCE
    for _ in range(count):
        await make_team(house.pool, house.ingest, "credits/payg")
    process = started(any_database, tmp_path, "--month", "2026-10", "--final")

    async def told() -> bool:
        return bool(await kept(house)) and len((await kept(house))[0][1]) >= report.AT_ONCE

    await until(told)
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait)
    ((killed, before),) = await kept(house)
    assert killed.ended_at is None
    assert len(before) % report.AT_ONCE == 0
    await ran(any_database, tmp_path, "--month", "2026-10", "--final")
    (last, results), _ = await kept(house)
    assert last.ended_at is not None
    assert len(results) == count + 1
    assert last.came["there"] >= len(before)


async def test_the_worker_tells_of_turns_that_did_something(house: House, any_database: str, tmp_path: Path) -> None:
    """Nothing of empty ones; drafts, what became final, and what failed."""
    settings = settings_for(any_database, tmp_path)

    async def turn(now: datetime) -> None:
        async with house.pool.connection() as conn:
            await jobs.invoices(jobs.Turn(conn, settings, now))

    await turn(NOW)
    assert await kept(house) == []
    await turn(NOVEMBER_ENDS + timedelta(hours=1))
    await turn(NOVEMBER_ENDS + timedelta(hours=2))
    await turn(NOVEMBER_ENDS + timedelta(hours=24))
    final, draft = [(run.origin, run.month, run.came, run.ended_at) for run, _ in await kept(house)]
    assert draft == ("worker", None, {"draft": 1}, NOVEMBER_ENDS + timedelta(hours=1))
    assert final == ("worker", None, {"billed": 1}, NOVEMBER_ENDS + timedelta(hours=24))


async def test_a_threshold_that_was_reached_is_told(house: House, any_database: str, tmp_path: Path) -> None:
    """Billed before the period is over, in a run of its own."""
    async with house.pool.connection() as conn:
        async with conn.transaction():
            await teams.lock(conn, house.team)
            await thresholds.put(conn, house.team.id, Threshold(amount=Decimal(10)), NOW)
        await house.sent(Event(time=NOW, meter="tokens.input", quantity=Decimal(2_000_000), id="t"))
        await aggregate.refresh(conn)
        for minutes in (0, 30, 60):
            at = NOW + timedelta(minutes=minutes)
            await jobs.progressive(jobs.Turn(conn, settings_for(any_database, tmp_path), at))
    ((run, (result,)),) = await kept(house)
    assert (run.said, run.came) == ("what had reached a threshold", {"billed": 1})
    assert run.revenue == (Sum("USD", 1, Decimal("30.00")),)
    assert (result.team, result.number) == (house.team.public_id, "HM-000001")


@pytest.mark.parametrize(
    "sql",
    [
        "update billing_run_result set why = 'other'",
        "delete from billing_run_result",
        "delete from billing_run",
        "truncate billing_run, billing_run_result",
    ],
)
async def test_what_was_told_stays(house: House, sql: str) -> None:
    """The database refuses to change a result or to lose a run."""
    async with house.pool.connection() as conn:
        told = await report.begin(conn, report.WORKER, NOW)
        await told.add([Skipped(house.team, "for a test")], NOW)
        await told.end(NOW)
        with pytest.raises(psycopg.errors.RestrictViolation):
            await conn.execute(sql)
