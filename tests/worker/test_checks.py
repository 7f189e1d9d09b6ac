"""Every check finds the error it is for, and the command says so."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from meter import aggregate, checks
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
    "events_have_series": "update rolled_daily set series_id = series_id + 100",
    "series_stay_in_team": (
        "with other as (insert into team (public_id, name, timezone, currency)"
        " values (gen_random_uuid(), 'Other', 'UTC', 'USD') returning id),"
        " stranger as (insert into service (team_id, slug) select id, 'theirs' from other returning id)"
        " update series set service_id = stranger.id from stranger"
    ),
    "quantities_not_negative": "update rolled_daily set smallest = -1",
    "touched_log_is_short": (
        "insert into touched (team_id, bucket, at)"
        " select id, date_trunc('hour', now()), now() - interval '1 hour' from team"
    ),
}


async def fill(pool: Pool, conn: Connection, now: datetime) -> None:
    """Store an event and roll it up."""
    team, caller = await make_team(conn)
    await aggregate.prepare(conn, now)
    event = Event(id=str(uuid7()), time=now, meter="requests", quantity=Decimal(3), service="web", member="alice")
    receipt = await Ingest(pool, 30).take(team, caller, [event], now)
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


def doctor(url: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the command on a database."""
    environ = {**os.environ, "DATABASE_URL": url, "METER_DATA_DIR": str(tmp_path), "COLUMNS": "200"}
    command = [sys.executable, "-m", "meter", "doctor"]
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
