"""GET /v1/usage/members, /services and /summary over HTTP: rows that add up, and what a member may see of them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.api.site import OPERATOR_KEY, Site, problem

ASKED = {"from": "2026-11-01", "to": "2026-11-02"}
TIME = "2026-11-01T12:00:00Z"
EVENTS: list[dict[str, Any]] = [
    {"id": "a", "meter": "tokens.input", "quantity": 6548, "member": "ada", "service": "chat"},
    {"id": "b", "meter": "tokens.output", "quantity": 108, "member": "bob", "service": "chat"},
    {"id": "c", "meter": "tokens.input", "quantity": 1000, "member": "bob", "service": "=cmd"},
    {"id": "d", "meter": "requests", "quantity": 3, "member": "bob"},
    {"id": "e", "meter": "cpu", "quantity": 1, "duration_seconds": 100},
    {"id": "f", "meter": "tokens.input", "quantity": 1, "member": "eve"},
]


@pytest.fixture(name="team")
async def fixture_team(site: Site) -> str:
    """Answer a team, paying per token, of a few events."""
    team = await site.make_team(plan="credits/payg")
    receipt = await site.post("/v1/events", [e | {"time": TIME} for e in EVENTS], await site.make_key(team, "ingest"))
    assert receipt["accepted"] == len(EVENTS), receipt
    return team


async def ask(site: Site, team: str, path: str, user: str | None = None, **question: Any) -> httpx.Response:
    """Ask with a reading key of the team, for a member."""
    headers = {} if user is None else {"X-User-ID": user}
    async with site.client(await site.make_key(team, "read"), **headers) as client:
        return await client.get(path, params=question)


def cost(row: Any) -> Decimal:
    """Answer what a row costs, nothing where it has no price."""
    return Decimal(row["cost"]["amount"] or 0)


async def test_members_add_up(site: Site, team: str) -> None:
    """Dearest first; every meter's rows are its total, which is the usage; what has no price is told."""
    answer = (await ask(site, team, "/v1/usage/members", **ASKED)).json()
    assert [(row["member"], row["cost"]["amount"]) for row in answer["items"]] == [
        ("ada", "0.09822"),
        ("bob", "0.01986"),
        ("eve", "0.000015"),
        (None, None),
    ]
    assert answer["currency"] == "USD"
    assert answer["as_of"]
    total = {used["meter"]: used for used in answer["total"]["usage"]}
    assert total.keys() == {"tokens.input", "tokens.output", "requests", "cpu"}
    for meter, whole in total.items():
        rows = [used for row in answer["items"] for used in row["usage"] if used["meter"] == meter]
        assert sum(Decimal(used["quantity"]) for used in rows) == Decimal(whole["quantity"])
        assert sum(used["events"] for used in rows) == whole["events"]
        assert sum(cost(used) for used in rows) == cost(whole)
        usage = (await ask(site, team, "/v1/usage", **ASKED, meter=meter)).json()["items"][0]
        assert (usage["quantity"], usage["events"]) == (whole["quantity"], whole["events"])
    assert sum(cost(row) for row in answer["items"]) == cost(answer["total"]) == Decimal("0.118095")
    assert answer["total"]["cost"]["reason"] == "unpriced"
    assert {used["cost"]["reason"] for used in answer["items"][3]["usage"]} == {"unpriced"}


async def test_services_and_filters(site: Site, team: str) -> None:
    """The same total by service; one meter or one member of it; what makes no sense is refused."""
    answer = (await ask(site, team, "/v1/usage/services", **ASKED)).json()
    members = (await ask(site, team, "/v1/usage/members", **ASKED)).json()
    assert answer["total"] == members["total"]
    assert [row["service"] for row in answer["items"]] == ["chat", "=cmd", None]
    tokens = (await ask(site, team, "/v1/usage/services", **ASKED, meter="tokens.input", member="bob")).json()
    assert [(row["service"], row["usage"][0]["quantity"]) for row in tokens["items"]] == [("=cmd", "1000")]
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"meter": "nope"}, "unknown_meter"),
        ({"color": "red"}, "invalid_parameter"),
        ({"to": "2026-10-01"}, "invalid_parameter"),
        ({"format": "ndjson"}, "invalid_parameter"),
        ({"cursor": "x"}, "invalid_parameter"),
    )
    for question, code in refused:
        assert problem(await ask(site, team, "/v1/usage/services", **(ASKED | question))) == code, question
    assert problem(await ask(site, team, "/v1/usage/members", to="2026-10-01")) == "invalid_parameter"


