"""Credits that pay invoices, over HTTP: what a draft expects, what an invoice says in every form, what is credited."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from meter import database as databases
from tests.billing.papers import OCTOBER, rows_of, selling, text_of, used
from tests.billing.tariff import put_in_force
from tests.billing.verifying import BOOK
from tests.conftest import _database
from tests.served import Client, Service, make_team

BOUGHT = [{"kind": "credits", "amount": "25.00", "description": "Paid from credits"}]


@pytest.fixture(scope="module", name="service")
def fixture_service(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Answer a running service whose book has 20 % of tax."""
    with _database(postgres_server, postgres_template) as url:
        asyncio.run(priced(url))
        with selling(url, tmp_path_factory.mktemp("promotional")) as running:
            yield running


async def priced(url: str) -> None:
    """Put the book in force."""
    async with databases.pool(url, 1) as pool:
        await put_in_force(pool, BOOK)


@pytest.fixture(name="operator")
def fixture_operator(service: Service) -> Client:
    """Answer the operator."""
    return Client(service.url)


@pytest.fixture(name="client")
def fixture_client(service: Service, operator: Client) -> Client:
    """Answer a team with 12.345 for calls and 30.00 given, 25.00 bought: 600 calls are 31.00 + 50.00 in October."""
    client = make_team(service.url, plan="tariff/small", currency="EUR")
    client.push([used(10, 3, "requests", 350, "ann"), used(10, 4, "requests", 250, "bob")])
    for credits_ in (
        {"kind": "credit_grant", "amount": "12.345", "priority": 1, "meters": ["requests"], "description": "Calls"},
        {"kind": "credit_grant", "amount": "30", "priority": 2, "description": "Welcome"},
        {"kind": "credit_purchase", "amount": "25", "paid": "25"},
    ):
        operator.post(f"/v1/admin/credits?team={client.team}", credits_)
    return client


def balance(client: Client) -> str:
    """Answer what there is on the account."""
    found: str = client.get("/v1/billing/account")["balance"]
    return found


def test_a_draft_expects_what_the_invoice_is(client: Client) -> None:
    """81.00 - 12.34 - 30.00 = 38.66, with 7.73 of tax 46.39, of which 25.00 are bought: 21.39. Nothing is booked."""
    path = f"/v1/teams/{client.team}/invoices"
    expected = {"promotional": "42.34", "total": "46.39", "settled": BOUGHT, "to_pay": "21.39"}
    preview = client.post(path, OCTOBER | {"preview": True})
    draft = client.post(path, OCTOBER | {"draft": True})
    for each in (preview, draft, client.get(f"/v1/invoices/{draft['id']}")):
        assert (each["subtotal"], each["coupons_total"], each["tax"], each["total"]) == (
            "81.00",
            "42.34",
            "7.73",
            "46.39",
        )
        assert (each["expected"], each["settled"], each["to_pay"]) == (expected, [], "46.39")
    assert balance(client) == "67.345"
    printed = text_of(client.http.get(f"/v1/invoices/{draft['id']}/pdf").content)
    assert "Paid from credits, once final" in printed
    assert "21.39" in printed

    made = client.post(f"/v1/invoices/{draft['id']}/finalize", {})
    assert [made[name] for name in ("total", "settled", "to_pay", "expected")] == ["46.39", BOUGHT, "21.39", None]
    assert [(each["title"], each["amount"], each["booked"]) for each in made["promotions"]] == [
        ("Calls", "12.34", "12.34"),
        ("Welcome", "30.00", "30.00"),
    ]
    assert balance(client) == "0.005"


def test_the_running_period_expects_it_too(client: Client) -> None:
    """In what it costs by now and in the next invoice, which is of the same period; nothing is booked."""
    now, coming = client.get("/v1/billing/current"), client.get("/v1/billing/summary")["next_invoice"]
    for each in (now["expected"], coming["expected"]):
        paid = sum(Decimal(one["amount"]) for one in each["settled"])
        assert Decimal(each["promotional"]) > 0
        assert Decimal(each["total"]) - paid == Decimal(each["to_pay"])
    assert balance(client) == "67.345"


def test_every_form_says_it(client: Client, operator: Client) -> None:
    """JSON, list, PDF, CSV and explanation, with what was credited later and its address."""
    made = client.post(f"/v1/teams/{client.team}/invoices", OCTOBER)
    path = f"/v1/invoices/{made['id']}"
    printed = text_of(client.http.get(f"{path}/pdf").content)
    for words in ("Promotional credit, Calls", "Promotional credit, Welcome", "Paid from credits", "Left to pay"):
        assert words in printed
    rows = [(row["row"], row["amount"]) for row in rows_of(client.http.get(f"{path}/csv").text)]
    assert {("grant", "-12.34"), ("grant", "-30.00"), ("tax", "7.73"), ("total", "46.39"), ("credits", "-25.00")} <= {
        *rows
    }
    assert client.get(f"{path}/verify")["state"] == "agrees"
    assert listed(client) == [(made["id"], "21.39")]

    note = operator.post(f"{path}/credit", {"reason": "goodwill", "amount": "5.00"})
    found = client.get(f"{path}/explain")
    (credited,) = found["credit_notes"]
    assert [credited[name] for name in ("id", "number", "total", "to_invoice")] == [
        note["id"],
        note["number"],
        "6.00",
        "6.00",
    ]
    assert client.get(credited["credit_note"]) == note
    assert (found["credited"], found["left"]) == ("6.00", "40.39")
    by_line = {line["line"]: line["total"] for line in credited["lines"]}
    assert {line["line"]: line["credited"] for line in found["lines"] if line["credited"] != "0.00"} == by_line
    assert listed(client) == [(made["id"], "15.39")]
    assert client.get(path)["to_pay"] == "15.39"


def listed(client: Client) -> list[tuple[Any, Any]]:
    """Answer what is to pay of each invoice of a team, as the list has it."""
    return [(each["id"], each["to_pay"]) for each in client.get("/v1/invoices")["items"]]
