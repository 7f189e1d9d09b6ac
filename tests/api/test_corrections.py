"""Corrections over HTTP: void, amend, undo, dry run, history, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from meter import changes
from meter.database import connect
from tests.api.site import OPERATOR_KEY, Site, problem

DAY = {"from": "2026-11-01", "to": "2026-11-02"}
OCTOBER = {"from": "2026-10-01", "to": "2026-11-01"}
PATH = "/v1/corrections"
EVENTS: list[dict[str, Any]] = [
    {"id": "a", "time": "2026-11-01T12:10:00Z", "meter": "tokens.input", "quantity": 1_000_000, "member": "ada"},
    {"id": "b", "time": "2026-11-01T12:20:00Z", "meter": "tokens.input", "quantity": 2_000_000, "member": "bob"},
    {"id": "c", "time": "2026-11-01T13:00:00Z", "quantities": {"tokens.input": 5, "tokens.output": 7}},
    {"id": "d", "time": "2026-10-05T13:00:00Z", "meter": "tokens.input", "quantity": 4_000_000, "service": "api"},
    {"id": "e", "time": "2026-11-01T15:00:00Z", "meter": "cpu", "quantity": 2, "duration_seconds": 3600},
]
VOID_A: dict[str, Any] = {"kind": "void", "reason": "sent twice", "events": [{"id": EVENTS[0]["id"]}]}


class Desk:
    """A team with some usage, and a key of it that may correct."""

    def __init__(self, site: Site, team: str, key: str) -> None:
        """Sits at a site."""
        self.site, self.team, self.key = site, team, key

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Answer a request with the key."""
        async with self.site.client(more.pop("key", self.key), **more.pop("headers", {})) as client:
            return await client.request(method, path, **more)

    async def correct(self, body: dict[str, Any], **more: Any) -> Any:
        """Answer a correction that must be made."""
        answer = await self.ask("POST", PATH, json=body, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def used(self, meter: str = "tokens.input", **question: Any) -> tuple[str, int]:
        """Answer quantity and events of a day."""
        asked = DAY | {"meter": meter, "window": "day"} | question
        items = (await self.ask("GET", "/v1/usage", params=asked)).json()["items"]
        return (items[0]["quantity"], items[0]["events"]) if items else ("0", 0)


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk whose team pays per token."""
    team = await site.make_team(plan="credits/payg")
    key = await site.make_key(team, "ingest", "read", "admin")
    receipt = await site.post("/v1/events", EVENTS, key)
    assert receipt["accepted"] == len(EVENTS), receipt
    return Desk(site, team, key)


def named(id_: str, **more: Any) -> dict[str, Any]:
    """Answer how an event of EVENTS is named with its time."""
    (time,) = (event["time"] for event in EVENTS if event["id"] == id_)
    return {"id": id_, "time": time, **more}


def void(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Answer a body that voids events."""
    return {"kind": "void", "reason": "sent twice", "events": list(events), **more}


async def test_void_and_undo(desk: Desk) -> None:
    """Usage follows at once; the answer says which hours moved; put back all is as before."""
    made = await desk.correct(void(named("a")))
    assert (made["kind"], made["reason"], made["events"], made["not_found"]) == ("void", "sent twice", 1, [])
    assert made["moved"] == [
        {
            "meter": "tokens.input",
            "unit": "token",
            "from": "2026-11-01T12:00:00Z",
            "to": "2026-11-01T13:00:00Z",
            "before": "3000000",
            "after": "2000000",
        }
    ]
    assert await desk.used() == ("2000005", 2)
    undone = (await desk.ask("POST", f"{PATH}/{made['id']}/undo", json={"reason": "it was not"})).json()
    assert (undone["kind"], undone["undoes"], undone["events"]) == ("undo", made["id"], 1)
    assert (undone["moved"][0]["before"], undone["moved"][0]["after"]) == ("2000000", "3000000")
    assert await desk.used() == ("3000005", 3)


async def test_amend_by_query(desk: Desk) -> None:
    """Events of a label and range get another member and quantity; drill-down shows it, voided ones not at all."""
    body = {
        "kind": "amend",
        "reason": "wrong member",
        "query": DAY | {"meters": ["tokens.input"], "member": "bob"},
        "changes": {"member": "ann", "quantity": "1.5"},
    }
    made = await desk.correct(body)
    assert made["events"] == 1
    assert await desk.used(member="ann") == ("1.5", 1)
    assert (await desk.used(member="bob"))[1] == 0
    await desk.correct(void({"id": "c", "from": "2026-11-01", "to": "2026-11-02"}))
    shown = (await desk.ask("GET", "/v1/usage/events", params=DAY)).json()["items"]
    assert [(item["meter"], item["member"], item["quantity"]) for item in shown if item["meter"] != "cpu"] == [
        ("tokens.input", "ann", "1.5"),
        ("tokens.input", "ada", "1000000"),
    ]
    first = shown[0]
    assert first["meter"] == "cpu"
    await desk.correct(void({"event_id": first["event_id"], "time": first["time"]}))
    assert (await desk.used("cpu"))[1] == 0


async def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    """It answers what would be moved, without an id; no series, member nor history is made."""
    body = {"kind": "amend", "reason": "x", "events": [named("b")], "changes": {"member": "nobody yet"}}
    answer = await desk.ask("POST", PATH, json=body | {"dry_run": True})
    assert (answer.status_code, answer.json()["id"], answer.json()["events"]) == (200, None, 1)
    assert (await desk.ask("GET", PATH)).json() == {"items": [], "next": None}
    assert await desk.used() == ("3000005", 3)
    members = (await desk.ask("GET", f"/v1/teams/{desk.team}/members")).json()["items"]
    assert "nobody yet" not in [each["user_id"] for each in members]
    would = (await desk.ask("POST", PATH, json=void(named("a"), dry_run=True))).json()
    made = await desk.correct(void(named("a")))
    assert would["moved"] == made["moved"]


async def test_invoices_that_were_made_of_it_are_named(desk: Desk) -> None:
    """A final invoice stays as it is and is named; a preview of a period not billed yet follows."""
    bill = f"/v1/teams/{desk.team}/invoices"
    made = await desk.site.post(bill, OCTOBER)
    preview = DAY | {"preview": True}
    before = (await desk.ask("POST", bill, json=preview)).json()["total"]
    corrected = await desk.correct(void(named("d"), named("b")))
    assert [(each["id"], each["number"], each["status"]) for each in corrected["invoices"]] == [
        (made["id"], made["number"], "open")
    ]
    assert corrected["invoices"][0]["period"] == {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
    after = (await desk.ask("POST", bill, json=preview)).json()["total"]
    assert (before, after) == ("45.00", "15.00")
    assert (await desk.ask("GET", f"/v1/invoices/{made['id']}")).json()["total"] == made["total"]


async def test_the_history(desk: Desk) -> None:
    """Newest first, by kind and since; each with its events before and after, page by page, and in the audit log."""
    first = await desk.correct(void(named("a"), named("c")), headers={"X-User-ID": "ada"})
    second = await desk.correct(
        {"kind": "amend", "reason": "y", "events": [named("e")], "changes": {"quantity": 3, "service": "web"}}
    )
    await desk.ask("POST", f"{PATH}/{first['id']}/undo", json={"reason": "z"})
    found = (await desk.ask("GET", PATH)).json()["items"]
    assert [each["kind"] for each in found] == ["undo", "amend", "void"]
    assert (found[0]["undoes"], found[2]["undone_by"]) == (first["id"], found[0]["id"])
    assert (found[2]["actor"], found[2]["member"], found[2]["reason"]) == ("key", "ada", "sent twice")
    for question, kinds in (({"kind": "void"}, ["void"]), ({"since": "now-1d"}, ["undo", "amend", "void"])):
        listed = (await desk.ask("GET", PATH, params=question)).json()["items"]
        assert [each["kind"] for each in listed] == kinds
    items, cursor = [], None
    while True:
        asked = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = (await desk.ask("GET", f"{PATH}/{second['id']}", params=asked)).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert (page["kind"], page["events"], len(items)) == ("amend", 1, 4)
    assert [(each["before"]["quantity"], each["after"]["quantity"]) for each in items] == [("0.5", "0.75")] * 4
    assert [(each["before"]["service"], each["after"]["service"]) for each in items] == [(None, "web")] * 4
    voided = (await desk.ask("GET", f"{PATH}/{first['id']}")).json()["items"]
    assert [each["after"]["voided"] for each in voided] == [True] * 3
    audit = (await desk.ask("GET", f"/v1/teams/{desk.team}/audit", params={"action": "correction.amend"})).json()
    assert [each["subject"] for each in audit["items"]] == [f"correction:{second['id']}"]


async def test_a_retry_with_its_key_changes_nothing(desk: Desk) -> None:
    """The first answer again, to the byte, of corrections and undos; another body is refused."""
    headers = {"Idempotency-Key": "once"}
    first, second = await asyncio.gather(
        *(desk.ask("POST", PATH, json=void(named("a")), headers=headers) for _ in range(2))
    )
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code == 201, first.text
    other = await desk.ask("POST", PATH, json=void(named("b")), headers=headers)
    assert problem(other) == "idempotency_conflict"
    path = f"{PATH}/{first.json()['id']}/undo"
    undos = [await desk.ask("POST", path, json={"reason": "x"}, headers={"Idempotency-Key": "u"}) for _ in range(2)]
    assert undos[0].content == undos[1].content
    assert len((await desk.ask("GET", PATH)).json()["items"]) == 2


async def test_what_is_missing_is_told(desk: Desk) -> None:
    """By its place; the others are corrected; with nothing left it is refused."""
    made = await desk.correct(void({"id": "none"}, named("a"), named("b", meter="cpu")))
    assert made["not_found"] == [
        {"index": 0, "id": "none", "event_id": None},
        {"index": 2, "id": "b", "event_id": None},
    ]
    for body in (void(named("a")), void({"id": "none"}), void(named("b", source="other"))):
        assert problem(await desk.ask("POST", PATH, json=body)) == "not_found"


async def test_undo_is_refused_when_it_is_too_late(desk: Desk) -> None:
    """After another correction of the same event, and twice."""
    change = {"kind": "amend", "reason": "x", "events": [named("a")], "changes": {"quantity": 1}}
    first = await desk.correct(change)
    second = await desk.correct(void(named("a")))
    undo = {"json": {"reason": "x"}}
    assert problem(await desk.ask("POST", f"{PATH}/{first['id']}/undo", **undo)) == "correction_superseded"
    assert (await desk.ask("POST", f"{PATH}/{second['id']}/undo", **undo)).status_code == 201
    assert problem(await desk.ask("POST", f"{PATH}/{second['id']}/undo", **undo)) == "correction_undone"
    assert await desk.used() == ("2000006", 3)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "void", "reason": "x"}, "invalid_body"),
        ({"kind": "void", "reason": "", "events": [{"id": "a"}]}, "invalid_body"),
        ({"kind": "void", "reason": "a\u0000b", "events": [{"id": "a"}]}, "invalid_body"),
        ({"kind": "void", "reason": "x", "events": []}, "invalid_body"),
        ({"kind": "void", "reason": "x", "events": [{"id": "a"}], "query": DAY}, "invalid_body"),
        ({"kind": "void", "reason": "x", "events": [{"id": "a"}], "changes": {"quantity": 1}}, "invalid_body"),
        ({"kind": "void", "reason": "x", "events": [{"source": "a"}]}, "invalid_body"),
        ({"kind": "void", "reason": "x", "events": [{"event_id": "0" * 32}]}, "invalid_body"),
        ({"kind": "void", "reason": "x", "events": [{"id": "a"}] * 1001}, "invalid_body"),
        ({"kind": "void", "reason": "x", "events": [{"id": "a", "meter": "none"}]}, "unknown_meter"),
        ({"kind": "void", "reason": "x", "query": {"from": "2026-11-02", "to": "2026-11-01"}}, "invalid_parameter"),
        ({"kind": "void", "reason": "x", "query": DAY | {"labels": {"colour": ["red"]}}}, "invalid_parameter"),
        ({"kind": "void", "reason": "x", "query": {"from": "then", "to": "2026-11-01"}}, "invalid_parameter"),
        ({"kind": "amend", "reason": "x", "events": [{"id": "a"}]}, "invalid_body"),
        ({"kind": "amend", "reason": "x", "events": [{"id": "a"}], "changes": {}}, "invalid_body"),
        ({"kind": "amend", "reason": "x", "events": [EVENTS[0] | {"quantity": 1}]}, "invalid_body"),
    ],
)
async def test_bodies_that_are_refused(desk: Desk, body: dict[str, Any], code: str) -> None:
    """Each with its code, and nothing is stored."""
    answer = await desk.ask("POST", PATH, json=body)
    assert problem(answer) == code, answer.text
    assert (await desk.ask("GET", PATH)).json()["items"] == []


