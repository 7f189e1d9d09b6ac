"""Recorded usage becomes invoices that equal a computation made apart, once each, and the same on paper."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.billing.books import TOKENS, added, cores_cost, tokens_cost
from tests.pipeline.test_traces import in_parallel
from tests.pipeline.traces import TRACES, Trace
from tests.served import Client, Service, make_team

pytestmark = pytest.mark.slow
PARALLEL = 8
TEAMS = 40
KILLS = 3
GIVE_UP_S = 120
PLANS = {"azure": "credits/payg", "mooncake": "credits/payg", "region": "cloud/payg"}


def billed(client: Client, trace: Trace) -> dict[str, Any]:
    """The invoice of the days the trace covers."""
    hours = sorted(hour for _, _, hour in trace.sums)
    body = {"from": hours[0].date().isoformat(), "to": (hours[-1].date().replace(day=28)).isoformat()}
    answer = client.http.post(f"/v1/teams/{client.team}/invoices", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    invoice: dict[str, Any] = answer.json()
    return invoice


def quantities(events: Sequence[dict[str, Any]]) -> dict[tuple[str, str | None], Decimal]:
    """What each member used of each meter, added up from the bodies as they were pushed."""
    found: defaultdict[tuple[str, str | None], Decimal] = defaultdict(Decimal)
    for event in events:
        if "quantities" in event:
            for meter, quantity in event["quantities"].items():
                found[meter, event.get("member")] += Decimal(quantity)
        else:
            found["cpu", event["user_id"]] += Decimal(event["cpu_cores"]) * event["duration_seconds"]
    return dict(found)


def expected(used: dict[tuple[str, str | None], Decimal]) -> dict[str, Decimal]:
    """What each meter costs by the prices of the book, computed here."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (meter, _), quantity in used.items():
        totals[meter] += quantity
    return {
        meter: tokens_cost(meter, total) if meter in TOKENS else cores_cost(total) for meter, total in totals.items()
    }


@pytest.mark.parametrize("name", TRACES)
def test_the_invoice_of_a_trace_equals_a_computation_made_apart(service: Service, name: str, tmp_path: Path) -> None:
    """Lines are what the events cost, they and the members add up to the total, and the PDF says the same."""
    trace = TRACES[name]()
    client = make_team(service.url, name, plan=PLANS[name], timezone="Europe/Dublin")
    in_parallel(client, trace.path, trace.events)
    used = quantities(trace.events)

    invoice = billed(client, trace)

    lines = {line["meter"]: Decimal(line["amount"]) for line in invoice["lines"]}
    assert lines == expected(used)
    assert added(line["amount"] for line in invoice["lines"]) == Decimal(invoice["total"]) > 0
    assert added(row["amount"] for row in invoice["members"]) == Decimal(invoice["total"])
    for line in invoice["lines"]:
        assert added(share["amount"] for share in line["members"]) == Decimal(line["amount"])
    scale = {"cpu": 3600}
    for row in invoice["members"]:
        for meter, quantity in row["usage"].items():
            apart = used[meter, row["member"]] / scale.get(meter, 1)
            assert abs(Decimal(quantity) - apart) <= Decimal("1e-12")
    assert {row["member"] for row in invoice["members"]} == {member for _, member in used}

    words = paper(client, invoice, tmp_path)
    for amount in (invoice["total"], *(line["amount"] for line in invoice["lines"])):
        assert f"${Decimal(amount):,.2f}" in words
    assert invoice["number"] in words


def paper(client: Client, invoice: dict[str, Any], folder: Path) -> str:
    """The text of the invoice's PDF."""
    answer = client.http.get(f"/v1/invoices/{invoice['id']}/pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{invoice["number"]}.pdf"'
    file = folder / "invoice.pdf"
    file.write_bytes(answer.content)
    return subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, text=True, check=True).stdout


def test_asking_twice_and_eight_times_at_once_makes_one_invoice(service: Service) -> None:
    """One 201, the rest 200, all the same invoice."""
    client = make_team(service.url)
    client.push([{"time": "2026-10-07T10:00:00Z", "meter": "tokens.input", "quantity": 10**6}])
    body = {"from": "2026-10-01", "to": "2026-11-01"}

    def ask(twin: Client) -> httpx.Response:
        return twin.http.post(f"/v1/teams/{twin.team}/invoices", json=body)

    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(ask, [client.twin() for _ in range(PARALLEL)]))
    answers.append(ask(client))

    assert sorted(answer.status_code for answer in answers) == [200] * PARALLEL + [201]
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["total"] == "15.00"
    assert [item["number"] for item in client.get("/v1/invoices")["items"]] == ["HM-000001"]


def test_killed_while_billing_many_teams_each_is_billed_once(service: Service) -> None:
    """The service is killed again and again while teams are billed side by side; asking again gives one each."""
    teams = [make_team(service.url, f"Team {number}") for number in range(TEAMS)]
    for number, client in enumerate(teams):
        client.push([{"time": "2026-10-07T10:00:00Z", "meter": "tokens.output", "quantity": 1000 * (number + 1)}])
    done: dict[int, str] = {}

    def bill(number: int) -> None:
        client = teams[number].twin()
        body = {"from": "2026-10-01", "to": "2026-11-01"}
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            try:
                answer = client.http.post(f"/v1/teams/{client.team}/invoices", json=body)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.is_success:
                done[number] = answer.json()["id"]
                return
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
        raise AssertionError("never billed")

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(bill, number) for number in range(TEAMS)]
        for kill in range(1, KILLS + 1):
            until(lambda enough=kill * TEAMS // (KILLS + 2): len(done) >= enough)
            service.kill()
            service.start()
        for each in working:
            each.result()

    listed = Client(service.url).get("/v1/invoices", limit=1000)["items"]
    assert sorted(item["number"] for item in listed) == [f"HM-{n:06d}" for n in range(1, TEAMS + 1)]
    assert {item["id"] for item in listed} == set(done.values())
    for number, client in enumerate(teams):
        (item,) = client.get("/v1/invoices")["items"]
        assert (item["id"], item["total"]) == (
            done[number],
            str(tokens_cost("tokens.output", Decimal(1000 * (number + 1)))),
        )


def until(holds: Any) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + GIVE_UP_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.005)


def test_usage_of_an_internal_key_is_seen_and_not_billed(service: Service) -> None:
    """What a team's internal key pushes is in its usage and on no invoice."""
    client = make_team(service.url)
    body = {"name": "ours", "scopes": ["ingest"], "kind": "internal"}
    internal = Client(service.url, Client(service.url).post(f"/v1/teams/{client.team}/keys", body)["key"], client.team)
    at = datetime(2026, 10, 7, 10, tzinfo=UTC).isoformat()
    for pushing, quantity in ((client, 1000), (internal, 50_000)):
        pushing.push([{"time": at, "meter": "tokens.input", "quantity": quantity, "member": "alice"}])
    asked = {"from_": "2026-10-01", "to": "2026-11-01"}
    assert [item["quantity"] for item in client.usage(meter="tokens.input", **asked)] == ["51000"]
    made = client.post(f"/v1/teams/{client.team}/invoices", {"from": "2026-10-01", "to": "2026-11-01"})
    assert [(line["quantity"], line["amount"]) for line in made["lines"]] == [("1000", "0.02")]
