"""Credits over HTTP: accounts, what is booked on them, what usage took, and what is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from meter import teams
from meter.database import connect
from meter.ledger.store import find
from tests.api.site import OPERATOR_KEY, Site, problem
from tests.contract.booking import House

GRANT = {"kind": "credit_grant", "amount": "20"}
BUY = {"kind": "credit_purchase", "paid": "50"}


class Desk:
    """A team, a key of it that reads, and the operator."""

    def __init__(self, site: Site, team: str, key: str) -> None:
        """Sits at a site."""
        self.site, self.team, self.key = site, team, key

    async def operate(self, method: str, path: str, body: object, **headers: str) -> httpx.Response:
        """Answer what the operator is answered about the team."""
        async with self.site.client(OPERATOR_KEY, **headers) as client:
            return await client.request(method, path, json=body, params={"team": self.team})

    async def book(self, body: dict[str, Any], path: str = "credits", **headers: str) -> dict[str, Any]:
        """Answer the transaction that is booked."""
        answer = await self.operate("POST", f"/v1/admin/{path}", body, **headers)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["transaction"]
        return made

    async def refused(self, body: dict[str, Any], path: str = "credits", method: str = "POST") -> str:
        """Answer the reason, or else the code, of a refusal."""
        answer = await self.operate(method, f"/v1/admin/{path}", body)
        code = problem(answer)
        reason: str = answer.json().get("reason", code)
        return reason

    async def see(self, what: str, **params: Any) -> Any:
        """Answer what the team's key sees."""
        async with self.site.client(self.key) as client:
            answer = await client.get(f"/v1/billing/{what}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @asynccontextmanager
    async def house(self) -> AsyncIterator[House]:
        """Answer the account as tests of the ledger use it."""
        async with await connect(self.site.database, autocommit=True) as conn:
            team = await teams.get(conn, UUID(self.team))
            assert team is not None
            yield House(conn, team, (await find(conn, team.id))[None])


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk of a new team."""
    team = await site.make_team(currency="USD")
    return Desk(site, team, await site.make_key(team, "read"))


async def test_an_account_begins_with_its_first_credits(desk: Desk) -> None:
    """In the team's currency; before, there is none."""
    async with desk.site.client(desk.key) as client:
        assert problem(await client.get("/v1/billing/account")) == "no_account"
    made = await desk.book(BUY)
    assert (made["kind"], made["amount"], made["metadata"]) == ("credit_purchase", "50", {"paid": "50"})
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    await desk.book({**GRANT, "effective_at": later, "description": "for later"})
    shown = await desk.see("account")
    assert (shown["unit"], shown["balance"], shown["available"], shown["coming"]) == ("USD", "50", "50", "20")
    assert (shown["low_balance"], shown["floor"], shown["owed"], shown["total_spent"]) == ("10", "0", "0", "0")
    assert [(each["kind"], each["remaining"]) for each in shown["grants"]] == [
        ("credit_grant", "20"),
        ("credit_purchase", "50"),
    ]


async def test_what_usage_took_is_told_by_service_meter_and_member(desk: Desk) -> None:
    """Use by use, by service, and all of the month; below zero it is owed."""
    await desk.book(GRANT)
    now = datetime.now(UTC)
    async with desk.house() as house:
        for n, (service, meter, amount) in enumerate(
            [("api", "tokens.input", 4), ("web", "tts", 17), ("api", "tts", 2)]
        ):
            said = {"service": service, "member": "ann"}
            await house.use(meter, Decimal(amount), now, f"use:{n}", said)
    shown = await desk.see("account")
    assert (shown["balance"], shown["owed"], shown["total_spent"]) == ("-3", "3", "23")
    assert shown["owed_by_meter"] == {"tts": "3"}
    used = await desk.see("usage")
    assert [(each["service"], each["spent"], each["balance_after"]) for each in used["items"]] == [
        ("api", "2", "-3"),
        ("web", "17", "-1"),
        ("api", "4", "16"),
    ]
    services = await desk.see("services", **{"from": "now-1h", "to": "now"})
    assert [(each["service"], each["spent"], each["deductions"]) for each in services["items"]] == [
        ("web", "17", 1),
        ("api", "6", 2),
    ]
    assert services["items"][1]["by_meter"] == {"tokens.input": "4", "tts": "2"}
    stats = await desk.see("stats", **{"from": "now-1h", "to": "now"})
    assert (stats["opening"], stats["closing"], stats["spent"], stats["transactions"]) == ("0", "-3", "23", 4)
    assert stats["booked"] == {"credit_grant": "20", "usage_deduction": "-23"}
    assert [(each["name"], each["spent"]) for each in stats["by_meter"]] == [("tts", "19"), ("tokens.input", "4")]
    assert [(each["name"], each["spent"]) for each in stats["by_member"]] == [("ann", "23")]


async def test_transactions_are_paged_filtered_and_written_for_a_spreadsheet(desk: Desk) -> None:
    """Each once over all pages; a CSV has all of them."""
    for n in range(5):
        await desk.book({**GRANT, "amount": n + 1, "source": f"ticket {n}"})
    await desk.book({"kind": "credit_adjustment", "amount": "-15", "description": "=1+1"})
    first = await desk.see("transactions", limit=4)
    rest = await desk.see("transactions", limit=4, cursor=first["next"])
    amounts = [each["amount"] for each in first["items"] + rest["items"]]
    assert (amounts, rest["next"]) == (["-15", "5", "4", "3", "2", "1"], None)
    assert (await desk.see("transactions", kind="credit_adjustment"))["items"][0]["balance_after"] == "0"
    assert (await desk.see("transactions", to="now-1h"))["items"] == []
    async with desk.site.client(desk.key, Accept="text/csv") as client:
        answer = await client.get("/v1/billing/transactions", params={"from": "now-1h"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["amount"] for row in rows] == amounts
    assert rows[0]["description"] == "'=1+1"


async def test_a_retry_and_a_source_book_once(desk: Desk) -> None:
    """With an Idempotency-Key the first answer again; with a source the first booking."""
    retry = {"Idempotency-Key": "k1"}
    one = await desk.book(BUY, **retry)
    assert await desk.book(BUY, **retry) == one
    other = await desk.book({**BUY, "source": "payment"})
    again = await desk.operate("POST", "/v1/admin/credits", {**BUY, "source": "payment"})
    assert again.json() == {"transaction": other, "again": True}
    assert await desk.refused({**BUY, "paid": "51", "source": "payment"}) == "source_used"
    assert (await desk.see("account"))["balance"] == "100"


async def test_an_account_in_credits_at_a_price(desk: Desk) -> None:
    """So many for what was paid; refunded in money; the unit stays."""
    terms = {"unit": "credits", "credit_price": "0.01", "floor": None, "low_balance": "500"}
    made = await desk.operate("PUT", "/v1/admin/account", terms)
    assert (made.status_code, made.headers["etag"], made.json()["floor"]) == (200, '"1"', None)
    bought = await desk.book({**BUY, "paid": "100.00"})
    assert bought["amount"] == "10000"
    assert (await desk.see("account"))["available"] is None
    back = await desk.book({"amount": "2500"}, f"transactions/{bought['id']}/refund")
    assert (back["amount"], back["metadata"]) == ("-2500", {"purchase": bought["id"], "money": "25.00"})
    changed = await desk.operate("PUT", "/v1/admin/account", {"floor": "5"}, **{"If-Match": '"1"'})
    assert (changed.json()["credit_price"], changed.json()["version"]) == ("0.01", 2)
    stale = await desk.operate("PUT", "/v1/admin/account", {"floor": "6"}, **{"If-Match": '"1"'})
    assert problem(stale) == "changed_meanwhile"
    assert await desk.refused({"unit": "USD"}, "account", "PUT") == "unit_in_use"


async def test_a_grant_comes_again(desk: Desk) -> None:
    """As it was said, by the team's zone; it is shown also while nothing is left of it, and stopped once."""
    again = {"every": "month", "times": 2, "anchor": "2026-01-31T12:00:00Z", "keep_least": "5.50", "keep_most": None}
    given = await desk.book({**GRANT, "recurrence": again})
    async with desk.house() as house:
        await house.use("tts", Decimal(20), datetime.now(UTC), "use:1")
    [shown] = (await desk.see("account"))["grants"]
    recurrence = shown["recurrence"]
    assert (shown["remaining"], datetime.fromisoformat(recurrence.pop("next_at")) > datetime.now(UTC)) == ("0", True)
    assert recurrence == {**again, "tz": "UTC", "amount": "20", "keep_least": "5.5", "ended_at": None}
    answer = await desk.operate("POST", f"/v1/admin/credits/{given['grant']}/stop", {})
    stopped = answer.json()["recurrence"]
    assert (answer.status_code, stopped["next_at"], stopped["ended_at"] is None) == (201, None, False)
    assert (await desk.see("account"))["grants"] == []
    assert await desk.refused({}, f"credits/{given['grant']}/stop") == "not_recurring"
    for wrong in (
        {**BUY, "recurrence": again},
        {**GRANT, "recurrence": {**again, "every": "fortnight"}},
        {**GRANT, "recurrence": {**again, "times": 0}},
        {**GRANT, "recurrence": {**again, "keep_most": "5"}},
        {**GRANT, "recurrence": {**again, "amount": "-1"}},
        {"kind": "credit_adjustment", "amount": "-1", "recurrence": again},
    ):
        assert await desk.refused(wrong) == "invalid_body"


async def test_a_number_has_one_spelling(desk: Desk) -> None:
    """However it came about: no zeros at the end, and nothing is 0."""
    await desk.book({**GRANT, "amount": "20.50"})
    async with desk.house() as house:
        await house.use("tts", Decimal("20.5000000"), datetime.now(UTC), "use:1")
    shown = await desk.see("account")
    names = ("balance", "reserved", "available", "owed", "coming", "total_spent")
    assert [shown[name] for name in names] == ["0", "0", "0", "0", "0", "20.5"]
    assert (await desk.see("usage"))["items"][0]["balance_after"] == "0"


async def test_refusals_say_why(desk: Desk) -> None:
    """Each by its reason; and bodies that can't be."""
    bought, given = await desk.book(BUY), await desk.book(GRANT)
    assert await desk.refused({}, f"transactions/{given['id']}/refund") == "no_purchase"
    assert await desk.refused({"amount": "51"}, f"transactions/{bought['id']}/refund") == "not_left"
    ended = await desk.book({}, f"credits/{given['grant']}/void")
    assert (ended["kind"], ended["amount"]) == ("expiry", "-20")
    assert await desk.refused({}, f"credits/{given['grant']}/void") == "voided"
    assert await desk.refused({}, f"transactions/{ended['id']}/reverse") == "not_reversible"
    assert await desk.refused({}, f"transactions/{given['id']}/reverse") == "used"
    undone = await desk.book({}, f"transactions/{bought['id']}/reverse")
    assert (undone["amount"], undone["reverses"], undone["balance_after"]) == ("-50", bought["id"], "0")
    assert await desk.refused({}, f"transactions/{bought['id']}/reverse") == "reversed"
    for wrong in (
        {**GRANT, "amount": "0"},
        {**GRANT, "amount": "NaN"},
        {**GRANT, "amount": "1e30"},
        {**GRANT, "paid": "1"},
        {**GRANT, "expires_at": "2020-01-01T00:00:00Z"},
        {"kind": "credit_purchase", "amount": "1"},
        {"kind": "refund", "amount": "1"},
    ):
        assert await desk.refused(wrong) == "invalid_body"
    assert await desk.refused({"unit": "credits", "credit_price": "0.03"}, "account", "PUT") == "invalid_body"
    assert await desk.refused({**GRANT, "meters": ["nothing"]}) == "unknown_meter"
    assert await desk.refused({}, f"credits/{desk.team}/void") == "not_found"


async def test_another_team_is_not_told_anything(desk: Desk, site: Site) -> None:
    """Its transactions and grants do not exist there; a key has its own account only where one was opened."""
    bought = await desk.book(BUY)
    stranger = Desk(site, await site.make_team(), "")
    assert await stranger.refused({}, f"transactions/{bought['id']}/refund") == "not_found"
    keys = await site.post(f"/v1/teams/{desk.team}/keys", {"name": "own", "scopes": ["ingest"]})
    async with site.client(desk.key) as client:
        answer = await client.get("/v1/billing/account", params={"key": keys["id"]})
    assert problem(answer) == "no_account"
    await desk.book({**GRANT, "key": keys["id"]})
    own = await desk.see("account", key=keys["id"])
    assert (own["balance"], own["key"]) == ("20", keys["id"])
    assert (await desk.see("account"))["balance"] == "50"
    assert await stranger.refused({**GRANT, "key": keys["id"]}) == "not_found"


async def test_the_audit_log_has_what_was_done(desk: Desk, site: Site) -> None:
    """Who opened, booked and voided."""
    given = await desk.book(GRANT)
    await desk.book({"description": "wrong"}, f"credits/{given['grant']}/void")
    key = await site.make_key(desk.team, "admin")
    async with site.client(key) as client:
        answer = await client.get(f"/v1/teams/{desk.team}/audit")
    actions = [each["action"] for each in answer.json()["items"]]
    assert actions[1:5] == ["credits.book", "credits.void", "credits.book", "account.put"]
