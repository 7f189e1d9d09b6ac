"""Puts every timed job on its clock. APScheduler only ticks; a lease in PostgreSQL decides who runs.

One of the two files here that may import the folders above: a job of analytics or dashboards is one more line in
`timetable`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from uuid_utils.compat import uuid7

from analytics import run as analytics_run
from api.invoice_letter import composer
from meter import database, jobs, leases
from meter.jobs import Turn
from meter.leases import Run
from meter.migrate import check_current
from meter.settings import Settings

_log = logging.getLogger(__name__)

HOUR = 3_600.0
DAY = 86_400.0
SLOWEST_TICK_SECONDS = 30.0
GRACE_SECONDS = 10.0


class Job(NamedTuple):
    """One line of the timetable: a name that never changes, its period in seconds, what it does and why it is there.

    One that `paces_itself` pauses while it runs, and need not rest afterwards.
    """

    name: str
    seconds: float
    run: Callable[[Turn], Awaitable[str | None]]
    why: str
    paces_itself: bool = False


def timetable(settings: Settings) -> tuple[Job, ...]:
    """Every timed job there is."""
    return (
        Job(
            "refresh",
            settings.refresh_seconds,
            jobs.refresh,
            "what is not rolled up is read from raw events, which is slow",
        ),
        Job("close", 15.0, jobs.close, "a level that no point follows holds as long as its meter says, and no longer"),
        Job(
            "coverage",
            10.0,
            jobs.coverage,
            "who has fallen silent, and where data is missing, is told by what was noted",
        ),
        Job(
            "limits",
            5.0,
            jobs.limits,
            "who only reports usage is stopped by it too, as soon as the counters of its limits know of it",
        ),
        Job("reservations", 2.0, jobs.reservations, "what nobody settles in time is not used, and another may have it"),
        Job("credits", 60.0, jobs.credits, "grants come again when they are due, and are nobody's when they end"),
        Job("invoices", 60.0, jobs.invoices, "each period is billed soon after it ends, whoever is away"),
        Job("progressive", 60.0, jobs.progressive, "what a team owes shall not grow far beyond its threshold"),
        Job("late_usage", 60.0, jobs.late_usage, "what comes after its invoice is neither lost nor kept from anybody"),
        Job("identity", 60.0, jobs.identity, "an id that comes again with another time is one event counted twice"),
        Job("forecast", 60.0, analytics_run.forecast, "who asks what will be shall not wait for it to be computed"),
        Job("budgets", 15.0, analytics_run.foresee, "when a budget will be used up is said before it is"),
        Job("prepare", HOUR, jobs.prepare, "making room for events blocks those who write them, so it is made ahead"),
        Job("check", HOUR, jobs.check, "what does not add up shall be found by us first"),
        Job("unpriced", HOUR / 4, jobs.unpriced, "usage without a price is an alarm, and not found when it is billed"),
        Job("tick", 60.0, jobs.tick, "what has changed since an instant is told by what was visible then"),
        Job("backfill", 1.0, jobs.backfill, "what a source says is applied beside live ingest", paces_itself=True),
        Job(
            "mail",
            5.0,
            partial(jobs.mail, write=composer),
            "an invoice that nobody hears of is not paid",
            paces_itself=True,
        ),
        Job("pack", HOUR, jobs.pack, "in the columnstore a raw event takes a sixth of the room"),
        Job("retain", DAY, jobs.retain, "what nobody needs any more costs room, and may not be kept for ever"),
        Job("trim", DAY, jobs.trim, "rows nobody asks for any more cost everybody who asks"),
    )


async def work(url: str, settings: Settings, stop: asyncio.Event) -> None:
    """Runs the timetable on the database at `url` until `stop` is set; then lets running jobs end, for a while.

    Raises MigrationError when the database is not what this version needs.
    """
    table = timetable(settings)
    async with database.pool(url, len(table) + 2) as pool:
        async with pool.connection() as conn:
            await check_current(conn)
            await leases.register(conn, [job.name for job in table])
        worker = Worker(pool, settings)
        scheduler = _ticker(worker, table)
        scheduler.start()
        _log.info("worker %s: %s", worker.holder, ", ".join(job.name for job in table))
        try:
            await stop.wait()
        finally:
            scheduler.pause()
            await worker.close(GRACE_SECONDS)
            scheduler.shutdown(wait=False)


def tick_seconds(job: Job) -> float:
    """How often to ask whether a job is due: twice per period, so that a missed turn costs half a period at most."""
    return min(job.seconds / 2, SLOWEST_TICK_SECONDS)


def _ticker(worker: Worker, table: tuple[Job, ...]) -> AsyncIOScheduler:
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick during a long run is no news
    scheduler = AsyncIOScheduler(timezone=UTC)
    for job in table:
        every = tick_seconds(job)
        scheduler.add_job(
            worker.tick,
            "interval",
            args=[job],
            id=job.name,
            seconds=every,
            jitter=every / 4,  # workers started together shall not ask together
            next_run_time=datetime.now(UTC) + timedelta(seconds=random.uniform(0, min(every, 1.0))),  # noqa: S311 - no secret
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    return scheduler


class Worker:
    """One holder of leases: runs what is due and free, one job's failure apart from all others."""

    def __init__(self, pool: database.Pool, settings: Settings, ttl: timedelta = leases.TTL) -> None:
        """Runs jobs through `pool`; a lease that is not renewed for `ttl` is anybody's."""
        self._pool = pool
        self._settings = settings
        self._ttl = ttl
        self._ticks: set[asyncio.Task[Run | None]] = set()
        self._running: set[asyncio.Task[str | None]] = set()
        self._failing: dict[str, str] = {}
        self.holder = f"{socket.gethostname()}/{os.getpid()}/{uuid7().hex[-8:]}"

    async def tick(self, job: Job) -> Run | None:
        """Runs a job if it is due and this worker gets its lease; None when it did not run. Never raises."""
        task = asyncio.ensure_future(self._attempt(job))
        self._ticks.add(task)
        try:
            return await task
        except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on; it is logged and shown
            self._note(job, jobs.describe(error, self._settings))
            return None
        finally:
            self._ticks.discard(task)

    async def close(self, grace_s: float) -> None:
        """Waits for running jobs, stops those that take longer than `grace_s`, and sees their leases released."""
        ticks = set(self._ticks)
        if not ticks:
            return
        _, late = await asyncio.wait(ticks, timeout=grace_s)
        for task in self._running:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=grace_s)

    async def _attempt(self, job: Job) -> Run | None:
        async with self._pool.connection() as conn:
            if not await leases.take(conn, job.name, self.holder, self._ttl):
                return None
        run = await self._guarded(job)
        if job.paces_itself and run.outcome == "done":
            run = run._replace(took_s=0.0)
        async with self._pool.connection() as conn:
            if not await leases.finish(conn, job.name, self.holder, run, job.seconds):
                _log.warning("job %s: the lease was lost while it ran; its run is recorded as crashed", job.name)
        return run

    async def _guarded(self, job: Job) -> Run:
        """Runs a job with its lease renewed beside it; a lost lease stops the job, for somebody else has it now."""
        began = time.monotonic()
        working = asyncio.create_task(self._work(job))
        keeping = asyncio.create_task(leases.keep(self._pool, job.name, self.holder, self._ttl))
        self._running.add(working)
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.wait({working, keeping})
            self._running.discard(working)
        return self._judge(job, working, time.monotonic() - began)

    async def _work(self, job: Job) -> str | None:
        async with self._pool.connection() as conn:
            return await job.run(Turn(conn, self._settings, datetime.now(UTC)))

    def _judge(self, job: Job, working: asyncio.Task[str | None], took_s: float) -> Run:
        if working.cancelled():
            return Run("stopped", "stopped before its end", took_s)
        error = working.exception()
        if error is None:
            self._recover(job)
            return Run("done", working.result(), took_s)
        text = jobs.describe(error, self._settings)
        self._note(job, text)
        return Run("failed", text, took_s)

    def _note(self, job: Job, text: str) -> None:
        """Logs a failure once, not at every try."""
        if self._failing.get(job.name) != text:
            self._failing[job.name] = text
            _log.error("job %s failed: %s", job.name, text)

    def _recover(self, job: Job) -> None:
        if self._failing.pop(job.name, None) is not None:
            _log.info("job %s works again", job.name)
