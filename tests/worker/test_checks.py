"""Every check finds the error it is for, and the command says so."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from psycopg import sql
from uuid_utils.compat import uuid7

from meter import aggregate, checks, history
from meter.database import Connection, Pool
from meter.ingest import Ingest
from meter.model import Event
from tests.contract.place import make_team

ROOT = Path(__file__).resolve().parents[2]

# The check, and what goes wrong that it must see. All on the plain engine: there the roll-ups are tables one can spoil.
PLANTED = {
    "quarters_equal_events": "update usage_event set quantity = quantity + 1",
    "hours_equal_quarters": "update rolled_hourly set total = total + 1",
    "days_equal_hours": "delete from rolled_daily",
    "readers_of_hours_equal_events": "update rolled_hourly set events = events + 1",
    "readers_of_days_equal_hours": "update rolled_daily set total = total * 2",
    "events_have_series": "update rolled_daily set series_id = series_id + 100",
    "series_stay_in_team": (
        "with other as (insert into team (public_id, name, timezone, currency)"
        " values (gen_random_uuid(), 'Other', 'UTC', 'USD') returning id),"
        " stranger as (insert into service (team_id, slug) select id, 'theirs' from other returning id)"
        " update series set service_id = stranger.id from stranger"
    ),
    "quantities_not_negative": "update rolled_daily set smallest = -1",
    "results_are_made": (
        "insert into result (team_id, job, subject, due_at, why)"
        " select id, 'forecast', 'requests', now(), 'internal: KeyError' from team"
    ),
    "results_keep_up": (
        "insert into result (team_id, job, subject, due_at)"
        " select id, 'forecast', 'requests', now() - interval '2 days' from team"
    ),
    "touched_log_is_short": (
        "insert into touched (team_id, bucket, at)"
        " select id, date_trunc('hour', now()), now() - interval '1 hour' from team"
    ),
}


async def fill(pool: Pool, conn: Connection, now: datetime, at: datetime | None = None) -> None:
    """Store an event, of now or another instant, and roll it up."""
    team, caller = await make_team(conn)
    await aggregate.prepare(conn, at or now)
    event = Event(id=str(uuid7()), time=at or now, meter="requests", quantity=Decimal(3), service="web", member="alice")
    receipt = await Ingest(pool, 90).take(team, caller, [event], now)
    assert receipt.accepted == 1
    await aggregate.refresh(conn)


@pytest.mark.parametrize("name", PLANTED)
async def test_a_planted_error_is_found(name: str, pool: Pool, conn: Connection) -> None:
    """Nothing before, at least the check that it is planted for after."""
    now = datetime.now(UTC)
    await fill(pool, conn, now)
    assert [finding.name for finding in await checks.run(conn, now) if not finding.holds] == []
    await conn.execute(PLANTED[name].encode())
    assert name in [finding.name for finding in await checks.run(conn, now) if finding.rows]


async def test_a_bucket_without_events_and_events_without_bucket_are_found(pool: Pool, conn: Connection) -> None:
    """The comparison looks from both sides."""
    now = datetime.now(UTC)
    await fill(pool, conn, now)
    await conn.execute("delete from rolled_quarter")
    assert "quarters_equal_events" in [finding.name for finding in await checks.run(conn, now) if finding.rows]
    await aggregate.refresh(conn)
    await fill(pool, conn, now)
    await conn.execute("delete from usage_event")
    assert "quarters_equal_events" in [finding.name for finding in await checks.run(conn, now) if finding.rows]


async def test_a_broken_bucket_is_named(pool: Pool, conn: Connection) -> None:
    """By meter and hour, with what each way of reading it says."""
    now = datetime.now(UTC)
    await fill(pool, conn, now, now - timedelta(hours=5))
    await conn.execute("update rolled_quarter set total = 7")
    found = {finding.name: finding for finding in await checks.run(conn, now)}
    (row,) = found["readers_of_hours_equal_events"].rows
    hour = (now - timedelta(hours=5)).replace(minute=0, second=0, microsecond=0)
    assert (row["meter"], row["hour"], row["raw_total"], row["hour_total"], row["quarter_total"]) == (
        "requests", hour, 3, 3, 7,
    )  # fmt: skip


async def test_what_waits_is_read_right_too(pool: Pool, conn: Connection) -> None:
    """While buckets wait readers don't use them: what is wrong there is not read, and no check complains."""
    now = datetime.now(UTC)
    await fill(pool, conn, now)
    await conn.execute("update rolled_quarter set total = 7")
    await conn.execute("update rolled_hourly set total = 8")
    await conn.execute("update rolled_daily set total = 9")
    waits = "insert into touched (team_id, bucket) select team_id, bucket from rolled_quarter"
    await conn.execute(waits.encode())
    assert [finding.name for finding in await checks.run(conn, now) if not finding.holds] == []


