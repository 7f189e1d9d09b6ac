"""A served app of a test, and how tests talk to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import msgspec

from api.buckets import Ticks
from api.serve import serve
from meter.settings import Settings, load

OPERATOR_KEY = "hm_operator_of_these_tests_and_of_nothing_else"
LARGEST_BODY = 1_000_000
STARTS_WITHIN_S = 20


@dataclass
class Clock:
    """The real time, moved ahead as far as a test wants."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Answer the present instant."""
        return datetime.now(UTC) + self.ahead


@dataclass
class Site:
    """A served app: where it is, and who may ask."""

    url: str
    database: str
    settings: Settings
    clock: Clock = field(default_factory=Clock)

    def client(self, key: str | None = OPERATOR_KEY, **headers: str) -> httpx.AsyncClient:
        """Answer a client with a key, None for one without; close it with `async with`."""
        given = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(base_url=self.url, headers=given | headers, timeout=30)

    async def post(self, path: str, body: object, key: str = OPERATOR_KEY) -> Any:
        """Answer what a successful POST answers."""
        async with self.client(key) as client:
            answer = await client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def make_team(self, name: str = "Acme", **fields: object) -> str:
        """Make a team and answer its id."""
        owner = {"user_id": "ada", "email": "ada@example.org"}
        team: str = (await self.post("/v1/teams", {"name": name, "owner": owner, **fields}))["id"]
        return team

    async def make_key(self, team: str, *scopes: str, kind: str = "standard") -> str:
        """Make a key of a team and answer it."""
        made = await self.post(f"/v1/teams/{team}/keys", {"name": "a key", "scopes": list(scopes), "kind": kind})
        key: str = made["key"]
        return key


def free_port() -> int:
    """Answer a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings_for(database: str, data_dir: Path, **changed: object) -> Settings:
    """Answer settings for a database, on a free port."""
    usual: dict[str, object] = {
        "database_url": database,
        "data_dir": data_dir,
        "port": free_port(),
        "operator_key": OPERATOR_KEY,
        "max_body_bytes": LARGEST_BODY,
        "pool_size": 4,
        "key_requests_per_second": 10_000,  # one key does here what many do elsewhere
    }
    return msgspec.structs.replace(load({}), **(usual | changed))


@asynccontextmanager
async def served(settings: Settings, ticks: Ticks = monotonic) -> AsyncIterator[Site]:
    """Serve while we are inside; what serving raises is raised here."""
    site = Site(f"http://{settings.host}:{settings.port}", settings.database_url or "", settings)
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop=stop, ready=ready.set, clock=site.clock, ticks=ticks))
    starting = asyncio.create_task(ready.wait())
    done, _ = await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED, timeout=STARTS_WITHIN_S)
    starting.cancel()
    if serving in done:
        await serving
    assert done, "not ready in time"
    try:
        yield site
    finally:
        stop.set()
        await serving


def problem(answer: httpx.Response) -> str:
    """Answer the code of a problem document, after checking its form."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    assert {"type", "title", "status", "detail", "code", "instance", "request_id"} <= document.keys()
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["instance"] == answer.request.url.path
    assert document["type"] == f"urn:hourmeter:problem:{document['code']}"
    code: str = document["code"]
    return code
