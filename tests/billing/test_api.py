"""Plans, calculations, invoices and documents as clients see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.served import Client, Service, make_team

THIS_YEAR = datetime.now(UTC).year
START, END = f"{THIS_YEAR - 1}-10-01", f"{THIS_YEAR - 1}-11-01"
BODY = {"from": START, "to": END}


def event(meter: str, quantity: int | str, member: str | None = None) -> dict[str, Any]:
    """One event of that October."""
    return {"time": f"{THIS_YEAR - 1}-10-07T10:00:00Z", "meter": meter, "quantity": quantity, "member": member}


def key_of(client: Client, *scopes: str, kind: str = "standard") -> Client:
    """The same team with another key, made by the operator."""
    body = {"name": "other", "scopes": scopes, "kind": kind}
    made = Client(client.url).post(f"/v1/teams/{client.team}/keys", body)
    return Client(client.url, made["key"], client.team)


def refusal(client: Client, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and code of a request that is refused."""
    answer = client.http.request(method, path, json=body)
    return answer.status_code, answer.json()["code"]


USAGE = {"from": "2026-10-01", "to": "2026-11-01"}


EXAMPLES: tuple[tuple[str, dict[str, object], str, str], ...] = (
    # S3.2: markup included; each line is rounded, the ledger keeps the full 0.10308
    ("credits/payg", {"tokens.input": 6548, "tokens.output": 108}, "0.10", "0.10308"),
    # S1.3: 49 and 0.01 for each call over 50,000
    ("calls/pro", {"requests": 50_123}, "50.23", "50.23"),
    ("calls/free", {"requests": 1000}, "0.00", "0"),
    ("calls/enterprise", {"requests": 10**12, "documents": 3}, "499.03", "499.03"),
    # S2.4 to S2.7: 744 core-hours, 1,488 GB-hours, 10 GB-months, 10,000 requests free; a minimum for compute
    ("cloud/payg", {"cpu": 1000, "memory": "1500.5", "storage": 12, "network": 3}, "13.28", "13.28"),
    ("cloud/payg", {"requests": 52_310}, "0.42", "0.4231"),
    ("cloud/payg", {"compute": 1}, "0.01", "0.01"),
    # S4.1: 19 with 500 credits, 2.00 for each 1,000 over
    ("credits/starter", {"requests": 1500}, "21.00", "21"),
)


def test_calculate_prices_the_examples(served: Service) -> None:
    """The specification's own numbers come out, to the cent and before it."""
    operator = Client(served.url)
    for plan, usage, total, exact in EXAMPLES:
        given = [{"meter": meter, "quantity": quantity} for meter, quantity in usage.items()]
        answer = operator.post("/v1/billing/calculate", {"plan": plan, "usage": given} | USAGE)
        assert (answer["total"], answer["exact"]) == (total, exact), plan
        assert answer["period"]["last_day"] == "2026-10-31"
        assert sum(Decimal(line["amount"]) for line in answer["lines"]) == Decimal(total)


