"""Backfills over HTTP: begun, brought, compared, applied, undone and listed; who may, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from meter import aggregate
from meter.backfill import work
from meter.backfill.work import Pace
from meter.database import connect
from tests.api.site import Site, problem
from tests.api.test_corrections import DAY, EVENTS, OCTOBER, Desk

PATH = "/v1/backfills"
NEW: dict[str, Any] = {**DAY, "meters": ["tokens.input"], "reason": "the collector was broken"}
SOURCE = [EVENTS[0], {**EVENTS[1], "quantity": 5}, {**EVENTS[0], "id": "z", "member": "eve"}]


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk whose team has some usage."""
    team = await site.make_team(plan="credits/payg")
    key = await site.make_key(team, "ingest", "read", "admin")
    await site.post("/v1/events", EVENTS, key)
    return Desk(site, team, key)


async def post(desk: Desk, path: str, body: object = None, **more: Any) -> Any:
    """Answer a POST that succeeds."""
    answer = await desk.ask("POST", path, json=body, **more)
    assert answer.is_success, answer.text
    return answer.json()


async def done(desk: Desk, path: str, what: str) -> Any:
    """Ask for a step, have a worker do it, and answer the backfill."""
    assert (await post(desk, f"{path}/{what}"))["state"].endswith("ing")
    async with await connect(desk.site.database, autocommit=True) as conn:
        await aggregate.refresh(conn)  # a backfill waits while much is not rolled up, whoever sent it
        await work.turn(conn, desk.site.clock(), Pace(20.0, 0.0))
    return (await desk.ask("GET", path)).json()


async def brought(desk: Desk, source: list[dict[str, Any]] | None = None, **more: Any) -> str:
    """Begin a backfill and bring its events; answer its path."""
    made = await post(desk, PATH, NEW | more)
    path = f"{PATH}/{made['id']}"
    await post(desk, f"{path}/events", SOURCE if source is None else source)
    return path


async def test_from_begin_to_undo(desk: Desk) -> None:
    """Each state with its counts, the difference by hour, usage as it was in the end, and an audit entry each."""
    before = await desk.used()
    path = await brought(desk)
    found = await done(desk, path, "compare")
    would = {"source": 3, "stored": 3, "same": 1, "added": 1, "restored": 0, "amended": 1, "voided": 1, "moved": 0,
             "kept": 0, "conflicts": 0}  # fmt: skip
    assert (found["state"], found["would"], found["did"], found["as_compared"]) == ("compared", would, None, None)
    difference = (await desk.ask("GET", f"{path}/difference")).json()
    first, second = difference["items"]
    assert first["stored"] == {"events": 2, "quantity": "3000000"}
    assert first["source"] == {"events": 3, "quantity": "2000005"}
    assert first["amended"] == {"events": 1, "before": "2000000", "after": "5"}
    assert second["voided"] == {"events": 1, "quantity": "5"}
    page = (await desk.ask("GET", f"{path}/difference", params={"limit": 1})).json()
    rest = (await desk.ask("GET", f"{path}/difference", params={"limit": 1, "cursor": page["next"]})).json()
    assert [*page["items"], *rest["items"]] == difference["items"]
    assert rest["next"] is None
    found = await done(desk, path, "apply")
    assert (found["state"], found["did"], found["as_compared"]) == ("applied", would, True)
    assert await desk.used() == ("2000005", 3)
    corrections = (await desk.ask("GET", "/v1/corrections")).json()["items"]
    assert [(each["kind"], each["events"]) for each in corrections] == [("amend", 1), ("void", 1)]
    assert all(each["reason"].endswith(": the collector was broken") for each in corrections)
    found = await done(desk, path, "undo")
    assert (found["state"], found["undid"]) == ("undone", {"put_back": 2, "voided": 1, "superseded": 0})
    assert await desk.used() == before
    audit = (await desk.ask("GET", f"/v1/teams/{desk.team}/audit")).json()["items"]
    told = [each["action"] for each in audit if each["action"].startswith("backfill.")]
    assert told == ["backfill.undo", "backfill.apply", "backfill.compare", "backfill.create"]


