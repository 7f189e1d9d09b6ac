"""The worker: each job by one at a time, none stopped by another's failure, all stopped in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from uuid_utils.compat import uuid7

from meter import aggregate, leases, settings, worker
from meter.database import Connection, Pool
from meter.ingest import Ingest
from meter.jobs import Turn
from meter.model import Event
from meter.settings import Settings
from meter.worker import Job, Worker
from tests.contract.place import make_team
from tests.worker.test_leases import until

SETTINGS = msgspec.structs.replace(settings.load({}), refresh_seconds=1)
TTL = timedelta(milliseconds=1500)


def job(name: str, run: Callable[[Turn], Awaitable[str | None]], seconds: float = 60) -> Job:
    """Make a line of a timetable."""
    return Job(name, seconds, run, "a test")


async def works(_turn: Turn) -> str | None:
    """Do something at once."""
    return "worked"


async def fails(_turn: Turn) -> str | None:
    """Fail in a way that would tell a secret."""
    raise RuntimeError("can't reach postgresql://me:hunter2@db/x with hm_abcdefgh_" + "s" * 43)


async def runs(conn: Connection) -> list[tuple[object, ...]]:
    """Answer what was recorded, by job."""
    return await (await conn.execute("select job, outcome, detail from job_run order by job, id")).fetchall()


async def held(conn: Connection) -> bool:
    """Tell whether somebody holds a lease."""
    cursor = await conn.execute("select from lease where holder is not null")
    return cursor.rowcount > 0


@pytest.fixture(name="names", autouse=True)
async def fixture_names(conn: Connection) -> list[str]:
    """Make the jobs of these tests known."""
    names = ["one", "two"]
    await leases.register(conn, names)
    return names


async def test_two_workers_run_a_job_once(pool: Pool, conn: Connection) -> None:
    """However often both are asked within a period."""
    workers = [Worker(pool, SETTINGS), Worker(pool, SETTINGS)]
    ran = await asyncio.gather(*(w.tick(job("one", works)) for _ in range(10) for w in workers))
    assert len([run for run in ran if run is not None]) == 1
    assert await runs(conn) == [("one", "done", "worked")]


async def test_a_failing_job_stops_no_other(pool: Pool, conn: Connection, caplog: pytest.LogCaptureFixture) -> None:
    """It is recorded and logged, without secrets, and the next job runs."""
    mine = Worker(pool, SETTINGS)
    await mine.tick(job("one", fails))
    await mine.tick(job("two", works))
    (_, outcome, detail), other = await runs(conn)
    assert (outcome, other) == ("failed", ("two", "done", "worked"))
    assert "hunter2" not in f"{detail}{caplog.text}"
    assert "sss" not in f"{detail}{caplog.text}"
    assert "RuntimeError: can't reach postgresql://" in str(detail)


async def test_a_failure_is_logged_once(pool: Pool, conn: Connection, caplog: pytest.LogCaptureFixture) -> None:
    """Not at every try; and when it works again, that is said."""
    mine = Worker(pool, SETTINGS)
    with caplog.at_level(logging.INFO, "meter.worker"):
        for run in (fails, fails, fails, works):
            await mine.tick(job("one", run))
            await conn.execute("update lease set due_at = clock_timestamp()")
    said = [record.levelno for record in caplog.records if record.name == "meter.worker"]
    assert said == [logging.ERROR, logging.INFO]
    assert len(await runs(conn)) == 4


async def test_a_lost_database_stops_nothing(conn: Connection, caplog: pytest.LogCaptureFixture) -> None:
    """The tick answers None, logs it once, and the next one tries again."""

    class Broken:
        """A pool that has no connection to lend."""

        def connection(self) -> object:
            """Fail as a pool without a server does."""
            raise OSError("no server")

    mine = Worker(Broken(), SETTINGS)  # type: ignore[arg-type]  # a double
    assert [await mine.tick(job("one", works)) for _ in range(3)] == [None, None, None]
    assert caplog.text.count("no server") == 1
    assert await runs(conn) == []


async def test_a_long_job_keeps_its_lease(pool: Pool, conn: Connection) -> None:
    """It runs longer than the lease lasts, and nobody else begins it."""
    release = asyncio.Event()

    async def takes_long(_turn: Turn) -> str | None:
        await release.wait()
        return "long"

    mine, other = Worker(pool, SETTINGS, TTL), Worker(pool, SETTINGS, TTL)
    running = asyncio.create_task(mine.tick(job("one", takes_long)))
    await until(lambda: held(conn))
    began = datetime.now(UTC)
    while datetime.now(UTC) - began < TTL * 2:
        assert await other.tick(job("one", works)) is None
        await asyncio.sleep(0.05)
    release.set()
    await running
    assert await runs(conn) == [("one", "done", "long")]


async def test_a_lost_lease_stops_the_job(pool: Pool, conn: Connection) -> None:
    """Two at once would be worse than none."""
    stopped = asyncio.Event()

    async def takes_long(_turn: Turn) -> str | None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return None

    running = asyncio.create_task(Worker(pool, SETTINGS, TTL).tick(job("one", takes_long)))

    async def stolen() -> bool:
        cursor = await conn.execute("update lease set holder = 'thief' where holder is not null")
        return cursor.rowcount == 1

    await until(stolen)
    run = await asyncio.wait_for(running, 5)
    assert stopped.is_set()
    assert run is not None
    assert run.outcome == "stopped"


async def test_closing_stops_what_takes_too_long(pool: Pool, conn: Connection) -> None:
    """The lease is let go of, so that another worker may begin at once after its rest."""

    async def takes_long(_turn: Turn) -> str | None:
        await asyncio.Event().wait()
        return None

    mine = Worker(pool, SETTINGS)
    running = asyncio.create_task(mine.tick(job("one", takes_long)))

    await until(lambda: held(conn))
    await mine.close(0.1)
    await running
    assert [row[:2] for row in await runs(conn)] == [("one", "stopped")]
    assert not await held(conn)


def test_the_timetable_says_why() -> None:
    """Names are unique, periods positive, and every line has a reason."""
    table = worker.timetable(SETTINGS)
    assert len({line.name for line in table}) == len(table)
    assert all(line.seconds > 0 and line.why for line in table)
    assert all(worker.tick_seconds(line) <= line.seconds / 2 for line in table)


async def test_the_worker_rolls_up_what_comes_in(database: str, pool: Pool, conn: Connection) -> None:
    """From an event to an empty log and a full bucket, without anybody else's doing; then it stops when told."""
    team, caller = await make_team(conn)
    now = datetime.now(UTC)
    await aggregate.prepare(conn, now)
    stop = asyncio.Event()
    working = asyncio.create_task(worker.work(database, SETTINGS, stop))
    event = Event(id=str(uuid7()), time=now, meter="requests", quantity=Decimal(3))
    receipt = await Ingest(pool, 30).take(team, caller, [event], now)
    assert receipt.accepted == 1

    async def rolled_up() -> bool:
        cursor = await conn.execute("select total from rolled_quarter where not exists (select from touched)")
        return await cursor.fetchall() == [(Decimal(3),)]

    await until(rolled_up)
    stop.set()
    await asyncio.wait_for(working, 15)
    assert await (await conn.execute("select from lease where holder is not null")).fetchall() == []


def test_settings_are_the_defaults() -> None:
    """What these tests run with is what a user gets, the refresh apart."""
    assert isinstance(SETTINGS, Settings)
