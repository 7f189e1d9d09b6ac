"""Subscriptions over HTTP: what a team has, changes with their money, history, and what is refused for which reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from meter.database import connect
from meter.prices.apply import apply
from meter.prices.store import SINCE_EVER, Source
from meter.rating.book import parse_book
from meter.subscriptions.refusals import Reason
from tests.api.site import OPERATOR_KEY, Site, problem
from tests.billing.tariff import TARIFF

SUBSCRIPTION = "/v1/billing/subscription"
CHANGES = f"{SUBSCRIPTION}/changes"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "subscriptions.md"


class Desk:
    """A team, a key of it, and the operator."""

    def __init__(self, site: Site, team: str, key: str) -> None:
        """Sits at a site."""
        self.site, self.team, self.key = site, team, key

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> httpx.Response:
        """Answer a request with the team's key, or (`operator`) with the operator's."""
        params: dict[str, str] = dict(more.pop("params", {}))
        operator = more.pop("operator", False)
        if operator and path.startswith("/v1/billing"):
            params["team"] = self.team
        async with self.site.client(OPERATOR_KEY if operator else self.key, **more) as client:
            return await client.request(method, path, json=body, params=params)

    async def shown(self) -> dict[str, Any]:
        """Answer the subscription."""
        answer = await self.ask("GET", SUBSCRIPTION)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def change(self, body: dict[str, Any], status: int = 201, **more: Any) -> dict[str, Any]:
        """Answer a change that must be made."""
        answer = await self.ask("POST", CHANGES, body, **more)
        assert answer.status_code == status, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def refused(self, body: dict[str, Any], **more: Any) -> str:
        """Answer the reason why a change is refused."""
        answer = await self.ask("POST", CHANGES, body, **more)
        assert (answer.status_code, problem(answer)) == (409, "decision_refused"), answer.text
        reason: str = answer.json()["reason"]
        return reason


@pytest.fixture(name="desk")
async def fixture_desk(site: Site) -> Desk:
    """Answer a desk whose team is on the small plan of a book of round numbers."""
    async with await connect(site.database, autocommit=True) as conn:
        book = parse_book(TARIFF, "tariff.toml")
        await apply(conn, book, Source(TARIFF, {}), SINCE_EVER, "tests", datetime.now(UTC))
    return await new_desk(site, plan="tariff/small", currency="EUR")


async def new_desk(site: Site, **fields: Any) -> Desk:
    """Answer the desk of a new team."""
    team = await site.make_team(**fields)
    return Desk(site, team, await site.make_key(team, "ingest", "read", "admin"))


def told(changes: list[dict[str, Any]]) -> list[tuple[str, object]]:
    """Answer type and subject of each decision."""
    return [(each["type"], each["plan"] or each["name"]) for each in changes]


async def test_a_subscription_at_a_glance(desk: Desk) -> None:
    """Plan, fees, period, what is beside the plan, coupons with their period, and what is to come."""
    first = await desk.shown()
    assert (first["plan"], first["title"], first["status"], first["currency"]) == (
        "tariff/small",
        "Small",
        "active",
        "EUR",
    )
    assert (first["amount"], first["interval"], first["ends_at"], first["trial_ends_at"]) == (
        "31.00",
        "month",
        None,
        None,
    )
    assert first["next_period_from"] == first["period"]["to"]
    await desk.change({"type": "plan", "plan": "tariff/large"})
    await desk.change({"type": "quantity", "name": "seats", "quantity": 5})
    await desk.change({"type": "addon", "addon": "backup", "quantity": 2})
    await desk.change({"type": "coupon", "coupon": "tariff/quarter"}, operator=True)
    await desk.change({"type": "plan", "plan": "tariff/small", "when": "period_end"})
    shown = await desk.shown()
    assert shown["starts_at"] > first["starts_at"]
    assert [(fee["price"], fee["quantity"], fee["amount"]) for fee in shown["fees"]] == [
        ("base_fee", "1", "62.00"),
        ("seats", "3", "18.00"),
        ("addon-backup", "2", "6.00"),
    ]
    assert (shown["amount"], shown["addons"], shown["quantities"]) == ("86.00", {"backup": 2}, {"seats": 5})
    (coupon,) = shown["coupons"]
    assert (coupon["coupon"], coupon["percent"], coupon["period"], coupon["used_up"]) == (
        "tariff/quarter",
        "25",
        1,
        False,
    )
    assert told(shown["scheduled"]) == [("plan", "tariff/small"), ("addon", "backup"), ("quantity", "seats")]
    assert {each["at"] for each in shown["scheduled"]} == {shown["period"]["to"]}


async def test_every_status(site: Site, desk: Desk) -> None:
    """Trial, active, cancelling, cancelled, and back; a team that never had a plan has no subscription."""
    trial = await new_desk(site, plan="tariff/trial", currency="EUR")
    shown = await trial.shown()
    assert shown["status"] == "trial"
    assert shown["trial_ends_at"] == shown["scheduled"][0]["at"]
    assert told(shown["scheduled"]) == [("plan", "tariff/small")]

    await desk.change({"type": "cancel"})
    shown = await desk.shown()
    assert (shown["status"], shown["cancel_at_period_end"]) == ("cancelling", True)
    assert (shown["ends_at"], shown["next_period_from"]) == (shown["period"]["to"], None)
    await desk.change({"type": "resume"})
    assert (await desk.shown())["status"] == "active"
    await desk.change({"type": "cancel", "when": "now"})
    shown = await desk.shown()
    assert (shown["status"], shown["plan"], shown["period"]) == ("cancelled", "tariff/small", None)
    await desk.change({"type": "resume"})
    assert (await desk.shown())["status"] == "active"

    none = await new_desk(site, currency="CHF")
    assert problem(await none.ask("GET", SUBSCRIPTION)) == "no_subscription"
    later = await new_desk(site, plan=None, currency="EUR")
    start = (site.clock() + timedelta(days=40)).isoformat()
    body = {"plan": "tariff/large", "when": start, "phases": [{"plan": "tariff/small", "at": "2099-01-01"}]}
    answer = await later.ask("PUT", f"/v1/teams/{later.team}/subscription", body)
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (409, "decision_refused", "too_far")
    body["phases"] = [{"plan": "tariff/small", "at": (site.clock() + timedelta(days=400)).isoformat()}]
    answer = await later.ask("PUT", f"/v1/teams/{later.team}/subscription", body)
    assert answer.status_code == 200, answer.text
    shown = await later.shown()
    assert (shown["status"], shown["plan"], shown["period"]) == ("scheduled", "tariff/large", None)
    assert told(shown["scheduled"]) == [("start", "tariff/large"), ("plan", "tariff/small")]
    assert shown["next_period_from"] == shown["scheduled"][0]["at"]


async def test_a_preview_is_what_then_happens_and_stores_nothing(desk: Desk) -> None:
    """The same money and decisions, with ids only once they are made."""
    body = {"type": "plan", "plan": "tariff/large"}
    would = await desk.change(body | {"preview": True}, 200)
    assert (would["preview"], [each["id"] for each in would["decided"]]) == (True, [None])
    assert len((await desk.ask("GET", CHANGES)).json()["items"]) == 1
    made = await desk.change(body)
    assert made["preview"] is False
    running, following = made["money"]["periods"]
    assert (following["before"], following["after"]) == ("31.00", "62.00")
    assert would["money"]["periods"][1] == following
    assert running["invoice"]["status"] == "preview"
    lines = [(line["plan"], line["price"]) for line in running["invoice"]["lines"]]
    assert lines[-1] == ("tariff/large", "base_fee")
    total = sum(Decimal(each["difference"]) for each in made["money"]["periods"])
    assert Decimal(made["money"]["difference"]) == total


async def test_put_still_takes_a_plan_alone(desk: Desk) -> None:
    """On the plan it has nothing changes; another one answers the subscription with it and what it costs."""
    path = f"/v1/teams/{desk.team}/subscription"
    same = (await desk.ask("PUT", path, {"plan": "tariff/small"}, operator=True)).json()
    assert (same["plan"], same["change"]) == ("tariff/small", None)
    would = (await desk.ask("PUT", path, {"plan": "tariff/large", "preview": True}, operator=True)).json()
    assert (would["plan"], would["change"]["preview"], would["amount"]) == ("tariff/large", True, "62.00")
    assert (await desk.shown())["plan"] == "tariff/small"
    put = (await desk.ask("PUT", path, {"plan": "tariff/large"}, operator=True)).json()
    assert (put["plan"], told(put["change"]["decided"])) == ("tariff/large", [("plan", "tariff/large")])
    assert (await desk.shown())["plan"] == "tariff/large"


async def test_a_retry_changes_nothing(desk: Desk) -> None:
    """The first answer comes again to the byte; the key with another body is a conflict."""
    retry = {"Idempotency-Key": "ticket-1"}
    body = {"type": "plan", "plan": "tariff/large"}
    first, again = [await desk.ask("POST", CHANGES, body, **retry) for _ in range(2)]
    assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (201, 201, "true")
    assert first.content == again.content
    other = await desk.ask("POST", CHANGES, body | {"plan": "tariff/small"}, **retry)
    assert problem(other) == "idempotency_conflict"
    assert len((await desk.ask("GET", CHANGES)).json()["items"]) == 2


async def test_the_history(desk: Desk) -> None:
    """Newest first, page by page, withdrawn ones too, by whom; and in words."""
    await desk.change({"type": "plan", "plan": "tariff/large"})
    await desk.change({"type": "cancel"}, operator=True)
    await desk.change({"type": "resume"}, operator=True)
    first = (await desk.ask("GET", CHANGES, params={"limit": 2})).json()
    rest = (await desk.ask("GET", CHANGES, params={"limit": 2, "cursor": first["next"]})).json()
    items = first["items"] + rest["items"]
    assert rest["next"] is None
    assert [each["type"] for each in items] == ["cancel", "plan", "start"]
    assert [each["decided_by"].split()[0] for each in items] == ["operator", "key", "hourmeter"]
    assert [each["withdrawn_by"] for each in items] == ["operator", None, None]
    assert items[0]["withdrawn_at"]
    assert items[0]["told"] == "the plan is cancelled; of a fee that goes by time the time until then is owed"
    (entry,) = (await desk.ask("GET", f"/v1/teams/{desk.team}/audit", params={"limit": 1})).json()["items"]
    assert (entry["action"], entry["actor"]) == ("subscription.change", "operator")
    assert entry["before"]["withdrawn"][0]["decision"]["type"] == "cancel"


async def test_a_decision_to_come_is_withdrawn(site: Site, desk: Desk) -> None:
    """With what was decided for its sake; once, before it holds, and by whoever may."""
    await desk.change({"type": "plan", "plan": "tariff/large"})
    await desk.change({"type": "addon", "addon": "backup"})
    made = await desk.change({"type": "plan", "plan": "tariff/small", "when": "period_end"})
    assert told(made["decided"]) == [("plan", "tariff/small"), ("addon", "backup")]
    one = made["decided"][0]["id"]
    other = await new_desk(site, plan="tariff/small", currency="EUR")
    assert problem(await other.ask("DELETE", f"{CHANGES}/{one}")) == "not_found"
    gone = await desk.ask("DELETE", f"{CHANGES}/{one}")
    assert gone.status_code == 200, gone.text
    assert told(gone.json()["withdrawn"]) == told(made["decided"])
    assert (await desk.shown())["scheduled"] == []
    again = await desk.ask("DELETE", f"{CHANGES}/{one}")
    assert (again.status_code, again.json()["reason"]) == (409, "withdrawn")
    past = (await desk.ask("GET", CHANGES)).json()["items"][-1]["id"]
    assert (await desk.ask("DELETE", f"{CHANGES}/{past}")).json()["reason"] == "not_to_come"
    for id_ in ("0", "99999999999999999999", "x", "%C2%B2"):
        assert problem(await desk.ask("DELETE", f"{CHANGES}/{id_}")) == "not_found"
    theirs = await desk.change({"type": "plan", "plan": "tariff/small", "when": "period_end"}, operator=True)
    refused = await desk.ask("DELETE", f"{CHANGES}/{theirs['decided'][0]['id']}")
    assert refused.json()["reason"] == "operator_only"
    assert (await desk.ask("DELETE", f"{CHANGES}/{theirs['decided'][0]['id']}", operator=True)).status_code == 200


REFUSED: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("same_plan", {"type": "plan", "plan": "tariff/small"}, False),
    ("retired", {"type": "plan", "plan": "tariff/old"}, False),
    ("in_the_past", {"type": "plan", "plan": "tariff/large", "when": "2026-01-01"}, False),
    ("not_begun", {"type": "plan", "plan": "tariff/large", "when": "2026-01-01"}, True),
    ("too_far", {"type": "plan", "plan": "tariff/large", "when": "2099-01-01"}, False),
    ("already_begun", {"type": "plan", "plan": "tariff/large", "anchor_day": 5}, True),
    ("not_cancelled", {"type": "resume"}, False),
    ("not_offered", {"type": "addon", "addon": "backup"}, False),
    ("not_offered", {"type": "quantity", "name": "seats", "quantity": 3}, False),
    ("no_change", {"type": "quantity", "name": "seats", "quantity": 0}, False),
    ("coupon_not_given", {"type": "coupon_taken", "coupon": "tariff/five"}, True),
    ("operator_only", {"type": "coupon", "coupon": "tariff/five"}, False),
    ("operator_only", {"type": "cancel", "unused": "refund"}, False),
    (
        "wrong_order",
        {
            "type": "plan",
            "plan": "tariff/large",
            "when": "2030-02-01",
            "phases": [{"plan": "tariff/small", "at": "2030-01-01"}],
        },
        False,
    ),
)


@pytest.mark.parametrize(
    ("reason", "body", "operator"), REFUSED, ids=[f"{each[0]}-{n}" for n, each in enumerate(REFUSED)]
)
async def test_what_is_refused(desk: Desk, reason: str, body: dict[str, Any], operator: bool) -> None:  # noqa: FBT001
    """For a stable reason, of a preview too; nothing is decided."""
    assert await desk.refused(body, operator=operator) == reason
    assert await desk.refused(body | {"preview": True}, operator=operator) == reason
    assert len((await desk.ask("GET", CHANGES)).json()["items"]) == 1


async def test_what_can_not_be_read_or_is_not_there(desk: Desk) -> None:
    """Unknown plans, coupons, kinds and instants; a plan in a currency that has no rate."""
    for code, body in (
        ("unknown_plan", {"type": "plan", "plan": "tariff/huge"}),
        ("unknown_coupon", {"type": "coupon", "coupon": "tariff/half"}),
        ("currency_mismatch", {"type": "plan", "plan": "calls/pro"}),
        ("invalid_body", {"type": "plan", "plan": "tariff/large", "when": "tomorrow"}),
        ("invalid_body", {"type": "plan", "plan": "tariff/large", "when": "2026-12-01T00:00"}),
        ("invalid_body", {"type": "plan", "plan": "tariff/large", "when": "0001-01-01T00:00Z"}),
        ("invalid_body", {"type": "seats", "quantity": 3}),
        ("invalid_body", {"type": "quantity", "name": "seats", "quantity": -1}),
        ("invalid_body", {"type": "cancel", "unused": "some"}),
    ):
        assert problem(await desk.ask("POST", CHANGES, body, operator=True)) == code, body
    async with desk.site.client() as operator:
        assert problem(await operator.get(SUBSCRIPTION)) == "invalid_parameter"


async def test_the_operator_acting_for_a_member_is_no_operator(desk: Desk) -> None:
    """What a portal asks for the person in front of it is asked as that person."""
    for_ada: dict[str, Any] = {"X-User-ID": "ada", "operator": True}
    assert await desk.refused({"type": "coupon", "coupon": "tariff/five"}, **for_ada) == "operator_only"
    made = await desk.change({"type": "cancel"}, **for_ada)
    assert made["decided"][0]["decided_by"].endswith(" for ada")
    await desk.change({"type": "resume"})


def test_the_page_lists_every_reason() -> None:
    """The table of docs/subscriptions.md has each reason for a refusal, and no other."""
    named = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(get_args(Reason))