@pytest.mark.parametrize(
    "changes",
    [{"quantity": -1}, {"quantity": "NaN"}, {"quantity": "1e30"}, {"dimensions": {"colour": "red"}}, {"member": ""}],
)
async def test_changes_that_cant_be(desk: Desk, changes: dict[str, Any]) -> None:
    """An event can't become what could not be sent."""
    body = {"kind": "amend", "reason": "x", "events": [named("a")], "changes": changes}
    assert problem(await desk.ask("POST", PATH, json=body)) == "invalid_body"


async def test_who_may_correct(desk: Desk) -> None:
    """Owners and admins with an admin key, and the operator; a reader sees the history; no other team's exists."""
    read = await desk.site.make_key(desk.team, "read")
    stranger = await desk.site.make_key(await desk.site.make_team("Other"), "admin")
    assert problem(await desk.ask("POST", PATH, json=VOID_A, key=read)) == "forbidden"
    assert problem(await desk.ask("POST", PATH, json=VOID_A, headers={"X-User-ID": "bob"})) == "forbidden"
    assert problem(await desk.ask("POST", PATH, json=VOID_A, key=stranger)) == "not_found"
    made = await desk.correct(VOID_A, key=OPERATOR_KEY, params={"team": desk.team})
    one = f"{PATH}/{made['id']}"
    assert (await desk.ask("GET", one, key=read)).json()["actor"] == "operator"
    assert problem(await desk.ask("GET", one, key=stranger)) == "not_found"
    assert problem(await desk.ask("POST", f"{one}/undo", json={"reason": "x"}, key=stranger)) == "not_found"


