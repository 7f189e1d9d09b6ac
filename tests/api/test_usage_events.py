"""GET /v1/usage/events over HTTP: drill-down as JSON page by page, and whole as CSV and NDJSON."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from api.paging import cursor_of
from tests.api.site import OPERATOR_KEY, Site, problem

ASKED = {"from": "2026-11-01", "to": "2026-11-02"}
PATH = "/v1/usage/events"
EVENTS: list[dict[str, Any]] = [
    {"id": "a", "meter": "requests", "quantity": 5, "member": "ada", "service": "api", "dimensions": {"model": "big"}},
    {"id": "b", "meter": "requests", "quantity": "2.5", "member": "bob", "attributes": {"n": 1, "big": [12.5, "x"]}},
    {"id": "c", "meter": "tokens.input", "quantity": 6548, "member": "=1+1"},
    {"id": "d", "meter": "cpu", "quantity": 2, "duration_seconds": 1800, "member": "bob"},
]


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team, paying per token, of four events an hour apart."""
    team = await site.make_team(plan="credits/payg")
    key = await site.make_key(team, "ingest")
    events = [event | {"time": f"2026-11-01T{12 + n}:00:00Z"} for n, event in enumerate(EVENTS)]
    receipt = await site.post("/v1/events", events, key)
    assert receipt["accepted"] == len(EVENTS), receipt
    return team


async def ask(site: Site, team: str, user: str | None = None, **question: Any) -> httpx.Response:
    """Ask with a reading key of the team, for a member."""
    headers = {} if user is None else {"X-User-ID": user}
    async with site.client(await site.make_key(team, "read"), **headers) as client:
        return await client.get(PATH, params=ASKED | question)


async def test_an_event_says_all_that_is_known_of_it(site: Site, team: str) -> None:
    """Newest first, with labels, attributes as they were sent, and its cost or why it has none."""
    answer = (await ask(site, team)).json()
    assert [item["meter"] for item in answer["items"]] == ["cpu", "cpu", "tokens.input", "requests", "requests"]
    assert (answer["from"], answer["next"]) == ("2026-11-01T00:00:00Z", None)
    assert answer["as_of"]
    held, _, tokens, call, first = answer["items"]
    assert (held["from"], held["to"], held["time"]) == (
        "2026-11-01T14:45:00Z",
        "2026-11-01T15:00:00Z",
        "2026-11-01T15:00:00Z",
    )
    assert (held["quantity"], held["unit"]) == ("0.5", "core-hour")
    assert held["cost"] == {"amount": None, "currency": None, "reason": "unpriced"}
    assert tokens["cost"] == {"amount": "0.09822", "currency": "USD", "reason": None}
    assert call["cost"]["reason"] == "unbilled"
    assert (call["id"], call["attributes"]) == ("b", {"id": "b", "n": 1, "big": [12.5, "x"]})
    assert (first["id"], first["attributes"], first["time"]) == (None, None, "2026-11-01T12:00:00Z")
    assert (first["member"], first["service"], first["dimensions"]) == ("ada", "api", {"model": "big"})
    assert first["billable"] is True


async def test_pages_follow_each_other(site: Site, team: str) -> None:
    """Two at a time, each once; a cursor that is none of ours is refused."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        question: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = (await ask(site, team, **question)).json()
        found += [item["event_id"] for item in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 5
    for bad in ("x", "WzEsMl0", "WyIyMDI2LTExLTAxVDAwOjAwOjAwIiwiMDFhMWY4NmEtZDBhNC03NzY4LTljZDUtMjI5NWZiNGRlYWE2Il0"):
        assert problem(await ask(site, team, cursor=bad)) == "invalid_parameter", bad
    for far, count in (("9999-12-31T23:59:59.999999Z", 5), ("0001-01-01T00:00:00+14:00", 0)):
        made_up = cursor_of([far, found[0]])
        assert len((await ask(site, team, cursor=made_up)).json()["items"]) == count


async def test_meters_and_labels_pick(site: Site, team: str) -> None:
    """One meter or several, a member, nobody's, a dimension; what makes no sense is refused."""
    picked: tuple[tuple[dict[str, Any], int], ...] = (
        ({"meter": "cpu"}, 2),
        ({"meter": ["cpu", "requests"]}, 4),
        ({"member": "bob"}, 3),
        ({"member.not": "bob"}, 2),
        ({"model": "big"}, 1),
        ({"service": ""}, 4),
        ({"model.prefix": "b", "meter": "requests"}, 1),
    )
    for question, count in picked:
        assert len((await ask(site, team, **question)).json()["items"]) == count, question
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"meter": "nope"}, "unknown_meter"),
        ({"color": "red"}, "invalid_parameter"),
        ({"from": "2026-11-03"}, "invalid_parameter"),
        ({"format": "arrow"}, "invalid_parameter"),
        ({"limit": 1001}, "invalid_parameter"),
    )
    for question, code in refused:
        assert problem(await ask(site, team, **question)) == code, question


async def test_events_as_csv_and_ndjson(site: Site, team: str) -> None:
    """The same events in every form; no label becomes a formula."""
    items = (await ask(site, team)).json()["items"]
    lines = await ask(site, team, format="ndjson", limit=1)
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [msgspec.json.decode(line) for line in lines.text.splitlines()] == items
    text = await ask(site, team, format="csv")
    assert text.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert [row["event_id"] for row in rows] == [item["event_id"] for item in items]
    assert [row["quantity"] for row in rows] == [item["quantity"] for item in items]
    assert rows[2]["member"] == "'=1+1"
    assert (rows[2]["cost"], rows[2]["currency"]) == ("0.09822", "USD")
    assert msgspec.json.decode(rows[3]["attributes"]) == items[3]["attributes"]
    empty = await ask(site, team, format="csv", member="nobody")
    assert list(csv.reader(io.StringIO(empty.text))) == [list(rows[0])]
    assert problem(await ask(site, team, format="csv", meter="nope")) == "unknown_meter"


async def test_a_member_sees_own_events_only(site: Site, team: str) -> None:
    """Whatever is asked for and in whatever form; the operator names the team."""
    assert {item["member"] for item in (await ask(site, team, "bob")).json()["items"]} == {"bob"}
    assert {item["member"] for item in (await ask(site, team, "bob", **{"member.not": "bob"})).json()["items"]} == set()
    assert '"ada"' not in (await ask(site, team, "bob", format="ndjson")).text
    assert problem(await ask(site, team, "bob", member="ada")) == "forbidden"
    async with site.client(OPERATOR_KEY) as client:
        assert len((await client.get(PATH, params=ASKED | {"team": team})).json()["items"]) == 5
        assert problem(await client.get(PATH, params=ASKED)) == "invalid_parameter"
    other = await site.make_team("Other")
    assert (await ask(site, other)).json()["items"] == []


async def test_events_add_up_to_usage(site: Site, team: str) -> None:
    """What drill-down lists is what usage sums."""
    async with site.client(await site.make_key(team, "read")) as client:
        for meter in ("requests", "tokens.input", "cpu"):
            usage = (await client.get("/v1/usage", params=ASKED | {"meter": meter})).json()["items"][0]
            items = (await client.get(PATH, params=ASKED | {"meter": meter})).json()["items"]
            assert sum(Decimal(item["quantity"]) for item in items) == Decimal(usage["quantity"])
            assert len(items) == usage["events"]
