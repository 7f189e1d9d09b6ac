"""Credit notes over HTTP: who may, once, page by page; and on paper, in the page and in the CSV what the JSON says."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.invoice_letter import composer
from dashboards import numbers
from meter import database as databases
from meter import invoices
from meter.mail import words
from meter.mail.letter import Letter
from meter.settings import load
from tests.billing.papers import OCTOBER, PROFILE, SELLER, rows_of, selling, text_of, used
from tests.billing.tariff import put_in_force
from tests.billing.verifying import BOOK
from tests.conftest import _database
from tests.served import Client, Service, make_team

LOCALE = "de_DE"
CITY = '[[taxes.rates]]\nname = "City"\npercent = "2.5"\ninclusive = true\n'


@pytest.fixture(scope="module", name="service")
def fixture_service(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Answer a running service of a seller with papers and two rates of tax."""
    with _database(postgres_server, postgres_template) as url:
        asyncio.run(priced(url))
        with selling(url, tmp_path_factory.mktemp("credit-notes")) as running:
            yield running


async def priced(url: str) -> None:
    """Put the book in force."""
    async with databases.pool(url, 1) as pool:
        await put_in_force(pool, BOOK + CITY)


@pytest.fixture(name="operator")
def fixture_operator(service: Service) -> Client:
    """Answer the operator."""
    return Client(service.url)


def billed(service: Service, name: str = "Acme") -> tuple[Client, dict[str, Any]]:
    """A team with a profile, and its invoice of October: a fee, and calls of two members."""
    client = make_team(service.url, name, plan="tariff/small", currency="EUR", billing_email="pay@example.org")
    assert client.http.put("/v1/billing/profile", json=PROFILE).status_code == 200
    client.push([used(10, 3, "requests", 150, "ann"), used(10, 4, "requests", 81, "bob")])
    made: dict[str, Any] = client.post(f"/v1/teams/{client.team}/invoices", OCTOBER)
    return client, made


def credit(operator: Client, invoice: dict[str, Any], **asked: Any) -> dict[str, Any]:
    """Make a credit note."""
    made: dict[str, Any] = operator.post(f"/v1/invoices/{invoice['id']}/credit", {"reason": "correction", **asked})
    return made


def added(items: list[dict[str, Any]], name: str) -> Decimal:
    """A field of all items, added up."""
    return sum((Decimal(each[name]) for each in items), Decimal(0))