def test_calculate_says_what_it_can_not_price_and_stores_nothing(served: Service) -> None:
    """Peaks and members are taken; a meter without a price is listed; bad numbers are refused by name."""
    client = make_team(served.url)
    usage = [
        {"meter": "cpu", "quantity": "120", "member": "a", "service": "s"},
        {"meter": "cpu", "quantity": "4.5", "measure": "peak"},
        {"meter": "memory", "quantity": 0.0000001},
        {"meter": "memory", "quantity": "1", "measure": "peak"},
        {"meter": "gold", "quantity": "1e-7"},
    ]
    answer = client.post("/v1/billing/calculate", {"plan": "cloud/basic", "usage": usage})
    assert [(line["price"], line["quantity"], line["amount"]) for line in answer["lines"]] == [
        ("base_fee", "1", "29.99"),
        ("cpu_peak", "4.5", "0.25"),
        ("memory_peak", "1", "0.00"),
    ]
    assert answer["members"][0]["usage"] == {"cpu": "120"}
    assert answer["members"][1]["usage"]["memory"] == "0.0000001"
    assert answer["unpriced"] == [{"meter": "gold", "quantity": "0.0000001"}]
    bad = {
        "NaN": "invalid_body",
        "-1": "invalid_body",
        "1e99": "invalid_body",
    }
    for quantity, code in bad.items():
        body = {"plan": "cloud/payg", "usage": [{"meter": "cpu", "quantity": quantity}]}
        assert refusal(client, "POST", "/v1/billing/calculate", body) == (400, code)
    one = {"usage": [{"meter": "cpu", "quantity": 1}]}
    assert refusal(client, "POST", "/v1/billing/calculate", one | {"plan": "cloud/gold"}) == (400, "unknown_plan")
    euro = one | {"plan": "cloud/payg", "currency": "EUR"}
    assert refusal(client, "POST", "/v1/billing/calculate", euro) == (409, "currency_mismatch")
    half = one | {"plan": "cloud/payg", "from": "2026-10-01"}
    assert refusal(client, "POST", "/v1/billing/calculate", half) == (400, "invalid_body")
    assert client.get("/v1/invoices") == {"items": [], "next": None}


def test_plans_and_subscriptions(served: Service) -> None:
    """Plans are listed; a team has one from the start, chosen or the default; the operator changes it."""
    operator = Client(served.url)
    plans = operator.get("/v1/prices/plans")["items"]
    assert {plan["plan"] for plan in plans} >= {"calls/free", "cloud/payg", "credits/payg"}
    assert next(plan for plan in plans if plan["plan"] == "calls/enterprise")["prices"][0]["included"] is None
    paid = {plan["plan"]: plan["charge"] for plan in plans}
    assert (paid["credits/payg"], paid["credits/prepaid"]) == ("invoice", "prepaid")

    client = make_team(served.url)
    assert client.get("/v1/billing/subscription")["plan"] == "credits/payg"
    chosen = make_team(served.url, plan="cloud/basic", timezone="Asia/Tokyo")
    found = chosen.get("/v1/billing/subscription")
    assert (found["plan"], found["amount"], found["currency"], found["status"]) == (
        "cloud/basic",
        "29.99",
        "USD",
        "active",
    )
    assert found["period"]["from"].endswith("T15:00:00Z")

    path = f"/v1/teams/{client.team}/subscription"
    answer = operator.http.put(path, json={"plan": "credits/trial"})
    assert (answer.status_code, answer.json()["status"]) == (200, "trial")
    assert client.get("/v1/billing/subscription")["plan"] == "credits/trial"
    assert key_of(client, "read").http.put(path, json={"plan": "credits/payg"}).status_code == 403
    assert refusal(operator, "PUT", path, {"plan": "credits"}) == (400, "unknown_plan")
    new = {"name": "x", "owner": {"user_id": "a", "email": "a@b"}, "plan": "no/such"}
    assert refusal(operator, "POST", "/v1/teams", new) == (400, "unknown_plan")
    euro = make_team(served.url, currency="EUR")
    assert refusal(euro, "GET", "/v1/billing/subscription") == (409, "no_subscription")
    assert refusal(euro, "POST", f"/v1/teams/{euro.team}/invoices", BODY) == (409, "no_subscription")