async def test_final_invoices_are_named_and_stay(desk: Desk) -> None:
    """An invoice that was made of a moved hour is in the difference, and is the same after it was applied."""
    bill = f"/v1/teams/{desk.team}/invoices"
    invoice = await desk.site.post(bill, OCTOBER)
    preview = DAY | {"preview": True}
    before = (await post(desk, bill, preview))["total"]
    path = await brought(desk, [], **OCTOBER)
    await done(desk, path, "compare")
    named = (await desk.ask("GET", f"{path}/difference")).json()["invoices"]
    assert [each["id"] for each in named] == [invoice["id"]]
    assert (await done(desk, path, "apply"))["did"]["voided"] == 1
    kept = (await desk.ask("GET", f"/v1/invoices/{invoice['id']}")).json()
    assert kept["total"] == invoice["total"]
    path = await brought(desk, SOURCE[:1])
    await done(desk, path, "compare")
    await done(desk, path, "apply")
    assert ((await post(desk, bill, preview))["total"], before) == ("15.00", "45.00")
    await done(desk, path, "undo")
    assert (await post(desk, bill, preview))["total"] == before


async def test_receipts_and_retries(desk: Desk) -> None:
    """Events are told one by one; the same request begins one backfill, and asks for a step once."""
    key = {"Idempotency-Key": "ticket 1"}
    first = await post(desk, PATH, NEW, headers=key)
    assert await post(desk, PATH, NEW, headers=key) == first
    answer = await desk.ask("POST", PATH, json=NEW | {"reason": "another"}, headers=key)
    assert problem(answer) == "idempotency_conflict"
    path = f"{PATH}/{first['id']}"
    odd = [*SOURCE, EVENTS[2], {"id": "n", "meter": "tokens.input", "quantity": 1}, {"id": "q", "quantity": -1}, 7]
    receipt = await post(desk, f"{path}/events", odd)
    assert (receipt["accepted"], receipt["duplicates"]) == (3, 0)
    assert [each["code"] for each in receipt["rejected"]] == [
        "outside_backfill", "invalid_time", "invalid_time", "invalid_event",
    ]  # fmt: skip
    assert (await post(desk, f"{path}/events", SOURCE))["duplicates"] == 3
    assert (await post(desk, f"{path}/compare", headers=key))["state"] == "comparing"
    assert (await post(desk, f"{path}/compare", headers=key))["state"] == "comparing"


async def test_states_that_do_not_fit(desk: Desk) -> None:
    """Nothing is applied that was not compared, undone that was not applied, brought after it was applied."""
    path = await brought(desk)
    for what in ("apply", "undo"):
        assert problem(await desk.ask("POST", f"{path}/{what}")) == "backfill_state"
    assert problem(await desk.ask("GET", f"{path}/difference")) == "backfill_state"
    await done(desk, path, "compare")
    await done(desk, path, "apply")
    assert problem(await desk.ask("POST", f"{path}/events", json=SOURCE)) == "backfill_state"
    for what in ("compare", "apply", "cancel"):
        assert problem(await desk.ask("POST", f"{path}/{what}")) == "backfill_state"
    other = await brought(desk)
    assert (await post(desk, f"{other}/cancel"))["state"] == "cancelled"
    listed = (await desk.ask("GET", PATH)).json()["items"]
    assert [each["state"] for each in listed] == ["cancelled", "applied"]
    assert [each["id"] for each in (await desk.ask("GET", PATH, params={"state": "applied"})).json()["items"]] == [
        path.rsplit("/", 1)[1]
    ]


async def test_what_is_refused(desk: Desk) -> None:
    """A body that says too little or the impossible; another team's backfill."""

    async def refused(**changed: Any) -> str:
        return problem(await desk.ask("POST", PATH, json=NEW | changed))

    assert await refused(meters=[]) == "invalid_body"
    assert await refused(reason="") == "invalid_body"
    assert await refused(mode="guess") == "invalid_body"
    assert await refused(meters=["nope"]) == "unknown_meter"
    assert await refused(**{"from": "2026-11-02"}) == "invalid_parameter"
    assert await refused(labels={"nope": ["x"]}) == "invalid_parameter"
    assert await refused(to="2999-01-01") == "invalid_parameter"
    path = await brought(desk)
    stranger = await desk.site.make_key(await desk.site.make_team("Other"), "read", "admin")
    for method, end in (("GET", ""), ("POST", "/compare"), ("POST", "/cancel")):
        answer = await desk.ask(method, path + end, key=stranger)
        assert problem(answer) == "not_found"