def plain(page: str) -> str:
    """The text of a page with single spaces."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def shown(note: dict[str, Any]) -> Iterator[str]:
    """Every figure of the JSON, as a reader of that locale writes it."""
    yield from (note["number"], note["invoice_number"], "Correction", note["note"])
    for amount in (note["net"], note["total"]):
        yield numbers.money(Decimal(amount), note["currency"], LOCALE)
    for line in note["lines"]:
        yield line["description"]
        yield numbers.money(Decimal(line["net"]), note["currency"], LOCALE)
    for tax in note["taxes"]:
        yield f"{tax['name']}, {tax['percent']} %"
        yield numbers.money(Decimal(tax["amount"]), note["currency"], LOCALE)


def test_every_form_says_what_the_json_says(service: Service, operator: Client) -> None:
    """Each number, amount and rate is on paper, in the page and in the CSV, and both parties."""
    client, invoice = billed(service)
    note = credit(operator, invoice, amount="10.00", note="The fee was too high")
    assert added(note["lines"], "net") == Decimal(note["net"]) == Decimal("10.00")
    assert added(note["lines"], "total") == Decimal(note["total"]) == Decimal(note["net"]) + Decimal(note["tax"])
    assert added(note["taxes"], "amount") == Decimal(note["tax"]) > 0
    assert all(added(line["members"], "amount") == Decimal(line["total"]) for line in note["lines"])
    path = f"/v1/credit-notes/{note['id']}"
    assert client.get(path) == note
    pdf, page, table = (client.http.get(f"{path}/{form}") for form in ("pdf", "html", "csv"))
    assert pdf.headers["content-disposition"] == f'attachment; filename="{note["number"]}.pdf"'
    figures = [" ".join(each.split()) for each in (*shown(note), SELLER["METER_SELLER_NAME"], PROFILE["name"])]
    for said in (text_of(pdf.content), plain(page.text)):
        assert [each for each in figures if each not in said] == []
        assert said.count("Credit note") >= 1
        assert "Left to pay" not in said
    assert "default-src 'none'" in page.headers["content-security-policy"]
    rows = rows_of(table.text)
    assert added([row for row in rows if row["row"] in {"line", "tax"}], "amount") == Decimal(note["total"])
    assert added([row for row in rows if row["row"] == "member"], "amount") == Decimal(note["total"])
    assert [row["amount"] for row in rows if row["row"] == "to_invoice"] == [note["to_invoice"]] == [note["total"]]


def test_the_invoice_says_what_was_taken_back(service: Service, operator: Client) -> None:
    """In its JSON, and on paper with what is left to pay; credited in full it is paid, and can't be voided."""
    client, invoice = billed(service)
    note = credit(operator, invoice, lines=[{"line": 1, "amount": "10.00"}])
    after = client.get(f"/v1/invoices/{invoice['id']}")
    left = Decimal(invoice["total"]) - Decimal(note["total"])
    assert (after["to_pay"], after["total"]) == (f"{left}", invoice["total"])
    assert [each["id"] for each in after["credit_notes"]] == [note["id"]]
    assert [(each["kind"], each["amount"]) for each in after["settled"]] == [("credit_note", note["total"])]
    text = text_of(client.http.get(f"/v1/invoices/{invoice['id']}/pdf").content)
    off = numbers.money(-Decimal(note["total"]), "EUR", LOCALE)
    for said in (f"Credited by {note['number']} {off}", numbers.money(left, "EUR", LOCALE)):
        assert " ".join(said.split()) in text
    void = operator.http.post(f"/v1/invoices/{invoice['id']}/void", json={"note": "wrong"})
    assert (void.status_code, void.json()["code"]) == (409, "invoice_state")
    rest = credit(operator, invoice, all=True, reason="duplicate")
    after = client.get(f"/v1/invoices/{invoice['id']}")
    assert (after["status"], after["to_pay"]) == ("paid", "0.00")
    assert after["closed_note"] == f"credited by {rest['number']}"
    assert added(after["credit_notes"], "total") == Decimal(invoice["total"])
    more = operator.http.post(f"/v1/invoices/{invoice['id']}/credit", json={"reason": "other", "all": True})
    assert (more.status_code, more.json()["code"], more.json()["reason"]) == (409, "credit_refused", "nothing_left")


