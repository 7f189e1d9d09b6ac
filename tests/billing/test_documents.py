"""One invoice, four forms: what the API says is on the paper, in the page and in the CSV, to the cent."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from dashboards import numbers
from dashboards.csp import CSP
from dashboards.invoice_short import MEMBERS_MAX
from meter.invoices import Party
from tests.billing.papers import (
    OCTOBER,
    PROFILE,
    SELLER,
    SEPTEMBER,
    YEAR,
    billed,
    month_of,
    rows_of,
    selling,
    team,
    text_of,
    used,
)
from tests.conftest import _database
from tests.served import Client, Service

LOCALE = "de_DE"


@pytest.fixture(scope="module", name="service")
def fixture_service(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Answer a running service of a seller with papers."""
    directory: Path = tmp_path_factory.mktemp("papers")
    with _database(postgres_server, postgres_template) as url, selling(url, directory) as running:
        yield running


@pytest.fixture(scope="module", name="customer")
def fixture_customer(service: Service) -> Client:
    """Answer a team that has two months of calls and a profile."""
    client = team(service, timezone="Europe/Berlin")
    put(client, PROFILE)
    client.push([*month_of(9, 1), *month_of(10, 2)])
    return client


def put(client: Client, profile: dict[str, Any], **headers: str) -> httpx.Response:
    """Say who a team's invoices are for."""
    return client.http.put("/v1/billing/profile", json=profile, headers=headers)


def paper(client: Client, invoice: dict[str, Any], form: str) -> httpx.Response:
    """An invoice in a form."""
    answer = client.http.get(f"/v1/invoices/{invoice['id']}/{form}")
    assert answer.status_code == 200, answer.text
    return answer


