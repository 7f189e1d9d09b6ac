"""While the database can't be asked, a call goes on where every limit on its way says so, and is told so."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from meter.database import connect
from meter.migrate import migrate
from tests import server
from tests.served import RETRYABLE, Client, make_team, serving

pytestmark = [pytest.mark.slow, pytest.mark.database]
PATIENCE_S = 30.0
OPEN = {"name": "Team", "measure": "units", "amount": "1000", "window": "day", "meters": ["requests"], "fails": "open"}
CLOSED = OPEN | {"name": "Ann", "member": "ann", "fails": "closed"}


def asked(client: Client, member: str, key: str | None = None) -> httpx.Response:
    """Answer what a call of a member is told."""
    headers = {"X-User-ID": member} | ({"Authorization": f"Bearer {key}"} if key else {})
    return client.http.post("/v1/authorize", json={"meter": "requests", "quantity": 1}, headers=headers)


def until_told(client: Client) -> httpx.Response:
    """Ask until it is plain that the database is away, and not just slow."""
    deadline = time.monotonic() + PATIENCE_S
    while (answer := asked(client, "bob")).status_code in RETRYABLE:
        assert time.monotonic() < deadline, answer.text
    return answer


def until_checked(client: Client) -> dict[str, Any]:
    """Ask until the database is asked again."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        answer = asked(client, "bob")
        if answer.status_code not in RETRYABLE and answer.json()["checked"]:
            found: dict[str, Any] = answer.json()
            return found
    raise AssertionError("nobody looks at limits again")


async def test_limits_let_pass_as_each_says(data_dir: Path, tmp_path: Path) -> None:
    """Open and closed ones, internal keys, and a key that nobody has seen before."""
    with server.running("postgres", data_dir) as database:
        async with await connect(database.url) as conn:
            await migrate(conn)
        with serving(database.url, tmp_path) as service:
            client = make_team(service.url, plan="calls/pro")
            keys = f"/v1/teams/{client.team}/keys"
            inside, unseen = (
                Client(service.url).post(keys, {"name": kind, "scopes": ["ingest"], "kind": kind})["key"]
                for kind in ("internal", "standard")
            )
            assert asked(client, "ann").status_code == 200  # registers her
            for budget in (OPEN, CLOSED):
                client.post("/v1/budgets", budget)
            for member, key in (("bob", None), ("ann", None), ("bob", inside)):
                answer = asked(client, member, key)
                assert (answer.status_code, answer.json()["checked"]) == (200, True), answer.text
            database.kill(whole=True)
            passed = until_told(client)
            assert passed.status_code == 200, passed.text
            assert (passed.json()["checked"], passed.json()["reservation"]) == (False, None)
            assert "database" in passed.json()["warnings"][0]
            stopped = asked(client, "ann")
            assert (stopped.status_code, stopped.json()["code"]) == (503, "limits_unavailable")
            assert "'Ann'" in stopped.json()["detail"]
            assert stopped.headers["Retry-After"]
            assert asked(client, "bob", inside).json()["allowed"]
            assert asked(client, "bob", unseen).status_code == 503
            assert client.http.post("/v1/events", json=[{"id": "1", "meter": "requests"}]).status_code == 503
            database.start()
            (team, *_) = until_checked(client)["limits"]
            assert team["reserved"] == "2"  # nothing was, while nobody looked
            assert "Traceback" not in service.log()