async def test_pages_of_a_report_have_one_total(site: Site, team: str) -> None:
    """Rows one by one; the total is that of all."""
    whole = (await ask(site, team, "/v1/usage/members", **ASKED)).json()
    rows: list[Any] = []
    question: dict[str, Any] = {"limit": 1}
    while True:
        answer = (await ask(site, team, "/v1/usage/members", **ASKED, **question)).json()
        assert answer["total"] == whole["total"]
        rows += answer["items"]
        if answer["next"] is None:
            break
        question["cursor"] = answer["next"]
    assert rows == whole["items"]


async def test_a_report_as_csv(site: Site, team: str) -> None:
    """A line per service and meter, and totals that they add up to; no label becomes a formula."""
    answer = await ask(site, team, "/v1/usage/services", **ASKED, format="csv", limit=1)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    usage, totals = ([row for row in rows if row["row"] == kind] for kind in ("usage", "total"))
    assert {row["service"] for row in usage} == {"chat", "'=cmd", ""}
    for whole in totals[:-1]:
        own = [row for row in usage if row["meter"] == whole["meter"]]
        assert sum(Decimal(row["quantity"]) for row in own) == Decimal(whole["quantity"])
    assert sum(Decimal(row["cost"] or 0) for row in usage) == Decimal(totals[-1]["cost"]) == Decimal("0.118095")


async def test_a_member_sees_the_own_row_only(site: Site, team: str) -> None:
    """In every report, in its total, and in CSV; naming somebody else is refused."""
    answer = (await ask(site, team, "/v1/usage/members", "bob", **ASKED)).json()
    assert [row["member"] for row in answer["items"]] == ["bob"]
    assert answer["total"]["cost"]["amount"] == "0.01986"
    services = (await ask(site, team, "/v1/usage/services", "bob", **ASKED)).json()
    assert services["total"] == answer["total"]
    assert "ada" not in (await ask(site, team, "/v1/usage/members", "bob", **ASKED, format="csv")).text
    for path in ("/v1/usage/members", "/v1/usage/services"):
        assert problem(await ask(site, team, path, "bob", **ASKED, member="ada")) == "forbidden"
    async with site.client(OPERATOR_KEY) as client:
        everything = await client.get("/v1/usage/members", params=ASKED | {"team": team})
    assert len(everything.json()["items"]) == 4


async def push_now(site: Site, team: str, *events: dict[str, Any]) -> None:
    """Push events of this instant."""
    key = await site.make_key(team, "ingest")
    now = datetime.now(UTC).isoformat()
    receipt = await site.post("/v1/events", [event | {"time": now} for event in events], key)
    assert receipt["accepted"] == len(events), receipt


async def test_the_summary_says_what_is_left_of_the_plan(site: Site) -> None:
    """Credits of a subscription: included, used, remaining, and what the preview bills; today is part of the period."""
    team = await site.make_team(plan="credits/starter")
    await push_now(
        site,
        team,
        {"id": "1", "meter": "requests", "quantity": 400, "member": "ada"},
        {"id": "2", "meter": "embedding", "quantity": 200_500, "member": "bob"},
        {"id": "3", "meter": "network", "quantity": 2},
    )
    answer = (await ask(site, team, "/v1/usage/summary")).json()
    meters = {each["meter"]: each for each in answer["meters"]}
    assert (meters["requests"]["quantity"], meters["requests"]["today"], meters["requests"]["events"]) == (
        "400",
        "400",
        1,
    )
    costs = answer["cost"]
    (pool,) = costs["allowances"]
    assert pool == pool | {
        "price": "credits",
        "included": "500",
        "used": "600.5",
        "remaining": "0",
        "percent": "120.1",
        "overage": "100.5",
        "overage_cost": "0.20",
        "unit_amount": "2",
        "per": "1000",
    }
    fee = next(Decimal(line["amount"]) for line in costs["lines"] if line["kind"] == "base_fee")
    assert (costs["plan"], Decimal(costs["total"]) - fee) == ("credits/starter", Decimal("0.20"))
    assert 0 <= fee <= 19  # for the part of the month since the team was made
    assert sum(Decimal(line["amount"]) for line in costs["lines"]) == Decimal(costs["total"])
    assert costs["unpriced"] == [{"meter": "network", "quantity": "2"}]
    assert answer["as_of"]
    month = {"from": answer["period"]["from"], "to": answer["period"]["to"]}
    preview = await site.post(f"/v1/teams/{team}/invoices", month | {"preview": True})
    assert preview["total"] == costs["total"]


