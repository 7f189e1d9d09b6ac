"""Sending an invoice again, and the log of mail: who may, once per key, page by page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.api.site import Site, problem

YEAR = datetime.now(UTC).year - 1
OCTOBER = {"from": f"{YEAR}-10-01", "to": f"{YEAR}-11-01"}


async def invoiced(site: Site, **fields: Any) -> tuple[str, str]:
    """Make a team with a final invoice, and answer both ids."""
    team = await site.make_team(plan="credits/payg", **fields)
    key = await site.make_key(team, "ingest")
    await site.post(
        "/v1/events", [{"time": f"{YEAR}-10-07T10:00:00Z", "meter": "tokens.input", "quantity": 10**6}], key
    )
    made = await site.post(f"/v1/teams/{team}/invoices", OCTOBER)
    return team, made["id"]


async def listed(client: httpx.AsyncClient, **asked: object) -> list[dict[str, Any]]:
    """Answer the log, newest first."""
    answer = await client.get("/v1/mail", params={name: str(value) for name, value in asked.items()})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_sent_again_to_the_usual_or_to_whom_one_says(site: Site) -> None:
    """202 with what was queued; each request is another, a retry with its key is not; it is in the audit log."""
    team, invoice = await invoiced(site, billing_email="pay@example.org")
    path, once = f"/v1/invoices/{invoice}/send", {"Idempotency-Key": "ticket-1"}
    async with site.client(await site.make_key(team, "admin")) as client:
        first = await client.post(path, headers=once)
        again = await client.post(path, headers=once)
        named = await client.post(path, json={"to": ["eve@example.org", "EVE@example.org"]})
        assert [answer.status_code for answer in (first, again, named)] == [202] * 3
        assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
        assert sorted(each["to"] for each in first.json()["items"]) == ["ada@example.org", "pay@example.org"]
        assert len(named.json()["items"]) == 1
        log = await listed(client, invoice=invoice)
        asked = [
            each
            for each in log
            if each["id"] in {one["id"] for one in [*first.json()["items"], *named.json()["items"]]}
        ]
        assert {each["state"] for each in asked} <= {"queued", "skipped"}
        assert len(asked) == 3
        assert {each["subject"] for each in log} == {f"Invoice {log[0]['number']} from Hourmeter"}
        audited = (await client.get(f"/v1/teams/{team}/audit", params={"action": "invoice.send"})).json()["items"]
    assert next(entry["after"]["to"] for entry in audited) in (["eve@example.org"], ["EVE@example.org"])
    assert len(audited) == 2


async def test_the_log_of_a_team_is_its_own_and_comes_page_by_page(site: Site) -> None:
    """The operator sees all of it."""
    team, invoice = await invoiced(site)
    other, _ = await invoiced(site)
    async with site.client() as operator:
        for number in range(3):
            await operator.post(f"/v1/invoices/{invoice}/send", json={"to": [f"m{number}@example.org"]})
        assert {each["team"] for each in await listed(operator)} >= {team}
        own = await listed(operator, team=team)
        assert own[0]["to"] == "m2@example.org"
        pages: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = (await operator.get("/v1/mail", params={"team": team, "limit": "2"} | cursor)).json()
            pages += [each["id"] for each in answer["items"]]
            if answer["next"] is None:
                break
            cursor = {"cursor": answer["next"]}
    assert pages == [each["id"] for each in own]
    async with site.client(await site.make_key(other, "read")) as stranger:
        assert {each["team"] for each in await listed(stranger)} <= {other}
        assert await listed(stranger, invoice=invoice) == []


async def test_who_may_not(site: Site) -> None:
    """A member, a key that only reads, another team."""
    team, invoice = await invoiced(site)
    await site.post(f"/v1/teams/{team}/members", {"user_id": "bob", "role": "member"})
    path = f"/v1/invoices/{invoice}/send"
    key = await site.make_key(team, "read", "admin")
    async with (
        site.client(key, **{"X-User-ID": "bob"}) as bob,
        site.client(await site.make_key(team, "read")) as reader,
    ):
        assert [problem(await each.post(path)) for each in (bob, reader)] == ["forbidden"] * 2
        assert problem(await bob.get("/v1/mail")) == "forbidden"
    other = await site.make_key(await site.make_team("Other"), "admin")
    async with site.client(other) as stranger:
        assert problem(await stranger.post(path)) == "not_found"


@pytest.mark.parametrize("to", [[], ["no address"], ["a@example.org\r\nBcc: b@example.org"], ["a@example.org"] * 21])
async def test_what_is_no_address_is_refused(site: Site, to: list[str]) -> None:
    """Before anything is queued."""
    _, invoice = await invoiced(site)
    async with site.client() as operator:
        assert problem(await operator.post(f"/v1/invoices/{invoice}/send", json={"to": to})) == "invalid_body"
        assert [each for each in await listed(operator, invoice=invoice) if each["to"] in to] == []