def test_an_invoice_is_made_once_and_read_by_its_own_team_only(served: Service) -> None:
    """201, then 200 with the same; listed, paged, shown; to another team it does not exist."""
    client, other = make_team(served.url), make_team(served.url)
    client.push([event("tokens.input", 6548, "alice"), event("tokens.output", 108)])
    path = f"/v1/teams/{client.team}/invoices"

    preview = client.post(path, BODY | {"preview": True})
    assert (preview["status"], preview["id"], preview["total"]) == ("preview", None, "0.10")
    first, again = client.http.post(path, json=BODY), client.http.post(path, json=BODY)
    assert (first.status_code, again.status_code) == (201, 200)
    made = first.json()
    assert again.json() == made
    assert made == client.get(f"/v1/invoices/{made['id']}")
    assert {name: made[name] for name in ("lines", "members", "total")} == {
        name: preview[name] for name in ("lines", "members", "total")
    }
    assert made["period"]["first_day"] == START
    assert made["period"]["to"] == f"{END}T00:00:00Z"
    assert datetime.fromisoformat(made["due_at"]) - datetime.fromisoformat(made["issued_at"]) == timedelta(days=7)
    assert [(row["member"], row["amount"], row["usage"]) for row in made["members"]] == [
        ("alice", "0.10", {"tokens.input": "6548"}),
        (None, "0.00", {"tokens.output": "108"}),
    ]

    second = client.http.post(path).json()  # last month, with no body at all
    listed = client.get("/v1/invoices", limit=1)
    assert [item["number"] for item in listed["items"]] == [second["number"]]
    assert [item["id"] for item in client.get("/v1/invoices", limit=1, cursor=listed["next"])["items"]] == [made["id"]]
    of_the_first = client.get("/v1/invoices", from_=START, to=END, reason="period")["items"]
    assert [item["id"] for item in of_the_first] == [made["id"]]
    assert client.get("/v1/invoices", from_=START, reason="advance")["items"] == []
    assert len(Client(served.url).get("/v1/invoices")["items"]) == 2
    assert Client(served.url).get(f"/v1/invoices/{made['id']}") == made

    assert other.get("/v1/invoices")["items"] == []
    for address in (f"/v1/invoices/{made['id']}", f"/v1/invoices/{made['id']}/pdf", "/v1/invoices/" + other.team):
        assert refusal(other, "GET", address) == (404, "not_found")
    assert refusal(other, "POST", path, BODY) == (404, "not_found")
    assert refusal(other, "GET", f"/v1/invoices?team={client.team}") == (404, "not_found")
    reader = key_of(client, "read")
    assert refusal(reader, "POST", path, BODY) == (403, "forbidden")
    assert reader.get(f"/v1/invoices/{made['id']}") == made
    assert refusal(key_of(client, "ingest"), "GET", "/v1/invoices") == (403, "forbidden")


def test_retries_with_a_key_hear_the_first_answer(served: Service) -> None:
    """The same Idempotency-Key gets the same bytes, whatever was used since; with another body it is refused."""
    client = make_team(served.url)
    path = f"/v1/teams/{client.team}/invoices"
    headers = {"Idempotency-Key": "october"}
    first = client.http.post(path, json=BODY, headers=headers)
    client.push([event("cpu", 3)])
    again = client.http.post(path, json=BODY, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.content, "Idempotency-Replayed" in first.headers) == (again.content, False)
    assert again.headers["Idempotency-Replayed"] == "true"
    elsewhere = client.http.post(path, json={**BODY, "from": f"{THIS_YEAR - 1}-10-02"}, headers=headers)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "idempotency_conflict")


