"""GET /v1/usage/dimensions and /series over HTTP: what there is to filter and group by."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.site import OPERATOR_KEY, Site, problem

RANGE = {"from": "2026-11-01", "to": "2026-11-02"}
EVENTS: list[dict[str, Any]] = [
    {"id": "a", "meter": "requests", "quantity": 5, "member": "ada", "dimensions": {"model": "big"}},
    {"id": "b", "meter": "requests", "quantity": "2.5", "member": "bob", "dimensions": {"model": "small"}},
    {"id": "c", "meter": "tokens.input", "quantity": 9, "member": "bob"},
]


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team with three series."""
    team = await site.make_team()
    key = await site.make_key(team, "ingest")
    events = [event | {"time": "2026-11-01T12:00:00Z"} for event in EVENTS]
    assert (await site.post("/v1/events", events, key))["accepted"] == len(EVENTS)
    return team


async def ask(site: Site, team: str, path: str, user: str | None = None, **question: Any) -> httpx.Response:
    """Ask with a reading key of the team, for a member."""
    headers = {} if user is None else {"X-User-ID": user}
    async with site.client(await site.make_key(team, "read"), **headers) as client:
        return await client.get(path, params=question)


async def test_values_of_labels(site: Site, team: str) -> None:
    """All, of one name, beginning with something, in a range, under a filter; page by page."""
    path = "/v1/usage/dimensions"
    answer = (await ask(site, team, path, name="model")).json()
    assert answer["items"] == [
        {"name": "model", "value": "big", "series": 1},
        {"name": "model", "value": "small", "series": 1},
    ]
    assert answer["as_of"]
    picked: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({"name": "member"}, ["ada", "bob"]),
        ({"name": "member", "meter": "tokens.input"}, ["bob"]),
        ({"name": "member", "prefix": "a"}, ["ada"]),
        ({"name": "member", "model": "small"}, ["bob"]),
        ({"name": "member", **RANGE}, ["ada", "bob"]),
        ({"name": "member", "from": "2026-11-02", "to": "2026-11-03"}, []),
    )
    for question, values in picked:
        found = (await ask(site, team, path, **question)).json()["items"]
        assert [item["value"] for item in found] == values, question
    first = (await ask(site, team, path, name="member", limit=1)).json()
    second = (await ask(site, team, path, name="member", limit=1, cursor=first["next"])).json()
    assert (second["items"][0]["value"], second["next"]) == ("bob", None)


async def test_series_of_a_team(site: Site, team: str) -> None:
    """With what they were used in a range, or without; page by page."""
    answer = (await ask(site, team, "/v1/usage/series", **RANGE)).json()
    assert {(each["meter"], each["member"], each["quantity"], each["events"]) for each in answer["items"]} == {
        ("requests", "ada", "5", 1),
        ("requests", "bob", "2.5", 1),
        ("tokens.input", "bob", "9", 1),
    }
    found: list[Any] = []
    question: dict[str, Any] = {"limit": 2}
    while True:
        page = (await ask(site, team, "/v1/usage/series", **question)).json()
        found += page["items"]
        if page["next"] is None:
            break
        question["cursor"] = page["next"]
    assert [each["id"] for each in found] == [each["id"] for each in answer["items"]]
    assert {each["quantity"] for each in found} == {None}


@pytest.mark.parametrize("path", ["/v1/usage/dimensions", "/v1/usage/series"])
async def test_a_member_sees_own_labels_only(site: Site, team: str, path: str) -> None:
    """Others' names and series are not there; what can't be asked is refused."""
    mine = await ask(site, team, path, "bob")
    assert '"ada"' not in mine.text  # as a word: ids are of letters a to f too
    assert "bob" in mine.text
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"meter": "nope"}, "unknown_meter"),
        ({"color": "red"}, "invalid_parameter"),
        ({"from": "2026-11-01"}, "invalid_parameter"),
        ({"cursor": "x"}, "invalid_parameter"),
        ({"cursor": "WzEsMl0"}, "invalid_parameter"),
    )
    for question, code in refused:
        assert problem(await ask(site, team, path, **question)) == code, question
    assert problem(await ask(site, team, path, "bob", member="ada")) == "forbidden"
    async with site.client(OPERATOR_KEY) as client:
        assert (await client.get(path, params={"team": team})).json()["items"]
        assert problem(await client.get(path)) == "invalid_parameter"


async def test_an_answer_that_is_there_is_not_sent_again(site: Site, team: str) -> None:
    """The tag of the answer is answered by 304, and another answer has another."""
    async with site.client(await site.make_key(team, "read")) as client:
        for path in ("dimensions", "series", "members", "services", "summary"):
            first = await client.get(f"/v1/usage/{path}", params=RANGE)
            again = await client.get(
                f"/v1/usage/{path}", params=RANGE, headers={"If-None-Match": first.headers["etag"]}
            )
            assert (first.status_code, again.status_code, again.content) == (200, 304, b""), path
