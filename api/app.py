"""The app: routes, resources and habits put together. Nothing is decided here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from time import monotonic

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from api.auth import actor_of_request, asked_team, caller_of
from api.buckets import Buckets, Ticks
from api.callers import Callers, KeyLookups
from api.cpu import CpuPool
from api.edge import Edge
from api.errors import HANDLERS
from api.idempotency import retried
from api.labels import asked_filters
from api.metrics import Metrics
from api.openapi import config
from api.query import check_query
from api.request import Request
from api.routes import ROUTES
from api.state import Clock, Shell
from api.turns import Turns
from meter import database, defaults
from meter.authorize.desk import LANES, Desk
from meter.happenings import Happenings
from meter.ingest import Ingest
from meter.keys import ensure_operator
from meter.migrate import check_current
from meter.settings import Settings, SettingsError
from meter.telemetry import Intake

# Calls that ask whether they may go on: a connection for each lane of the desk and some for their keys. Whoever waits
# for an answer is better told soon that there is none.
GATE = LANES + 2
GATE_SECONDS = 5
GATE_WAIT_S = 1.0


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


def create_app(settings: Settings, *, clock: Clock = utc_now, ticks: Ticks = monotonic, process: int = 0) -> Litestar:
    """The app that serves these settings; inside its lifespan it has a database pool and, once needed, a process.

    `process` tells apart those that share a port; `ticks` are the seconds by which requests are limited.

    The lifespan raises MigrationError on a database that is not exactly what this version needs.
    """
    app = Litestar(
        route_handlers=[handler for module in ROUTES for handler in module.HANDLERS],
        request_class=Request,
        dependencies={
            "shell": Provide(_shell, sync_to_thread=False),
            "caller": Provide(caller_of),
            "actor": Provide(actor_of_request),
            "team": Provide(asked_team),
            "retry": Provide(retried),
            "filters": Provide(asked_filters),
        },
        before_request=check_query,
        exception_handlers=HANDLERS,
        request_max_body_size=None,  # api/body.py bounds it, unpacked too
        logging_config=None,
        openapi_config=config(),
        lifespan=[_lifespan(settings, clock, ticks, process)],
    )
    app.asgi_handler = Edge(app.asgi_handler, settings)
    return app


def _shell(state: State) -> Shell:
    shell: Shell = state.shell
    return shell


def _lifespan(
    settings: Settings, clock: Clock, ticks: Ticks, process: int
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        if settings.database_url is None:
            raise SettingsError("DATABASE_URL: the service needs one; `meter serve` starts an embedded server without")
        async with (
            database.pool(settings.database_url, settings.pool_size) as pool,
            database.readers(settings.database_url, settings.read_pool_size, settings.query_seconds) as readers,
            database.pool(settings.database_url, GATE, database.impatient(GATE_SECONDS), GATE_WAIT_S) as gate,
            CpuPool() as cpu,
        ):
            async with pool.connection() as conn:
                await check_current(conn)
                await defaults.check(conn, settings, clock())
                await ensure_operator(conn, settings.operator_key, settings.data_dir, clock())
            ingest, intake = Ingest(pool, settings.past_days), Intake(pool, settings.past_days)
            happenings = Happenings(pool, ingest)
            desk, callers = Desk(gate, ingest, settings.past_days), Callers()
            metrics = Metrics({"main": pool, "readers": readers, "gate": gate}, process)
            buckets = Buckets(settings.key_requests_per_second / settings.processes, ticks)
            turns = Turns(settings.pool_size)
            app.state.shell = Shell(
                settings,
                pool,
                readers,
                gate,
                ingest,
                intake,
                happenings,
                desk,
                KeyLookups(pool),
                KeyLookups(gate),
                callers,
                turns,
                cpu,
                metrics,
                buckets,
                clock,
            )
            yield
            await desk.close()

    return opened