def test_once_with_a_key_and_not_at_all_as_a_preview(service: Service, operator: Client) -> None:
    """A retry hears the first answer; a preview has no number; it is in the audit log."""
    client, invoice = billed(service)
    path, asked = f"/v1/invoices/{invoice['id']}/credit", {"reason": "goodwill", "amount": "5.00"}
    preview = operator.http.post(path, json=asked | {"preview": True})
    assert (preview.status_code, preview.json()["number"], preview.json()["net"]) == (200, None, "5.00")
    assert client.get("/v1/credit-notes")["items"] == []
    first, again = (operator.http.post(path, json=asked, headers={"Idempotency-Key": "t-1"}) for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    (listed,) = client.get("/v1/credit-notes")["items"]
    assert listed == {name: value for name, value in first.json().items() if name != "lines"}
    (entry,) = operator.get(f"/v1/teams/{client.team}/audit", action="credit_note.create")["items"]
    assert (entry["subject"], entry["after"]["number"]) == (f"credit_note:{listed['id']}", listed["number"])


def test_lists_are_a_teams_or_an_invoices_page_by_page(service: Service, operator: Client) -> None:
    """Newest first; the operator sees all of them."""
    client, invoice = billed(service)
    other, others = billed(service, "Other")
    made = [credit(operator, invoice, amount=f"{at}.00")["id"] for at in (1, 2, 3)]
    theirs = credit(operator, others, amount="1.00")["id"]
    first = client.get("/v1/credit-notes", limit=2)
    rest = client.get("/v1/credit-notes", limit=2, cursor=first["next"])
    assert [each["id"] for each in (*first["items"], *rest["items"])] == made[::-1]
    assert rest["next"] is None
    assert [each["id"] for each in operator.get("/v1/credit-notes", invoice=others["id"])["items"]] == [theirs]
    assert client.get("/v1/credit-notes", invoice=others["id"])["items"] == []
    assert operator.get("/v1/credit-notes", limit=1)["items"][0]["id"] == theirs
    for form in ("", "/pdf", "/csv", "/html", "/members"):
        assert other.http.get(f"/v1/credit-notes/{made[0]}{form}").status_code == 404


def test_members_see_their_own_part(service: Service, operator: Client) -> None:
    """And nothing of the rest; only the operator makes credit notes."""
    client, invoice = billed(service)
    note = credit(operator, invoice, all=True)
    path = f"/v1/credit-notes/{note['id']}"

    def as_(member: str, form: str) -> httpx.Response:
        return client.http.get(f"{path}{form}", headers={"X-User-ID": member})

    everybody = client.get(f"{path}/members")["items"]
    assert {each["member"] for each in everybody} == {"ann", "bob", None}
    assert added(everybody, "amount") == Decimal(invoice["total"])
    own = as_("ann", "/members").json()["items"]
    assert own == [each for each in everybody if each["member"] == "ann"] != []
    assert [as_("ann", form).status_code for form in ("", "/pdf")] == [403, 403]
    asked = client.http.post(f"/v1/invoices/{invoice['id']}/credit", json={"reason": "other", "all": True})
    assert asked.status_code == 403


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"all": True, "amount": "1.00"}, 400, "invalid_body"),
        ({}, 400, "invalid_body"),
        ({"amount": "0.001"}, 400, "invalid_body"),
        ({"amount": "NaN"}, 400, "invalid_body"),
        ({"lines": [{"line": 99}]}, 400, "invalid_body"),
        ({"amount": "1.00", "to": "elsewhere"}, 400, "invalid_body"),
        ({"amount": "100000.00"}, 409, "credit_refused"),
        ({"amount": "1.00", "to": "refund"}, 409, "credit_refused"),
        ({"unused": {"from": "2099-01-01T00:00:00Z"}}, 409, "credit_refused"),
    ],
)
def test_refusals(service: Service, operator: Client, asked: dict[str, Any], status: int, code: str) -> None:
    """Each says what to change, and nothing is made."""
    client, invoice = billed(service)
    answer = operator.http.post(f"/v1/invoices/{invoice['id']}/credit", json={"reason": "other", **asked})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert client.get("/v1/credit-notes")["items"] == []


def test_a_draft_is_not_credited(service: Service, operator: Client) -> None:
    """It is written anew instead."""
    client = make_team(service.url, "Draft", plan="tariff/small", currency="EUR")
    draft = client.post(f"/v1/teams/{client.team}/invoices", {**OCTOBER, "draft": True})
    answer = operator.http.post(f"/v1/invoices/{draft['id']}/credit", json={"reason": "other", "all": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "invoice_state")


async def letter_of(service: Service, invoice: dict[str, Any], position: int) -> Letter:
    """Write the letter with which a credit note goes."""
    url = service._environ["DATABASE_URL"]
    settings = load({"DATABASE_URL": url, "METER_PUBLIC_URL": "https://bill.example"})
    async with await databases.connect(url, autocommit=True) as conn:
        found = await invoices.get(conn, UUID(invoice["id"]), None)
        assert found is not None
        return await composer(settings)(conn, found, words.credit_note(position))


def test_it_is_mailed_with_its_pdf(service: Service, operator: Client) -> None:
    """To owner and billing address, once; the letter names both numbers, the amount and where it went."""
    client, invoice = billed(service)
    note = credit(operator, invoice, amount="10.00")
    position = int(note["number"].removeprefix("CN-"))
    mails = [each for each in client.get("/v1/mail", invoice=invoice["id"])["items"] if each["kind"] != "invoice"]
    assert sorted(each["to"] for each in mails) == ["alice@example.com", "pay@example.org"]
    subject = f"Credit note {note['number']} for invoice {invoice['number']} from {SELLER['METER_SELLER_NAME']}"
    assert {(each["kind"], each["subject"]) for each in mails} == {(f"credit_note_{position}", subject)}
    letter = asyncio.run(letter_of(service, invoice, position))
    total = numbers.money(Decimal(note["total"]), "EUR", LOCALE)
    for said in (letter.text, plain(letter.html)):
        for expected in (f"Credit note {note['number']}", f"{total} of invoice {invoice['number']}", "credit note is"):
            assert " ".join(expected.split()) in " ".join(said.split())
    assert (letter.file_name, letter.pdf[:5]) == (f"{note['number']}.pdf", b"%PDF-")
    assert note["number"] in text_of(letter.pdf)
