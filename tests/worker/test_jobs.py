"""Each job by itself: what it does, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from meter import jobs, leases, settings
from meter.database import Connection
from meter.jobs import CheckFailedError, Turn
from meter.leases import Run

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SETTINGS = settings.load({})


async def one(conn: Connection, question: str) -> object:
    """Answer the one value of a query."""
    row = await (await conn.execute(question.encode())).fetchone()
    assert row is not None
    return row[0]


async def test_refresh_says_nothing_when_nothing_waits(any_conn: Connection) -> None:
    """So that no run is recorded."""
    assert await jobs.refresh(Turn(any_conn, SETTINGS, NOW)) is None


async def test_refresh_rolls_up(any_conn: Connection) -> None:
    """The log is empty after it."""
    await any_conn.execute("insert into touched (team_id, bucket) values (1, '2026-11-20 09:00:00+00')")
    assert await jobs.refresh(Turn(any_conn, SETTINGS, NOW)) == "rolled up 1 rows of the log"
    assert await one(any_conn, "select count(*) from touched") == 0


async def test_prepare_makes_room_ahead(conn: Connection) -> None:
    """Partitions for today and for two weeks from now are there."""
    assert await jobs.prepare(Turn(conn, SETTINGS, NOW)) == "room for events until 2026-12-04"
    assert await one(conn, "select count(*) from pg_inherits where inhparent = 'usage_event'::regclass") == 3


async def test_check_names_what_is_wrong(conn: Connection) -> None:
    """A finding fails the job, so that it is logged and recorded."""
    assert await jobs.check(Turn(conn, SETTINGS, NOW)) is not None
    await conn.execute("insert into touched (team_id, bucket, at) values (1, %(now)s, %(now)s)", {"now": NOW})
    with pytest.raises(CheckFailedError, match="touched_log_is_short"):
        await jobs.check(Turn(conn, SETTINGS, NOW + timedelta(minutes=11)))


async def test_trim_keeps_what_is_young_and_the_last_runs(conn: Connection) -> None:
    """Of a hundred and fifty old runs the last hundred stay."""
    await leases.register(conn, ["job"])
    for _ in range(150):
        await leases.take(conn, "job", "me")
        await leases.finish(conn, "job", "me", Run("done", "x", 0.0), 0.0)
    await jobs.trim(Turn(conn, SETTINGS, datetime.now(UTC)))
    assert await one(conn, "select count(*) from job_run") == 150
    said = await jobs.trim(Turn(conn, SETTINGS, datetime.now(UTC) + timedelta(days=30)))
    assert said == "forgot 50 runs, 0 sign-ins, 0 answers"
    assert await one(conn, "select count(*) from job_run") == 100


def test_an_error_is_described_without_secrets() -> None:
    """Neither settings, nor passwords in URLs, nor keys."""
    secret = msgspec.structs.replace(SETTINGS, database_url="postgresql://me:pw@db/x", operator_key="hm_" + "k" * 40)
    for text in ("at postgresql://me:pw@db/x", "hm_" + "k" * 40, "password=pw host=db", "https://u:pw@host/"):
        said = jobs.describe(ValueError(f"no luck {text}\nline two"), secret)
        assert "pw" not in said
        assert "kkk" not in said
        assert said.startswith("ValueError: no luck ")
        assert "\n" not in said


async def test_a_database_error_is_described_without_rows(conn: Connection) -> None:
    """PostgreSQL's detail quotes values; only its own sentence is kept."""
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        await conn.execute("insert into raw_floor values (true), (true)")
    said = jobs.describe(caught.value, SETTINGS)
    assert said.startswith("UniqueViolation: duplicate key value violates unique constraint")
    assert "(t)" not in said
