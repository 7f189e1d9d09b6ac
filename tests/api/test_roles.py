"""With X-User-ID the lesser of key and member counts: own usage for a member, the team's for admins and owners."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.matrix import ROWS
from tests.api.site import OPERATOR_KEY, Site, problem

ASKED = {"meter": "requests", "from": "2026-11-01", "to": "2026-11-02"}
SAMPLES = {**ASKED, "dimension": "member", "name": "member", "group_by": "member"}
ONE_OF_MANY = ("{series_id}", "{invoice_id}", "{note_id}")  # no such one is there to be asked for
TREND = {**ASKED, "window": "hour"}


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team whose owner ada used 5 requests and whose member bob, registered by ingest, used 2."""
    team = await site.make_team()
    key = await site.make_key(team, "ingest")
    for member, quantity in (("ada", 5), ("bob", 2)):
        async with site.client(key, **{"X-User-ID": member}) as client:
            event = {"id": member, "time": "2026-11-01T12:00:00Z", "meter": "requests", "quantity": quantity}
            assert (await client.post("/v1/events", json=event)).json()["accepted"] == 1
    return team


async def ask(site: Site, key: str, user: str | None, path: str, **question: Any) -> httpx.Response:
    """Ask for a member."""
    headers = {} if user is None else {"X-User-ID": user}
    async with site.client(key, **headers) as client:
        return await client.get(path, params=question)


def total(answer: httpx.Response) -> int:
    """Answer what all items come to."""
    return sum(int(item["quantity"]) for item in answer.json()["items"])


async def test_a_member_sees_own_usage_only(site: Site, team: str) -> None:
    """Whatever is asked; the owner and a program without X-User-ID see everybody's."""
    key = await site.make_key(team, "read")
    assert total(await ask(site, key, None, "/v1/usage", **ASKED)) == 7
    assert total(await ask(site, key, "ada", "/v1/usage", **ASKED)) == 7
    assert total(await ask(site, key, "bob", "/v1/usage", **ASKED)) == 2
    assert total(await ask(site, key, "bob", "/v1/usage", **ASKED, member="bob")) == 2
    grouped = await ask(site, key, "bob", "/v1/usage", **ASKED, group_by="member")
    assert [(item["member"], item["quantity"]) for item in grouped.json()["items"]] == [("bob", "2")]
    for other in ("ada", ["ada", "bob"]):
        assert problem(await ask(site, key, "bob", "/v1/usage", **ASKED, member=other)) == "forbidden"


async def test_a_members_trends_are_their_own(site: Site, team: str) -> None:
    """The trend of one's own usage, grouped by member too."""
    key = await site.make_key(team, "read")
    totals = {}
    for member in (None, "ada", "bob"):
        answer = await ask(site, key, member, "/v1/analytics/trends", **TREND, group_by="member")
        totals[member] = {group["group"]: int(group["total"]) for group in answer.json()["groups"]}
    assert totals == {None: {"ada": 5, "bob": 2}, "ada": {"ada": 5, "bob": 2}, "bob": {"bob": 2}}


async def test_the_operator_acts_for_a_member_of_the_team_named(site: Site, team: str) -> None:
    """With X-User-ID its key is one of that team: own usage for a member, nothing of others, nothing of its own."""
    bob = await ask(site, OPERATOR_KEY, "bob", "/v1/usage", **ASKED, team=team)
    assert total(bob) == 2
    for path, refused in (
        (f"/v1/teams/{team}", "forbidden"),
        ("/v1/teams", "forbidden"),
        ("/v1/invoices", "unknown_member"),
        (f"/v1/teams/{await site.make_team()}", "unknown_member"),
    ):
        assert problem(await ask(site, OPERATOR_KEY, "bob", path)) == refused, path
    assert (await ask(site, OPERATOR_KEY, "ada", f"/v1/teams/{team}")).status_code == 200
    async with site.client(OPERATOR_KEY, **{"X-User-ID": "ada"}) as client:
        await client.patch(f"/v1/teams/{team}", json={"name": "Renamed"})
        (entry,) = (await client.get(f"/v1/teams/{team}/audit", params={"action": "team.edit"})).json()["items"]
    assert (entry["actor"], entry["member"]) == ("operator", "ada")


async def test_nobody_is_registered_by_asking(site: Site, team: str) -> None:
    """An unknown member is refused where nothing is pushed, however often."""
    key = await site.make_key(team, "read")
    for _ in range(2):
        assert problem(await ask(site, key, "eve", "/v1/usage", **ASKED)) == "unknown_member"


async def test_no_answer_about_usage_shows_a_member_anybody_else(site: Site, team: str) -> None:
    """Every address that shows usage, asked by bob: ada and what she used are nowhere.

    Points of one series are asked for by its id, and so are members of an invoice: tests/api/test_series_points.py and
    tests/billing/test_truth.py.
    """
    key = await site.make_key(team, "read")
    async with site.client(None) as client:
        paths = (await client.get("/v1/openapi.json")).json()["paths"]
    rows = [row.split()[1] for row, needed in ROWS.items() if needed == "view_usage"]
    asked = [path for path in dict.fromkeys(rows) if not any(name in path for name in ONE_OF_MANY)]
    assert len(asked) > 2
    for path in asked:
        known = {each["name"] for each in paths[path]["get"].get("parameters", []) if each.get("in") == "query"}
        question = {name: value for name, value in SAMPLES.items() if name in known}
        filled = path.format(slug=ASKED["meter"], key="subject")
        bob, everybody = [await ask(site, key, user, filled, **question) for user in ("bob", None)]
        assert (bob.status_code, everybody.status_code) == (200, 200), (path, bob.text)
        assert "ada" not in bob.text, path
        assert bob.text != everybody.text, path
