"""A lease in PostgreSQL decides who runs a job: one at a time, taken over after a crash, by the database's clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from meter import leases
from meter.database import Connection, Pool
from meter.leases import Run

SHORT = timedelta(milliseconds=200)
LONG = timedelta(minutes=5)
DONE = Run("done", "did it", 0.0)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


async def outcomes(conn: Connection) -> list[tuple[object, ...]]:
    """Answer what was recorded, oldest first."""
    return await (await conn.execute("select holder, outcome, detail from job_run order by id")).fetchall()


@pytest.fixture(name="lease")
async def fixture_lease(conn: Connection) -> str:
    """Answer the name of a job that is due."""
    await leases.register(conn, ["job"])
    return "job"


async def test_one_holder_at_a_time(conn: Connection, lease: str) -> None:
    """Whoever comes second gets nothing, the first itself included."""
    assert await leases.take(conn, lease, "a", LONG)
    assert not await leases.take(conn, lease, "b", LONG)
    assert not await leases.take(conn, lease, "a", LONG)


async def test_many_at_once_get_one(pool: Pool, lease: str) -> None:
    """Twenty takers on four connections: one has it."""

    async def take(number: int) -> bool:
        async with pool.connection() as own:
            return await leases.take(own, lease, f"holder {number}", LONG)

    assert sum(await asyncio.gather(*map(take, range(20)))) == 1


async def test_a_job_rests_after_its_run(conn: Connection, lease: str) -> None:
    """It is due again after its period, not before, for whoever asks."""
    assert await leases.take(conn, lease, "a", LONG)
    assert await leases.finish(conn, lease, "a", DONE, 0.3)
    assert not await leases.take(conn, lease, "b", LONG)
    await until(lambda: leases.take(conn, lease, "b", LONG))
    assert await outcomes(conn) == [("a", "done", "did it")]


async def test_registering_again_keeps_the_clock(conn: Connection, lease: str) -> None:
    """A worker that starts does not make a job due that another has just done."""
    assert await leases.take(conn, lease, "a", LONG)
    assert await leases.finish(conn, lease, "a", DONE, 60)
    await leases.register(conn, [lease])
    assert not await leases.take(conn, lease, "b", LONG)


async def test_a_crashed_holder_is_replaced(conn: Connection, lease: str) -> None:
    """Its lease runs out, its run is recorded as crashed, and what it says later counts for nothing."""
    assert await leases.take(conn, lease, "dead", SHORT)
    await until(lambda: leases.take(conn, lease, "heir", LONG))
    assert not await leases.renew(conn, lease, "dead", LONG)
    assert not await leases.finish(conn, lease, "dead", DONE, 60)
    assert [row[:2] for row in await outcomes(conn)] == [("dead", "crashed")]
    assert await leases.finish(conn, lease, "heir", DONE, 60)


async def test_a_renewed_lease_stays(pool: Pool, conn: Connection, lease: str) -> None:
    """Kept again and again, it outlives the time it was taken for."""
    ttl = timedelta(milliseconds=600)
    assert await leases.take(conn, lease, "a", ttl)
    keeping = asyncio.create_task(leases.keep(pool, lease, "a", ttl))
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert not await leases.take(conn, lease, "b", ttl)
        await asyncio.sleep(0.05)
    assert not keeping.done()
    keeping.cancel()
    await until(lambda: leases.take(conn, lease, "b", ttl))


async def test_keeping_ends_when_the_lease_is_lost(pool: Pool, conn: Connection, lease: str) -> None:
    """So that the job can be stopped: somebody else has it."""
    assert await leases.take(conn, lease, "a", LONG)
    keeping = asyncio.create_task(leases.keep(pool, lease, "a", SHORT))
    await conn.execute("update lease set holder = 'thief'")
    await asyncio.wait_for(keeping, 5)


async def test_nothing_to_do_is_not_recorded(conn: Connection, lease: str) -> None:
    """A job that looks every two seconds would fill the table with nothing."""
    assert await leases.take(conn, lease, "a", LONG)
    assert await leases.finish(conn, lease, "a", Run("done", None, 0.0), 60)
    assert await outcomes(conn) == []


@pytest.mark.parametrize(
    ("run", "every_s", "rest_s"),
    [
        (Run("done", None, 0.1), 2.0, 1.9),  # the period counts from the start
        (Run("done", None, 1.0), 2.0, 5.0),  # never more than a sixth of the time
        (Run("done", None, 40.0), 2.0, 200.0),
        (Run("done", None, 0.0), 3600.0, 3600.0),
        (Run("failed", "x", 0.0), 3600.0, 300.0),  # a failure is tried again soon
        (Run("failed", "x", 0.0), 2.0, 2.0),
        (Run("stopped", "x", 1.0), 60.0, 59.0),
    ],
)
def test_rest(run: Run, every_s: float, rest_s: float) -> None:
    """A period, at least five times what it took, five minutes at most after a failure."""
    assert leases.rest(run, every_s).total_seconds() == pytest.approx(rest_s)