def plain(page: str) -> str:
    """The text of a page with single spaces."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def shown(invoice: dict[str, Any], locale: str = LOCALE) -> Iterator[str]:
    """Every figure of the JSON, as a reader of that locale writes it."""
    currency = invoice["currency"]
    yield numbers.money(Decimal(invoice["total"]), currency, locale)
    for line in invoice["lines"]:
        yield line["description"]
        yield numbers.money(Decimal(line["amount"]), currency, locale)
        if line["kind"] == "usage":
            yield numbers.quantity(Decimal(line["quantity"]), locale)
            if line["unit_amount"] and Decimal(line["unit_amount"]):
                yield numbers.unit_price(Decimal(line["unit_amount"]), currency, locale)
    for member in invoice["members"]:
        yield member["member"] or "Not attributed to a member"
        yield numbers.money(Decimal(member["amount"]), currency, locale)
        for quantity in member["usage"].values():
            yield numbers.quantity(Decimal(quantity), locale)


def test_every_form_says_what_the_json_says(customer: Client) -> None:
    """Each amount, quantity, price and name of the JSON is on paper, in the page and in the CSV, and both parties."""
    invoice = billed(customer, OCTOBER)
    assert Decimal(invoice["total"]) > Decimal("49.00")
    text, page = text_of(paper(customer, invoice, "pdf").content), plain(paper(customer, invoice, "html").text)
    figures = [" ".join(each.split()) for each in shown(invoice)]
    parties = [
        *re.split("; ", "; ".join(value for name, value in SELLER.items() if name != "METER_SELLER_PAYMENT")),
        *PROFILE["address"],
        *PROFILE["tax_ids"],
        PROFILE["name"],
        PROFILE["reference"],
        "Germany",
        "Transfer to DE00 0000 0000 0000 0000 00",
        f"Payment reference: {invoice['number']}",
        f"01.10.{YEAR} \N{EN DASH} 31.10.{YEAR}",
    ]
    for where, said in {"pdf": text, "html": page}.items():
        assert [each for each in (*figures, *parties, invoice["number"]) if each not in said] == [], where

    rows = rows_of(paper(customer, invoice, "csv").text)
    lines = [row for row in rows if row["row"] == "line"]
    names = ("description", "amount", "meter", "price", "plan", "price_version", "discount", "tax", "total")
    assert [[row[name] for name in names] for row in lines] == [
        [line[name] for name in names] for line in invoice["lines"]
    ]
    members = [row for row in rows if row["row"] == "member"]
    assert [(row["member"], row["amount"]) for row in members] == [
        (each["member"] or "", each["amount"]) for each in invoice["members"]
    ]
    used_ = {(row["member"], row["meter"]): row["quantity"] for row in rows if row["row"] == "usage"}
    assert used_ == {
        (each["member"] or "", meter): quantity
        for each in invoice["members"]
        for meter, quantity in each["usage"].items()
    }
    (total,) = [row["amount"] for row in rows if row["row"] == "total"]
    assert total == invoice["total"]
    assert sum(Decimal(row["amount"]) for row in lines) == sum(Decimal(row["amount"]) for row in members)


def test_the_usage_of_the_chart_is_what_was_billed(customer: Client) -> None:
    """Bars for the days of the period that have usage, in the zone of the team; what is corrected later is said."""
    invoice = billed(customer, OCTOBER)
    page = paper(customer, invoice, "html").text
    assert page.count("<rect x=") == 28, "a bar a day with usage"
    assert "Usage was corrected" not in page
    late = used(10, 30, "requests", 5, "alice")
    customer.push([late])
    page = paper(customer, invoice, "html").text
    assert page.count("<rect x=") == 29
    assert "Usage was corrected after the invoice was written" in page


def test_the_page_may_load_nothing(customer: Client) -> None:
    """A browser is told to take its own styles and pictures inside it alone."""
    answer = paper(customer, billed(customer, OCTOBER), "html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy
    assert 'src="data:image/svg+xml;base64,' in answer.text
    assert not re.search(r"<script|<link|url\(|https?://(?!www\.w3\.org/2000/svg)", answer.text)


def test_a_profile_is_kept_for_what_comes_next(service: Service) -> None:
    """An invoice reads for ever as it was written; edits do not cross; who changed it is in the log."""
    client = team(service)
    first = client.http.get("/v1/billing/profile")
    assert (first.json()["name"], first.json()["locale"], first.json()["version"]) == ("Acme", "en", 0)
    assert first.headers["etag"] == '"0"'
    before = billed(client, SEPTEMBER)
    made = put(client, PROFILE, **{"If-Match": '"0"'})
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    assert made.json() | {"changed_at": None} == {
        **PROFILE,
        "locale": "de_DE",
        "email": None,
        "version": 1,
        "changed_at": None,
    }
    assert put(client, {"name": "Other"}, **{"If-Match": '"0"'}).status_code == 412
    after = billed(client, OCTOBER)
    assert PROFILE["name"] not in plain(paper(client, before, "html").text)
    assert PROFILE["name"] in plain(paper(client, after, "html").text)
    operator = Client(service.url)
    assert operator.get("/v1/billing/profile", team=client.team)["name"] == PROFILE["name"]
    assert operator.http.put(f"/v1/billing/profile?team={client.team}", json={}).json()["name"] == "Acme"
    actions = [each["action"] for each in client.get(f"/v1/teams/{client.team}/audit")["items"]]
    assert actions.count("billing_profile.change") == 2
    assert PROFILE["name"] in plain(paper(client, after, "html").text), "what was written stays"


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "ZZ"},
        {"country": "de"},
        {"locale": "tlh"},
        {"locale": "../../etc"},
        {"tax_ids": ["a\nb"]},
        {"address": ["x"] * 9},
        {"name": ""},
        {"vat": "1"},
    ],
)
def test_a_profile_that_cant_be(customer: Client, wrong: dict[str, Any]) -> None:
    """No such country, no such locale, lines that are none, names that are unknown."""
    answer = put(customer, wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")


def test_thousands_of_lines_are_two_pages(service: Service) -> None:
    """Members beyond the paper's are one row there, and each has its own in the CSV."""
    client = team(service)
    count = 3 * MEMBERS_MAX
    client.push([used(10, 1 + at % 28, "requests", 1000 + at, f"member-{at:03}") for at in range(count)])
    invoice = billed(client, OCTOBER)
    assert len(invoice["members"]) > count
    text = text_of(paper(client, invoice, "pdf").content)
    assert text.count("member-") == MEMBERS_MAX - 2
    assert f"{count - MEMBERS_MAX + 2} other members" in text
    assert f"This invoice has {len(invoice['members'])} member rows, added up here." in text
    assert f"GET/v1/invoices/{invoice['id']}/csv" in text.replace(" ", ""), "it may be broken over lines"
    rows = [row for row in rows_of(paper(client, invoice, "csv").text) if row["row"] == "member"]
    assert len(rows) == len(invoice["members"])
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal(invoice["total"])
    assert paper(client, invoice, "html").text.count("member-") == count