def test_what_can_not_be_billed_says_why(served: Service) -> None:
    """Unpriced meters are named, a period must be over, in order, whole and not billed already."""
    client = make_team(served.url)
    path = f"/v1/teams/{client.team}/invoices"
    client.push([event("cpu", "2.5"), event("requests", 3)])
    answer = client.http.post(path, json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (409, "unpriced_usage")
    assert answer.json()["meters"] == [{"meter": "cpu", "quantity": "2.5"}]
    assert client.post(path, BODY | {"preview": True})["unpriced"] == [{"meter": "cpu", "quantity": "2.5"}]

    future = {"from": START, "to": f"{THIS_YEAR + 1}-01-01"}
    refused = {
        (400, "invalid_parameter"): [future, {"from": END, "to": START}, {"from": START}, BODY | {"to": "soon"}],
        (409, "period_not_over"): [{"from": f"{THIS_YEAR}-12-31", "to": f"{THIS_YEAR + 1}-01-01"}],
        (400, "invalid_body"): [{"fron": START}, {"preview": "yes"}],
    }
    for expected, bodies in refused.items():
        for body in bodies:
            assert refusal(client, "POST", path, body) == expected, body
    september = {"from": f"{THIS_YEAR - 1}-09-01", "to": START}
    assert client.http.post(path, json=september).status_code == 201
    overlapping = {"from": f"{THIS_YEAR - 1}-09-30", "to": START}
    assert refusal(client, "POST", path, overlapping) == (409, "invoice_exists")


def test_a_team_gets_the_free_units_of_a_month_once(served: Service) -> None:
    """Billed day by day, all of it would be free: a second part of a month is the operator's to bill."""
    client = make_team(served.url, plan="calls/free")
    path = f"/v1/teams/{client.team}/invoices"
    client.push([event("requests", 1500)])
    days = [{"from": f"{THIS_YEAR - 1}-10-{day:02}", "to": f"{THIS_YEAR - 1}-10-{day + 1:02}"} for day in (6, 7, 8)]
    assert client.post(path, days[0])["total"] == "0.00"
    assert refusal(client, "POST", path, days[1]) == (403, "forbidden")
    straddling = {"from": f"{THIS_YEAR - 1}-10-20", "to": f"{THIS_YEAR - 1}-11-20"}
    assert refusal(client, "POST", path, straddling) == (403, "forbidden")
    assert client.post(path, days[1] | {"preview": True})["total"] == "5.00"
    assert client.http.post(path, json=days[0]).status_code == 200  # it is there
    assert Client(served.url).post(path, days[1])["total"] == "5.00"
    september = {"from": f"{THIS_YEAR - 1}-09-01", "to": START}
    assert client.http.post(path, json=september).status_code == 201

    without = make_team(served.url, plan="credits/payg")  # nothing is free there, so nothing is given twice
    path = f"/v1/teams/{without.team}/invoices"
    assert [without.http.post(path, json=day).status_code for day in days] == [201] * 3


def test_an_invoice_from_draft_to_void(served: Service) -> None:
    """A draft is written anew, made final and voided; each step says what it is, and the audit log who took it."""
    client = make_team(served.url)
    operator = Client(served.url)
    client.push([event("tokens.input", 1_000_000)])
    draft = client.post(f"/v1/teams/{client.team}/invoices", BODY | {"draft": True})
    path = f"/v1/invoices/{draft['id']}"
    assert (draft["status"], draft["number"]) == ("draft", None)
    assert client.get("/v1/invoices", status="draft")["items"][0]["id"] == draft["id"]
    client.push([event("tokens.input", 1_000_001)])
    again = client.post(f"{path}/regenerate", {})
    assert (again["id"], again["total"] != draft["total"]) == (draft["id"], True)
    assert refusal(operator, "POST", f"{path}/paid", {"note": "x"}) == (409, "invoice_state")
    final = client.post(f"{path}/finalize", {})
    assert (final["status"], final["total"], bool(final["number"])) == ("open", again["total"], True)
    assert refusal(client, "POST", f"{path}/regenerate") == (409, "invoice_state")
    assert refusal(client, "DELETE", path) == (409, "invoice_state")
    assert refusal(client, "POST", f"{path}/void", {"note": "x"}) == (403, "forbidden")
    void = operator.post(f"{path}/void", {"note": "a mistake"})
    assert (void["status"], void["closed_note"], void["number"]) == ("void", "a mistake", final["number"])
    second = client.post(f"/v1/teams/{client.team}/invoices", BODY | {"draft": True})
    assert second["id"] != draft["id"]
    assert client.http.delete(f"/v1/invoices/{second['id']}").status_code == 204
    assert refusal(client, "GET", f"/v1/invoices/{second['id']}") == (404, "not_found")
    assert refusal(make_team(served.url), "POST", f"{path}/finalize") == (404, "not_found")
    actions = [each["action"] for each in operator.get("/v1/audit", limit=100)["items"]]
    for action in ("create", "regenerate", "finalize", "void", "discard"):
        assert f"invoice.{action}" in actions