async def test_checks_hold_on_every_engine(any_conn: Connection) -> None:
    """They read and find nothing where nothing is wrong."""
    team, _ = await make_team(any_conn)
    await any_conn.execute("insert into touched (team_id, bucket) values (%s, '2026-11-20Z')", [team.id])
    await aggregate.refresh(any_conn)
    found = await checks.run(any_conn, datetime.now(UTC))
    assert [finding.name for finding in found if not finding.holds] == []
    assert all(finding.says for finding in found)


async def test_a_check_can_not_write(conn: Connection) -> None:
    """Its transaction is read only."""
    with pytest.raises(Exception, match="read-only transaction"):
        await checks.run(conn, datetime.now(UTC), {"writes": "delete from touched"})


async def test_a_check_without_an_answer_does_not_hold(conn: Connection) -> None:
    """One that is cancelled says so, instead of passing."""
    found = await checks.run(conn, datetime.now(UTC), {"never": "-- Never.\nselect pg_sleep(100)"}, limit="50ms")
    assert [(finding.holds, finding.unfinished) for finding in found] == [(False, "it did not finish in time")]


def test_words_are_the_comment_on_top() -> None:
    """All its lines, as one paragraph, and nothing below."""
    assert checks.words("-- One\n-- two.\n\n-- not this\nselect 1") == "One two."