def test_names_that_a_spreadsheet_would_run(service: Service) -> None:
    """Names in any script are kept; a formula is a text."""
    names = ["=1+1", "山田 太郎", "שלום עולם", "<b>bold</b>"]
    client = team(service)
    client.push([used(10, 2, "requests", 10, name) for name in names])
    invoice = billed(client, OCTOBER)
    rows = rows_of(paper(client, invoice, "csv").text)
    assert {row["member"] for row in rows if row["row"] == "member"} == {"'=1+1", *names[1:], ""}
    page = paper(client, invoice, "html").text
    assert "&lt;b&gt;bold" in page
    assert "<b>bold" not in page
    assert "山田 太郎" in text_of(paper(client, invoice, "pdf").content)


def test_an_invoice_without_a_line(service: Service) -> None:
    """Nothing used, nothing to pay, and every form says so."""
    client = team(service, "credits/payg")
    invoice = billed(client, OCTOBER)
    assert (invoice["lines"], invoice["total"]) == ([], "0.00")
    assert "Nothing was used in this period" in text_of(paper(client, invoice, "pdf").content)
    assert [row["row"] for row in rows_of(paper(client, invoice, "csv").text)][:2] == ["subtotal", "total"]


def test_the_statement_shows_what_changed(service: Service, customer: Client) -> None:
    """Line by line and member by member beside the month before; links that work; nobody else's."""
    last, this = billed(customer, SEPTEMBER), billed(customer, OCTOBER)
    with httpx.Client(base_url=customer.url) as browser:
        way_in = browser.get(f"/invoices/{this['id']}")
        assert way_in.status_code == 303
        browser.post("/signin", data={"key": customer.key})
        led = browser.get(f"/invoices/{this['id']}")
        page = browser.get(led.headers["location"])
        assert (page.status_code, page.headers["content-security-policy"]) == (200, CSP)
        said = plain(page.text)
        names = {each["member"]: Decimal(each["amount"]) for each in last["members"]}
        for each in this["members"]:
            difference = Decimal(each["amount"]) - names[each["member"]]
            change = numbers.signed(numbers.money(abs(difference), "USD", LOCALE), difference)
            assert " ".join(change.split()) in said, each
        totals = Decimal(this["total"]), Decimal(last["total"])
        for amount in (*totals, abs(totals[0] - totals[1])):
            assert " ".join(numbers.money(amount, "USD", LOCALE).split()) in said
        assert " style=" not in page.text, "the policy allows no inline style"
        for path in re.findall(r'href="(/dashboard/invoices[^"]*)"', page.text):
            assert browser.get(path).status_code == 200, path
        other = billed(team(service, "calls/free"), SEPTEMBER)
        assert browser.get(f"/dashboard/invoices/{other['id']}").status_code == 404


def test_parties_of_invoices_from_before_there_was_more() -> None:
    """A name and lines still read, and print as they did; what is not set is not kept either."""
    old = msgspec.json.decode(b'{"name": "Team", "lines": ["1 Road", "pay@example.com"]}', type=Party)
    assert (old.lines, old.address, old.locale) == (("1 Road", "pay@example.com"), (), "")
    assert msgspec.json.encode(Party("Team")) == b'{"name":"Team"}'