async def test_what_changed_since_an_instant(desk: Desk) -> None:
    """Hours with what came and what was corrected after it, page by page; nothing is known of what was long ago."""
    async with await connect(desk.site.database, autocommit=True) as conn:
        await changes.tick(conn)
    since = datetime.now(UTC).isoformat()
    await desk.correct(void(named("a")))
    late = {"id": "late", "time": "2026-11-01T13:30:00Z", "meter": "tokens.input", "quantity": 3}
    await desk.site.post("/v1/events", [late], desk.key)
    asked = {"since": since, "limit": 1} | DAY
    first = (await desk.ask("GET", "/v1/usage/changes", params=asked)).json()
    second = (await desk.ask("GET", "/v1/usage/changes", params=asked | {"cursor": first["next"]})).json()
    assert first["since"] <= since
    assert [(item["from"], item["arrived"], item["corrected"]) for item in first["items"] + second["items"]] == [
        (
            "2026-11-01T12:00:00Z",
            {"events": 0, "quantity": "0"},
            {"events": 1, "before": "1000000", "after": "0"},
        ),
        (
            "2026-11-01T13:00:00Z",
            {"events": 1, "quantity": "3"},
            {"events": 0, "before": "0", "after": "0"},
        ),
    ]
    assert second["next"] is None
    answer = await desk.ask("GET", "/v1/usage/changes", params=asked | {"since": "2020-01-01"})
    assert problem(answer) == "nothing_noted"
