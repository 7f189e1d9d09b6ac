"""GET /metrics: what operators watch, for Prometheus."""

from __future__ import annotations

from math import nan

import psycopg
from litestar import Response, get
from psycopg_pool import PoolTimeout

from api.given import TheShell
from api.metrics import CONTENT_TYPE
from api.query import OPEN
from api.routes.health import ANSWER_WITHIN_S
from api.state import Shell
from meter import checks
from meter.coverage.read import silent
from meter.held.listing import waiting
from meter.lag import lag
from meter.limits import follow


@get("/metrics", media_type=CONTENT_TYPE, security=[{}], tags=["operation"], opt=OPEN)
async def metrics(shell: TheShell) -> Response[bytes]:
    """Show the metrics of this process in the text exposition format."""
    return Response(
        shell.metrics.text(
            await bucket_lag(shell),
            await held(shell),
            await silent_series(shell),
            await undecided(shell),
            await limits_lag(shell),
        ),
        media_type=CONTENT_TYPE,
    )


async def bucket_lag(shell: Shell) -> float:
    """Seconds that the oldest touched bucket has waited, NaN while the database can't be asked."""
    try:
        async with shell.pool.connection(timeout=ANSWER_WITHIN_S) as conn:
            return (await lag(conn, shell.clock())).total_seconds()
    except (psycopg.OperationalError, PoolTimeout):
        return nan


async def held(shell: Shell) -> dict[str, bool]:
    """Which checks held when the worker last ran them; nothing while the database can't be asked."""
    try:
        async with shell.pool.connection(timeout=ANSWER_WITHIN_S) as conn:
            return {each.name: each.holds for each in await checks.last(conn)}
    except (psycopg.OperationalError, PoolTimeout):
        return {}


async def silent_series(shell: Shell) -> float:
    """How many series were silent when a worker last counted; NaN where none did, or the database can't be asked."""
    try:
        async with shell.pool.connection(timeout=ANSWER_WITHIN_S) as conn:
            found = await silent(conn)
    except (psycopg.OperationalError, PoolTimeout):
        return nan
    return nan if found is None else found


async def undecided(shell: Shell) -> float:
    """How many events are held until somebody decides; NaN while the database can't be asked."""
    try:
        async with shell.pool.connection(timeout=ANSWER_WITHIN_S) as conn:
            return sum(each.events for each in await waiting(conn))
    except (psycopg.OperationalError, PoolTimeout):
        return nan


async def limits_lag(shell: Shell) -> float:
    """Seconds that usage has not been in the counters of limits; NaN where no worker followed it, or nobody can say."""
    try:
        async with shell.pool.connection(timeout=ANSWER_WITHIN_S) as conn:
            found = await follow.lag(conn, shell.clock())
    except (psycopg.OperationalError, PoolTimeout):
        return nan
    return nan if found is None else found.total_seconds()


HANDLERS = (metrics,)
