"""Coverage over HTTP: beside every number, in every form, to whom it may be shown; and lists of who is silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import httpx
import polars as pl
import pytest

from meter import aggregate
from meter.coverage import follow
from meter.coverage import learn as learning
from meter.database import connect
from tests.api.site import OPERATOR_KEY, Site, problem
from tests.api.test_pages import sign_in

STEP = timedelta(minutes=5)
DAYS_BACK = 3


def midnight() -> datetime:
    """Answer a midnight some days ago."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS_BACK)


def samples(times: Sequence[datetime], member: str, **labels: str) -> list[dict[str, Any]]:
    """Answer a level of one core, held for STEP before each instant."""
    return [
        {
            "id": f"{member} {at}",
            "time": at.isoformat(),
            "meter": "cpu",
            "quantity": 1,
            "duration_seconds": int(STEP.total_seconds()),
            "member": member,
            **labels,
        }
        for at in times
    ]


async def keep(site: Site) -> None:
    """Do what the worker does."""
    async with await connect(site.database, autocommit=True) as conn:
        await aggregate.refresh(conn)
        await follow.follow(conn, site.clock())
        await follow.enrol(conn)
        await learning.learn(conn, site.clock())


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team of which ada reports all the time until now, bob not from 6 to 12 and no more since midnight."""
    team = await site.make_team()
    key = await site.make_key(team, "ingest")
    start, now = midnight(), site.clock()
    steps = [start + STEP * n for n in range(1, (now - start) // STEP + 1)]
    bob = [at for at in steps if at <= start + timedelta(days=1) and not 6 <= (at - STEP).hour < 12]
    for some in (samples(steps, "ada"), samples(bob, "bob")):
        assert (await site.post("/v1/events", some, key))["accepted"] == len(some)
    await keep(site)
    return team


def day(**more: Any) -> dict[str, Any]:
    """Answer the question about the first day."""
    start = midnight()
    return {"meter": "cpu", "from": start.isoformat(), "to": (start + timedelta(days=1)).isoformat(), **more}


async def ask(site: Site, team: str, path: str, user: str | None = None, **question: Any) -> httpx.Response:
    """Ask with a reading key of the team, for a member."""
    headers = {} if user is None else {"X-User-ID": user}
    async with site.client(await site.make_key(team, "read"), **headers) as client:
        return await client.get(path, params=question)


async def test_beside_every_number(site: Site, team: str) -> None:
    """Of the answer and of each item; of what has no item by asking for it."""
    answer = (await ask(site, team, "/v1/usage", **day(window="hour", group_by="member", fill="null"))).json()
    assert (answer["coverage"], answer["quarters_seen"], answer["quarters_expected"]) == ("0.875", 168, 192)
    bob = {
        item["from"][11:13]: (item["quantity"], item["coverage"]) for item in answer["items"] if item["member"] == "bob"
    }
    assert (bob["05"], bob["06"], bob["12"]) == (("1", "1"), (None, "0"), ("1", "1"))
    assert {item["coverage"] for item in answer["items"] if item["member"] == "ada"} == {"1"}
    summary = (await ask(site, team, "/v1/usage/summary", **{k: v for k, v in day().items() if k != "meter"})).json()
    assert (summary["coverage"], summary["meters"][0]["coverage"]) == ("0.875", "0.875")
    members = (await ask(site, team, "/v1/usage/members", **day())).json()
    assert {row["member"]: row["coverage"] for row in members["items"]} == {"ada": "1", "bob": "0.75"}
    assert members["items"][0]["usage"][0]["coverage"] in {"1", "0.75"}
    assert (members["total"]["coverage"], members["total"]["usage"][0]["coverage"]) == ("0.875", "0.875")
    trend = (await ask(site, team, "/v1/analytics/trends", **day(window="hour"))).json()
    assert trend["coverage"] == "0.875"


async def test_in_every_form(site: Site, team: str) -> None:
    """Text in JSON and CSV, a decimal in columns."""
    question = day(group_by="member")
    rows = (await ask(site, team, "/v1/usage", **question, format="csv")).text.splitlines()
    assert [line.rsplit(",", 1)[1] for line in rows] == ["coverage", "1", "0.75"]
    lines = (await ask(site, team, "/v1/usage", **question, format="ndjson")).text.splitlines()
    assert '"coverage":"0.75"' in lines[1]
    table = pl.read_ipc_stream(BytesIO((await ask(site, team, "/v1/usage", **question, format="arrow")).content))
    assert [float(each) for each in table.get_column("coverage")] == [1.0, 0.75]
    report = (await ask(site, team, "/v1/usage/members", **day(), format="csv")).text.splitlines()
    assert sorted(line.rsplit(",", 1)[1] for line in report) == ["0.75", "0.875", "0.875", "1", "coverage"]


async def test_where_nobody_knows(site: Site) -> None:
    """What comes when it comes has no coverage, wherever one would stand."""
    team = await site.make_team()
    at = midnight() + timedelta(hours=1)
    event = {"id": "1", "time": at.isoformat(), "meter": "requests", "quantity": 1, "member": "ada"}
    await site.post("/v1/events", [event], await site.make_key(team, "ingest"))
    await keep(site)
    answer = (await ask(site, team, "/v1/usage", **day(meter="requests"))).json()
    assert [answer[name] for name in ("coverage", "quarters_seen", "quarters_expected")] == [None] * 3
    assert answer["items"][0]["coverage"] is None
    (series,) = (await ask(site, team, "/v1/series")).json()["items"]
    assert [series[name] for name in ("state", "cadence", "last_seen", "next_expected")] == [None] * 4


async def test_who_is_silent_is_listed(site: Site, team: str) -> None:
    """By state, with when it was last seen and is expected; page by page; a member sees own series only."""
    found = (await ask(site, team, "/v1/series")).json()
    assert {each["member"]: each["state"] for each in found["items"]} == {"ada": "reporting", "bob": "silent"}
    (bob,) = (await ask(site, team, "/v1/series", state="silent")).json()["items"]
    assert bob["cadence"] == {"seconds": 300, "known": "learned"}
    last = midnight() + timedelta(days=1, microseconds=-1)
    assert [datetime.fromisoformat(bob[name]) for name in ("last_seen", "silent_since", "next_expected")] == [
        last,
        last,
        last + STEP,
    ]
    assert datetime.fromisoformat(bob["first_seen"]) == midnight()
    assert (await ask(site, team, "/v1/series", state="gone")).json()["items"] == []
    assert len((await ask(site, team, "/v1/series", state="new")).json()["items"]) == 2
    later = (site.clock() + timedelta(minutes=1)).isoformat()
    assert (await ask(site, team, "/v1/series", state="new", since=later)).json()["items"] == []
    first = (await ask(site, team, "/v1/series", limit=1)).json()
    second = (await ask(site, team, "/v1/series", limit=1, cursor=first["next"])).json()
    assert [each["id"] for each in first["items"] + second["items"]] == [each["id"] for each in found["items"]]
    assert second["next"] is None
    mine = (await ask(site, team, "/v1/series", "bob")).json()["items"]
    assert [each["member"] for each in mine] == ["bob"]
    assert problem(await ask(site, team, "/v1/series", "bob", member="ada")) == "forbidden"
    assert problem(await ask(site, team, "/v1/series", meter="nope")) == "unknown_meter"
    assert problem(await ask(site, team, "/v1/series", color="red")) == "invalid_parameter"
    assert (await ask(site, team, "/v1/series", state="lost")).status_code == 400
    site.clock.ahead = timedelta(days=8)
    await keep(site)
    gone = (await ask(site, team, "/v1/series", state="gone")).json()["items"]
    assert {(each["member"], each["next_expected"], each["ended"]) for each in gone} == {
        ("ada", None, False),
        ("bob", None, False),
    }


async def test_a_member_s_coverage_is_of_own_series(site: Site, team: str) -> None:
    """Bob's hole is not in ada's number."""
    for user, share in (("bob", "0.75"), ("ada", "1")):
        assert (await ask(site, team, "/v1/usage", user, **day())).json()["coverage"] == (
            share if user == "bob" else "0.875"
        )
        async with site.client(OPERATOR_KEY) as client:
            filtered = await client.get("/v1/usage", params={**day(), "team": team, "member": user})
        assert filtered.json()["coverage"] == share


async def test_operators_and_people_see_it(site: Site, team: str) -> None:
    """In the metrics, and in words on the page."""
    async with site.client(None) as client:
        lines = (await client.get("/metrics")).text.splitlines()
        (silent,) = (line.split()[1] for line in lines if line.startswith("hourmeter_silent_series "))
        assert float(silent) >= 1
        await sign_in(client, await site.make_key(team, "read"))
        page = await client.get("/dashboard", params={"meter": "cpu", "range": "7d"})
        assert "of the time in which it was expected." in page.text


async def test_a_meter_says_how_often_it_expects_to_hear(site: Site, team: str) -> None:
    """From then on for all its series; a number that can be none is refused."""
    admin = await site.make_key(team, "admin")
    meter = {"slug": "queue.depth", "unit": "job", "aggregation": "max", "expected_every_seconds": 60}
    assert (await site.post("/v1/meters", meter, admin))["expected_every_seconds"] == 60
    key = await site.make_key(team, "ingest")
    at = midnight()
    await site.post("/v1/events", [{"id": "d", "time": at.isoformat(), "meter": "queue.depth", "quantity": 7}], key)
    await keep(site)
    assert (await ask(site, team, "/v1/usage", **day(meter="queue.depth"))).json()["coverage"] == "0.0104"
    (silent,) = (await ask(site, team, "/v1/series", meter="queue.depth", state="silent")).json()["items"]
    assert silent["cadence"] == {"seconds": 60, "known": "declared"}
    async with site.client(admin) as client:
        for wrong in (0, 86_401, -5):
            refused = await client.patch("/v1/meters/queue.depth", json={"expected_every_seconds": wrong})
            assert problem(refused) == "invalid_meter"
        changed = await client.patch("/v1/meters/queue.depth", json={"expected_every_seconds": None})
        assert changed.json()["expected_every_seconds"] is None
    assert (await ask(site, team, "/v1/usage", **day(meter="queue.depth"))).json()["coverage"] is None
