"""Failed calls: recorded and seen, on no invoice."""

from __future__ import annotations

from typing import Any

from tests.billing.test_api import BODY, THIS_YEAR
from tests.served import Client, Service, make_team

AT = f"{THIS_YEAR - 1}-10-07T10:00:00Z"


def call(number: int, tokens: int, **fields: Any) -> dict[str, Any]:
    """One call of that October and the tokens it took."""
    return {"id": str(number), "time": AT, "quantities": {"requests": 1, "tokens.input": tokens}, **fields}


CALLS = [
    call(1, 1_000_000),
    call(2, 1_000_000, dimensions={"status": "200"}),
    call(3, 1_000_000, attributes={"status": 304}),
    call(4, 5_000_000, dimensions={"status": "500"}),
    call(5, 5_000_000, attributes={"status": 429}),
    call(6, 5_000_000, attributes={"status": "503"}),
]


def used(client: Client, meter: str, **question: str) -> dict[Any, str]:
    """What was used that October, by the group asked for."""
    items = client.usage(meter=meter, **BODY, **question)
    return {item.get(question.get("group_by", "")): item["quantity"] for item in items}


def test_failed_calls_are_recorded_and_not_billed(served: Service) -> None:
    """Usage has all six calls, the invoice the three that did not fail, with one line for each meter."""
    client = make_team(served.url, plan="credits/payg")
    assert client.post("/v1/events", CALLS)["accepted"] == 6
    assert used(client, "requests") == {None: "6"}
    assert used(client, "tokens.input", group_by="status") == {None: "12000000", "200": "1000000", "500": "5000000"}
    invoice = client.post(f"/v1/teams/{client.team}/invoices", BODY)
    lines = {line["meter"]: (line["quantity"], line["amount"]) for line in invoice["lines"]}
    assert lines["tokens.input"] == ("3000000", "45.00")
    assert invoice["total"] == "45.00"


def test_which_calls_are_billed_is_the_meters_setting(served: Service) -> None:
    """The operator bills failed calls from now on; what was counted before stays as it was."""
    client, operator = make_team(served.url, plan="credits/payg"), Client(served.url)
    client.post("/v1/events", CALLS)
    answer = operator.http.patch("/v1/meters/tokens.input", json={"billable_statuses": ["2xx", "429"]})
    assert answer.status_code == 200, answer.text
    more = [
        call(7, 1_000_000, dimensions={"status": "500"}),
        call(8, 1_000_000, attributes={"status": 429}),
        call(9, 1_000_000, attributes={"status": 304}),
    ]
    assert client.post("/v1/events", [*CALLS, *more]) == {"accepted": 3, "duplicates": 6, "rejected": []}
    assert used(client, "tokens.input") == {None: "21000000"}
    invoice = client.post(f"/v1/teams/{client.team}/invoices", BODY)
    (tokens,) = [line for line in invoice["lines"] if line["meter"] == "tokens.input"]
    assert (tokens["quantity"], tokens["amount"]) == ("4000000", "60.00")


def test_a_meter_of_the_operators_for_one_team_waits_for_its_price(served: Service) -> None:
    """Billed usage without a price stops the invoice and is no silent zero; a team's own meters never do."""
    client, operator = make_team(served.url, plan="credits/payg"), Client(served.url)
    client.post("/v1/meters", {"slug": "own", "unit": "thing", "aggregation": "sum"})
    gpu = {"slug": "gpu", "unit": "GPU-hour", "aggregation": "time_weighted", "billable": True}
    operator.post(f"/v1/meters?team={client.team}", gpu)
    events = [{"time": AT, "meter": "own", "quantity": 5}, CALLS[0]]
    assert client.post("/v1/events", events)["accepted"] == 2
    assert client.post("/v1/events", [{"time": AT, "meter": "gpu", "quantity": 2}])["accepted"] == 1
    refused = client.http.post(f"/v1/teams/{client.team}/invoices", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "unpriced_usage")
    assert refused.json()["meters"] == [{"meter": "gpu", "quantity": "2"}]
