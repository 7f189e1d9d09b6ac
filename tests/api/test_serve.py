"""Serving: what is under way when it stops, and work that is done elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path

import psutil
import pytest
from litestar import Litestar

from api import app as app_module
from api.cpu import CpuPool
from api.serve import serve
from meter import teams
from meter.errors import Busy
from tests.api.site import Site, problem, served, settings_for


async def test_what_is_under_way_is_answered_before_it_stops(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that waits when the service is told to stop gets its answer; later ones find nobody."""
    entered, release = asyncio.Event(), asyncio.Event()
    list_teams = teams.list_teams

    async def slow(*args: object, **named: object) -> object:
        entered.set()
        await release.wait()
        return await list_teams(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(teams, "list_teams", slow)
    settings = settings_for(database, tmp_path)
    async with asyncio.TaskGroup() as tasks:
        async with served(settings) as site:
            client = site.client()
            waiting = tasks.create_task(client.get("/v1/teams"))
            await entered.wait()
            tasks.create_task(release_when_closed(settings.host, settings.port, release))
        answer = await waiting
        await client.aclose()
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})
    with socket.socket() as probe:
        assert probe.connect_ex((settings.host, settings.port)) != 0


async def release_when_closed(host: str, port: int, release: asyncio.Event) -> None:
    """Let the request go on once nobody takes connections any more, or after a second where that comes later."""
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            break
        writer.close()
        await asyncio.sleep(0.01)
    release.set()


async def test_cancelling_stops_it_in_order(database: str, tmp_path: Path) -> None:
    """The command cancels the task: the port is free again and the pool closed."""
    settings = settings_for(database, tmp_path)
    ready = asyncio.Event()
    serving = asyncio.create_task(serve(settings, ready=ready.set))
    await ready.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    async with served(settings) as site, site.client(None) as client:
        assert (await client.get("/v1/health")).status_code == 200


async def test_a_large_body_arrives_whole(database: str, tmp_path: Path) -> None:
    """30 MB in one request are read; what is wrong with them is that they are too many events."""
    lines = b'{"meter": "requests", "quantity": 1, "id": "x", "attributes": {"padding": "%s"}}\n' % (b"a" * 920)
    async with served(settings_for(database, tmp_path, max_body_bytes=32 << 20)) as site:
        key = await site.make_key(await site.make_team(), "ingest")
        async with site.client(key, **{"Content-Type": "application/x-ndjson"}) as client:
            answer = await client.post("/v1/events", content=lines * 30_000)
    assert (answer.status_code, problem(answer)) == (413, "batch_too_large")


async def test_the_child_process_computes_and_comes_back_when_killed() -> None:
    """Arguments go there, answers and exceptions come back; a killed child is Busy once, then there is a new one."""
    async with CpuPool() as cpu:
        assert await cpu.run(divided, Decimal(1), Decimal(4)) == Decimal("0.25")
        with pytest.raises(ZeroDivisionError):
            await cpu.run(divided, Decimal(1), Decimal(0))
        assert await cpu.run(os.getpid) != os.getpid()
        with pytest.raises(Busy):
            await cpu.run(end_yourself)
        assert await cpu.run(divided, Decimal(3), Decimal(2)) == Decimal("1.5")


def divided(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Divide, and raise what plain code raises."""
    if not divisor:
        raise ZeroDivisionError
    return dividend / divisor


def end_yourself() -> None:
    """Die as a process does that has no memory left."""
    os.kill(os.getpid(), signal.SIGKILL)


async def test_a_child_without_work_is_let_go() -> None:
    """It gives back its memory after a while; the next call gets a new one."""
    async with CpuPool(idle_s=0.2) as cpu:
        first = await cpu.run(os.getpid)
        await asyncio.to_thread(psutil.wait_procs, [psutil.Process(first)], timeout=20)
        assert not psutil.pid_exists(first)
        assert await cpu.run(os.getpid) != first


async def test_nothing_is_started_that_nobody_needs() -> None:
    """The child costs memory, so it is not there before its first work."""
    cpu = CpuPool()
    async with cpu:
        assert cpu._executor is None


async def test_the_app_makes_no_connection_before_its_lifespan(site: Site) -> None:
    """Making an app is cheap and touches nothing."""
    app = app_module.create_app(site.settings)
    assert "shell" not in app.state


async def test_it_stops_though_it_was_told_while_it_started(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cancelled while it waits for the database may lose that: the answer came at the same time."""
    starting = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        starting.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        yield

    monkeypatch.setattr("api.serve.create_app", lambda *_, **__: Litestar([], lifespan=[lifespan]))
    serving = asyncio.create_task(serve(settings_for(database, tmp_path)))
    await starting.wait()
    serving.cancel()
    await asyncio.wait({serving}, timeout=20)
    assert serving.cancelled()