async def test_the_summary_says_where_it_goes(site: Site) -> None:
    """What calls under way have reserved, what happens beyond, and, once a day is over, what the end will be."""
    team = await site.make_team(plan="calls/free")
    key = await site.make_key(team, "ingest")
    await push_now(site, team, {"id": "1", "meter": "requests", "quantity": 400})
    asked = await site.post("/v1/authorize", {"meter": "requests", "quantity": 25}, key)
    assert asked["allowed"]
    answer = (await ask(site, team, "/v1/usage/summary")).json()
    (quota,) = answer["cost"]["allowances"]
    assert quota == quota | {"used": "400", "reserved": "25", "over_quota": "block", "projected": None}
    assert quota["resets_at"] == answer["period"]["to"]
    assert (answer["cost"]["projection"], answer["meters"][0]["projected"]) == (None, None)
    now = datetime.now(UTC)
    rest = {"from": (now - timedelta(days=10)).isoformat(), "to": (now + timedelta(days=10)).isoformat()}
    site.clock.ahead = timedelta(days=2)
    answer = (await ask(site, team, "/v1/usage/summary", **rest)).json()
    (quota,) = answer["cost"]["allowances"]
    assert Decimal(1_990) < Decimal(quota["projected"]) <= 2_000  # two days of ten since its plan began
    assert Decimal(quota["projected_overage"]) == Decimal(quota["projected"]) - 1_000
    assert Decimal("9.90") <= Decimal(quota["projected_cost"]) <= 10
    costs = answer["cost"]
    assert Decimal(costs["projection"]["total"]) == Decimal(costs["total"]) + Decimal(quota["projected_cost"])
    assert costs["projection"]["left_out"] == []


async def test_the_summary_of_what_is_paid_before(site: Site) -> None:
    """The balance beside what usage comes to; null before the first credits."""
    team = await site.make_team(plan="credits/prepaid")
    costs = (await ask(site, team, "/v1/usage/summary")).json()["cost"]
    assert (costs["charge"], costs["account"]) == ("prepaid", None)
    async with site.client() as client:
        bought = await client.post(
            "/v1/admin/credits", json={"kind": "credit_purchase", "paid": "5"}, params={"team": team}
        )
    assert bought.status_code == 201
    key = await site.make_key(team, "ingest")
    await site.post("/v1/authorize", {"meter": "tokens.input", "quantity": 100_000}, key)
    account = (await ask(site, team, "/v1/usage/summary")).json()["cost"]["account"]
    assert account == {"unit": "USD", "balance": "5", "reserved": "1.5", "available": "3.5"}


async def test_the_summary_of_another_period(site: Site, team: str) -> None:
    """Usage of a range given, none of it today; both ends or neither."""
    answer = (await ask(site, team, "/v1/usage/summary", **ASKED)).json()
    assert {each["meter"]: each["quantity"] for each in answer["meters"]}["tokens.input"] == "7549"
    assert (answer["cost"]["allowances"], answer["cost"]["total"]) == ([], "0.11")
    assert problem(await ask(site, team, "/v1/usage/summary", to="2026-11-02")) == "invalid_parameter"
    assert problem(await ask(site, team, "/v1/usage/summary", meter="cpu")) == "invalid_parameter"


async def test_a_members_summary_has_own_usage_and_no_costs(site: Site, team: str) -> None:
    """The team's invoice is not theirs to see."""
    answer = (await ask(site, team, "/v1/usage/summary", "bob", **ASKED)).json()
    assert {each["meter"]: each["quantity"] for each in answer["meters"]} == {
        "requests": "3",
        "tokens.input": "1000",
        "tokens.output": "108",
    }
    assert (answer["member"], answer["cost"], answer["no_cost"]) == ("bob", None, None)


async def test_a_summary_without_prices_says_why(site: Site) -> None:
    """A team billed in a currency that no plan has: usage is there, and why it costs nothing that can be told."""
    team = await site.make_team(currency="EUR")
    await push_now(site, team, {"id": "1", "meter": "requests", "quantity": 4})
    answer = (await ask(site, team, "/v1/usage/summary")).json()
    assert answer["meters"][0]["quantity"] == "4"
    assert (answer["cost"], answer["no_cost"]["code"]) == (None, "no_subscription")
    report = (await ask(site, team, "/v1/usage/members")).json()
    assert report["total"]["cost"] == {"amount": None, "currency": None, "reason": "no_plan"}
