"""Held events over HTTP: both times shown, decided by those who may, the bill follows; the doctor tells."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from meter import aggregate
from meter.database import connect
from meter.held import turn
from tests.api.site import OPERATOR_KEY, Site, problem

DAY = {"from": "2026-11-01", "to": "2026-11-02"}
PATH = "/v1/held"
DECIDE = "/v1/held/decisions"
FIRST = {"id": "a", "time": "2026-11-01T12:10:00Z", "meter": "tokens.input", "quantity": 1_000_000, "member": "ada"}
AGAIN = FIRST | {"time": "2026-11-01T12:12:30Z"}
FACTS = [{"id": f"f{n}", "time": f"2026-11-01T12:0{n}:00Z", "quantities": {"tokens.input": 3}} for n in range(3)]


class Desk:
    """A team whose client has sent some events with two times, looked at by the job."""

    def __init__(self, site: Site, team: str, key: str) -> None:
        """Sits at a site."""
        self.site, self.team, self.key = site, team, key

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Answer a request with the key."""
        async with self.site.client(more.pop("key", self.key), **more.pop("headers", {})) as client:
            return await client.request(method, path, **more)

    async def held(self, **question: Any) -> list[dict[str, Any]]:
        """Answer what is held."""
        found: list[dict[str, Any]] = (await self.ask("GET", PATH, params=question)).json()["items"]
        return found

    async def decide(self, decision: str, **more: Any) -> httpx.Response:
        """Answer a decision."""
        return await self.ask("POST", DECIDE, json={"decision": decision, "reason": "I asked them"} | more)

    async def owed(self) -> str:
        """Answer what November comes to by now."""
        asked = {"from": "2026-11-01", "to": "2026-12-01", "preview": True}
        total: str = (await self.ask("POST", f"/v1/teams/{self.team}/invoices", json=asked)).json()["total"]
        return total


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk where one event and three facts are held."""
    team = await site.make_team(plan="credits/payg")
    desk = Desk(site, team, await site.make_key(team, "ingest", "read", "admin"))
    assert (await site.post("/v1/events", [FIRST, *FACTS], desk.key))["accepted"] == 4
    again = [AGAIN, *(fact | {"time": "2026-11-01T12:30:00Z"} for fact in FACTS)]
    assert (await site.post("/v1/events", again, desk.key))["accepted"] == 4
    async with await connect(site.database, autocommit=True) as conn:
        await aggregate.refresh(conn)
        while (await turn.turn(conn, datetime.now(UTC))).more:
            pass  # other teams of this site have sent much, too
    assert len(await desk.held()) == 4
    return desk


async def test_both_times_are_shown(desk: Desk) -> None:
    """With quantities, labels, since when and by which correction; page by page."""
    first = (await desk.ask("GET", PATH, params={"limit": 3})).json()
    second = (await desk.ask("GET", PATH, params={"limit": 3, "cursor": first["next"]})).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 1, None)
    (event,) = (each for each in first["items"] + second["items"] if each["first"]["member"])
    labels: dict[str, Any] = {"quantity": "1000000", "member": "ada", "service": None, "dimensions": {}}
    assert event["first"] == labels | {"time": FIRST["time"]}
    assert event["held"] == labels | {"time": AGAIN["time"]}
    assert (event["meter"], event["state"], event["decided_by"]) == ("tokens.input", "open", None)
    hold = (await desk.ask("GET", f"/v1/corrections/{event['hold']}")).json()
    assert (hold["kind"], hold["actor"], hold["events"]) == ("hold", "system", 4)
    assert "2026-11-01T12:10:00+00:00" in hold["reason"]
    assert "2026-11-01T12:12:30+00:00" in hold["reason"]
    assert problem(await desk.ask("POST", f"/v1/corrections/{hold['id']}/undo", json={"reason": "x"})) == (
        "correction_undone"
    )


async def test_counted_or_dropped(desk: Desk) -> None:
    """What is owed follows; a retry with its key hears the first answer; the same again is refused."""
    (event,) = (each for each in await desk.held() if each["first"]["member"])
    before = await desk.owed()
    headers = {"Idempotency-Key": "ticket-9"}
    body = {"decision": "count", "reason": "two calls, one id", "held": [event["id"]]}
    made, retried = [await desk.ask("POST", DECIDE, json=body, headers=headers) for _ in range(2)]
    assert (made.status_code, made.content) == (201, retried.content), made.text
    assert (made.json()["kind"], made.json()["events"]) == ("count", 1)
    assert [(hour["before"], hour["after"]) for hour in made.json()["moved"]] == [("1000009", "2000009")]
    assert Decimal(await desk.owed()) - Decimal(before) == Decimal(before)
    assert problem(await desk.decide("count", held=[event["id"]])) == "already_decided"
    assert (await desk.decide("drop", hold=event["hold"])).json()["events"] == 3
    assert problem(await desk.decide("drop", hold=event["hold"])) == "not_found"
    assert await desk.held(state="open") == []
    assert len(await desk.held(state="dropped", hold=event["hold"])) == 3
    (counted,) = await desk.held(state="counted", since="now-1d")
    assert counted["decided_by"] == made.json()["id"]
    assert (await desk.decide("drop", held=[event["id"]])).status_code == 201
    assert await desk.owed() == before
    kinds = [each["kind"] for each in (await desk.ask("GET", "/v1/corrections")).json()["items"]]
    assert kinds == ["drop", "drop", "count", "hold"]
    listed = (await desk.ask("GET", f"/v1/teams/{desk.team}/audit", params={"action": "correction.count"})).json()
    assert [each["subject"] for each in listed["items"]] == [f"correction:{made.json()['id']}"]


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "count", "reason": "x"},
        {"decision": "count", "reason": "x", "held": []},
        {"decision": "keep", "reason": "x", "hold": "0" * 32},
        {"decision": "count", "hold": "0" * 32},
        {"decision": "count", "reason": "x", "hold": "0" * 32, "held": ["0" * 32]},
    ],
)
async def test_bodies_that_are_refused(desk: Desk, body: dict[str, Any]) -> None:
    """Nothing is decided."""
    assert problem(await desk.ask("POST", DECIDE, json=body)) == "invalid_body"
    assert len(await desk.held(state="open")) == 4


async def test_who_may_see_and_decide(desk: Desk) -> None:
    """Owners and admins with an admin key, and the operator; a reader sees, a member neither, no other team at all."""
    read = await desk.site.make_key(desk.team, "read")
    stranger = await desk.site.make_key(await desk.site.make_team("Other"), "admin")
    ids = [each["id"] for each in await desk.held()]
    body = {"decision": "drop", "reason": "x", "held": ids[:1]}
    assert len((await desk.ask("GET", PATH, key=read)).json()["items"]) == 4
    assert problem(await desk.ask("POST", DECIDE, json=body, key=read)) == "forbidden"
    async with desk.site.client(desk.key) as client:
        member = {"id": "m", "time": "2026-11-01T10:00:00Z", "meter": "requests", "quantity": 1, "member": "bob"}
        await client.post("/v1/events", json=[member])
    for method, path in (("GET", PATH), ("POST", DECIDE)):
        more = {} if method == "GET" else {"json": body}
        assert problem(await desk.ask(method, path, headers={"X-User-ID": "bob"}, **more)) == "forbidden"
    assert (await desk.ask("GET", PATH, key=stranger)).json()["items"] == []
    assert problem(await desk.ask("POST", DECIDE, json=body, key=stranger)) == "not_found"
    made = await desk.ask("POST", DECIDE, json=body, key=OPERATOR_KEY, params={"team": desk.team})
    assert made.status_code == 201, made.text
    more = {"json": body | {"held": ids[1:2]}, "headers": {"X-User-ID": "ada"}}
    assert (await desk.ask("POST", DECIDE, **more)).status_code == 201


async def test_operators_are_told(desk: Desk, tmp_path: Path) -> None:
    """By the doctor, which is content all the same, and by a gauge."""
    async with desk.site.client(None) as client:
        found = re.search(r"^hourmeter_held_events (\d+)", (await client.get("/metrics")).text, re.MULTILINE)
    assert found is not None
    assert int(found[1]) >= 4
    done = subprocess.run(  # noqa: ASYNC221 (nothing else goes on here)
        [sys.executable, "-m", "meter", "doctor"],
        env={"DATABASE_URL": desk.site.database, "METER_DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"({desk.team}): 4 events came again with another time, held until it is decided" in done.stdout