def doctor(url: str, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a database."""
    environ = {**os.environ, "DATABASE_URL": url, "METER_DATA_DIR": str(tmp_path), "COLUMNS": "200"}
    command = [sys.executable, "-m", "meter", "doctor", *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
async def test_doctor_tells_by_its_exit_code(database: str, pool: Pool, conn: Connection, tmp_path: Path) -> None:
    """0 when all is well; 1, with the check's name, plain words and the row, when something is not."""
    await fill(pool, conn, datetime.now(UTC))
    well = doctor(database, tmp_path)
    assert well.returncode == 0, well.stderr
    await conn.execute(PLANTED["quarters_equal_events"].encode())
    ill = doctor(database, tmp_path)
    assert ill.returncode == 1, ill.stderr
    assert "1 found" in ill.stdout
    assert "rolled_total 3.000000000000, raw_total 4.000000000000" in ill.stdout


async def test_the_history_is_walked_day_by_day(pool: Pool, conn: Connection) -> None:
    """Each kind of bucket of last month is found on its day, by meter and hour; other days hold."""
    now = datetime.now(UTC)
    then = (now - timedelta(days=30)).replace(hour=14, minute=20)
    await fill(pool, conn, now, then)
    since = now - timedelta(days=32)

    async def walked() -> list[tuple[int, list[object]]]:
        found = [day async for day in history.walk(conn, since, now)]
        assert len(found) == 33
        return [(day.start.day, [row["size"] for row in day.rows]) for day in found if not day.holds]

    assert await walked() == []
    for size, table in (("quarter", "rolled_quarter"), ("hour", "rolled_hourly"), ("day", "rolled_daily")):
        await conn.execute(sql.SQL("update {} set largest = 4").format(sql.Identifier(table)))
        assert await walked() == [(then.day, [size, "day"] if size == "hour" else [size])]
        await conn.execute(sql.SQL("update {} set largest = 3").format(sql.Identifier(table)))
    await conn.execute("delete from rolled_quarter")
    day = next(day for day in [day async for day in history.walk(conn, then, then)] if not day.holds)
    (row,) = day.rows
    assert (row["meter"], row["hour"], row["below_total"], row["bucket_total"]) == (
        "requests", then.replace(minute=0, second=0, microsecond=0), 3, None,
    )  # fmt: skip


async def test_below_the_floor_buckets_are_held_against_each_other(pool: Pool, conn: Connection) -> None:
    """Raw events are not asked where they may be gone."""
    now = datetime.now(UTC)
    then = now - timedelta(days=10)
    await fill(pool, conn, now, then)
    await conn.execute("update raw_floor set floor = date_trunc('hour', now()), closed = date_trunc('hour', now())")
    await conn.execute("delete from usage_event")
    assert [day async for day in history.walk(conn, then, now) if not day.holds] == []
    await conn.execute("update rolled_hourly set events = 2")
    (day,) = [day async for day in history.walk(conn, then, now) if not day.holds]
    assert [row["size"] for row in day.rows] == ["hour", "day"]


async def test_a_day_that_takes_too_long_says_so(pool: Pool, conn: Connection) -> None:
    """It is halved down to an hour first; then it does not hold."""
    now = datetime.now(UTC)
    await fill(pool, conn, now)
    async with pool.connection() as other, other.transaction():
        await other.execute("lock table rolled_hourly")
        (day,) = [day async for day in history.walk(conn, now, now + timedelta(seconds=1), limit="30ms")]
    assert (day.holds, day.unfinished) == (False, f"{day.start.isoformat()} and after did not finish in time")


async def test_the_history_holds_on_every_engine(any_conn: Connection) -> None:
    """The statements read what each engine has."""
    now = datetime.now(UTC)
    assert [day.holds async for day in history.walk(any_conn, now - timedelta(days=1), now)] == [True, True]


@pytest.mark.slow
async def test_doctor_walks_and_tells_json(database: str, pool: Pool, conn: Connection, tmp_path: Path) -> None:
    """`--since` finds a bucket of last month; `--check` runs one; `--json` is for programs."""
    now = datetime.now(UTC)
    then = now - timedelta(days=30)
    await fill(pool, conn, now, then)
    await conn.execute("update rolled_quarter set total = 7")
    since = (then - timedelta(days=2)).date().isoformat()
    ill = doctor(database, tmp_path, "--since", since)
    assert ill.returncode == 1, ill.stderr
    assert f"{then:%Y-%m-%d}: 1 place differs" in ill.stdout
    assert "meter requests" in ill.stdout
    assert f"hour {then:%Y-%m-%d %H}:00:00+00:00" in ill.stdout
    assert "32 of 33 days hold" in ill.stdout
    told = doctor(database, tmp_path, "--since", since, "--until", since, "--json")
    document = json.loads(told.stdout)
    assert (told.returncode, document["go_on"], document["days"][0]["holds"]) == (0, None, True)
    one = doctor(database, tmp_path, "--check", "series_stay_in_team", "--json")
    (check,) = json.loads(one.stdout)["checks"]
    assert (one.returncode, check["name"], check["holds"], check["rows"]) == (0, "series_stay_in_team", True, [])
    assert check["took_ms"] >= 0
    for words, why in (
        (("--check", "nope"), "there is no check nope"),
        (("--since", "2999-01-01"), "lies after"),
        (("--since", since, "--check", "series_stay_in_team"), "leave --check out"),
    ):
        ended = doctor(database, tmp_path, *words)
        assert (ended.returncode, why in ended.stderr) == (2, True), ended


@pytest.mark.slow
async def test_a_stopped_walk_says_where_to_go_on(database: str, conn: Connection, tmp_path: Path) -> None:
    """Ctrl-C in the middle: the days that were compared, the day to go on with, the exit code of a stopped command."""
    environ = {**os.environ, "DATABASE_URL": database, "METER_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "meter", "doctor", "--since", "1900-01-01", "--json"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE)
    comparing = "select from pg_stat_activity where pid <> pg_backend_pid() and query like '-- Where do days%'"
    while await (await conn.execute(comparing)).fetchone() is None:
        assert process.returncode is None
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    document = json.loads(out)
    assert process.returncode == 130
    assert document["go_on"] == (date(1900, 1, 1) + timedelta(days=len(document["days"]))).isoformat()


async def test_what_was_found_is_kept(conn: Connection) -> None:
    """The last result of each check, the first rows of it; a check that went away goes."""
    now = datetime.now(UTC)
    rows: list[dict[str, object]] = [{"total": Decimal("1.5"), "hour": now}] * 9
    await checks.keep(conn, [checks.Finding("a", "A.", []), checks.Finding("b", "B.", rows, None, 1.2)], now)
    await checks.keep(
        conn, [checks.Finding("b", "B.", rows, None, 1.2), checks.Finding("c", "C.", [], "too slow", 60)], now
    )
    kept = await checks.last(conn)
    assert [(each.name, each.holds, each.unfinished, each.took_ms, len(each.rows)) for each in kept] == [
        ("b", False, None, 1200, checks.KEPT_ROWS), ("c", False, "too slow", 60_000, 0),
    ]  # fmt: skip
    assert kept[0].rows[0]["total"] == "1.5"
