"""The jobs that keep and pack, as a worker runs them; what went wrong is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meter import leases
from meter.database import Connection, Pool
from meter.retention.state import JOB, state
from meter.retention.words import of_state
from meter.worker import Job, Worker, timetable
from tests.contract.keeping import settings
from tests.contract.place import ask
from tests.worker.test_checks import doctor, fill


def job(name: str) -> Job:
    """Answer a line of the timetable."""
    return next(each for each in timetable(settings()) if each.name == name)


async def due_again(conn: Connection, name: str) -> None:
    """Let a job come at once."""
    await conn.execute("update lease set due_at = now() where name = %s", [name])


@pytest.mark.slow
async def test_a_run_that_fails_is_told(database: str, pool: Pool, conn: Connection, tmp_path: Path) -> None:
    """By the worker's log of runs and by `meter doctor`, until one goes well."""
    now = datetime.now(UTC)
    await fill(pool, conn, now, now - timedelta(days=40))
    await ask(conn, "forget_follow_up")
    await ask(conn, "spoil_events", {"by": 1, "until": now})
    worker = Worker(pool, settings())
    await leases.register(conn, [JOB, "pack"])
    run = await worker.tick(job(JOB))
    assert run is not None
    assert run.outcome == "failed"
    assert "buckets differ from raw events" in str((await state(conn)).failed)
    shown = doctor(database, tmp_path).stdout
    assert "raw events: all are kept" in shown
    assert "the last run of retention failed" in shown
    await ask(conn, "spoil_events", {"by": -1, "until": now})
    await due_again(conn, JOB)
    run = await worker.tick(job(JOB))
    assert run is not None
    assert str(run.detail).startswith("dropped ")
    told = await state(conn)
    assert told.failed is None
    assert of_state(told)[0].startswith("raw events: kept from ")
    packed = await worker.tick(job("pack"))
    assert packed is not None
    assert (packed.outcome, packed.detail) == ("done", None)  # this engine has nowhere else to keep them
