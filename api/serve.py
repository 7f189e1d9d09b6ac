"""Serves the app over HTTP in this process, beside whatever else its event loop runs."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from api.app import create_app, utc_now
from api.buckets import Ticks
from api.state import Clock
from meter.settings import Settings, SettingsError

_log = logging.getLogger(__name__)

BACKLOG = 1024
LAST_ANSWERS_S = 30
ASK_AGAIN_S = 0.01
# Its lines go where ours go. Below `error` it only says that it is embedded.
LOGGING: dict[str, Any] = {"handlers": {}, "formatters": {}, "loggers": {"_granian": {"propagate": True}}}


async def serve(
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    ready: Callable[[], None] | None = None,
    clock: Clock = utc_now,
    ticks: Ticks = monotonic,
    process: int = 0,
) -> None:
    """Serves until `stop` is set or the task is cancelled; then answers what is under way, for 30 s at most.

    `ready` is called once connections are accepted. Signals are the caller's. Of processes that share the port, the one
    numbered 0 starts first and sees that it was free.

    Raises:
        MigrationError: the database is not what this version needs.
        SettingsError: there is no database, the address is taken, or the operator's key file holds none.
        RuntimeError: the server ended although nobody stopped it; its cause is the server's.
    """
    host = address_of(settings.host)
    if process == 0:
        must_be_free(host, settings.port)
    _collect_rarely()
    app = create_app(settings, clock=clock, ticks=ticks, process=process)
    async with _living(app):
        _stop_if_cancelled()
        server = Server(
            app,
            address=host,
            port=settings.port,
            interface=Interfaces.ASGINL,  # the lifespan is ours, so what it raises reaches our caller
            websockets=False,
            backlog=BACKLOG,
            log_level=LogLevels.error,
            log_dictconfig=LOGGING,
        )
        serving = asyncio.create_task(server.serve())
        announcing = asyncio.create_task(_announce(host, settings.port, ready))
        stopping = asyncio.create_task((stop or asyncio.Event()).wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                raise RuntimeError("the HTTP server ended although nobody stopped it") from serving.exception()
        finally:
            announcing.cancel()
            stopping.cancel()
            await _finish(server, serving)


def _collect_rarely() -> None:
    """Lets garbage wait: a batch makes tens of thousands of objects and no cycles; looking took up to a tenth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _stop_if_cancelled() -> None:
    """Raises CancelledError once more if we were cancelled as we started: what waits for the database may lose one.

    Until Python 3.12 `asyncio.wait_for` does, in which the driver waits, when an answer comes at the same time.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _finish(server: Server, serving: asyncio.Task[None]) -> None:
    """Takes no more connections and waits for the last answers, but not for ever."""
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait({serving}, timeout=LAST_ANSWERS_S)
    if not serving.done():
        _log.warning("clients took longer than %s s for their last answers; closing", LAST_ANSWERS_S)
        serving.cancel()


@asynccontextmanager
async def _living(app: Litestar) -> AsyncIterator[None]:
    """The app's lifespan. The framework runs it in a task group, which wraps what is raised; we raise it as it was."""
    try:
        async with app.lifespan():
            yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


def address_of(host: str) -> str:
    """The address that a host name stands for here, the first of several. Raises SettingsError when it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        why = f"{host} is no address of this machine ({error.strerror})"
        raise SettingsError(f"METER_HOST: {why}; write one, as in 127.0.0.1 or 0.0.0.0") from error
    return str(found[0][4][0])


def must_be_free(address: str, port: int) -> None:
    """Raises SettingsError when the address is not ours, and when somebody listens there.

    The server shares ports with its own processes: a stranger on the same port would get half of all requests.
    """
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            why = f"{address}:{port} can't be listened on ({error.strerror})"
            raise SettingsError(f"METER_HOST, METER_PORT: {why}; set another, or stop who has it") from error


async def _announce(host: str, port: int, ready: Callable[[], None] | None) -> None:
    """Calls `ready` when the first connection is accepted, which is ours."""
    while True:
        with suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            break
        await asyncio.sleep(ASK_AGAIN_S)
    if ready is not None:
        ready()
