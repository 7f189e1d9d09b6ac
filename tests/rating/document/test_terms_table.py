"""Terms as books and requests write them: what is read, and what a mistake is answered with."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from meter.rating.document import Earlier, Terms, read_earlier, read_terms
from meter.rating.document.terms import (
    Area,
    Commitment,
    Coupon,
    Customer,
    Exchange,
    ExchangeRate,
    Grant,
    Place,
    Rate,
    Spend,
    Targets,
    Taxes,
)
from meter.rating.table import BookError, Table
from tests.rating.document.cast import terms_of

TOML = """
commitment = { amount = "1000.00", overage_factor = "1.5", counts = "all", prorate = "days", category = "saas" }
spend = { minimum = "10", maximum = "5000", prorate = "time", category = "saas" }

[[coupons]]
name = "SPRING"
percent = "12.5"
duration = "recurring"
periods = 3
period = 2
plans = ["pro"]
meters = ["tokens.input", "tokens.output"]

[[coupons]]
name = "SORRY"
amount = "20"

[[grants]]
name = "welcome"
amount = "50.00"
categories = ["ai"]

[taxes]
rates = [
    { name = "VAT", percent = 20, category = "saas", inclusive = true },
    { name = "State", percent = "6.25", country = "US", region = "CA" },
]
customer = { country = "DE", region = "BE", business = true, tax_id = "DE123", exempt = "school" }
seller = { country = "FR" }
areas = [{ name = "EU", countries = ["DE", "FR"] }]

[exchange]
to = "EUR"
at = 2026-03-31T12:00:00Z
rates = [{ from = "USD", to = "EUR", rate = "0.92", valid_from = 2026-03-01T00:00:00Z }]
"""


def test_every_field() -> None:
    """A book says it all."""
    fields = tomllib.loads(TOML, parse_float=Decimal)
    assert read_terms(Table("book.toml", "terms", fields), "USD") == Terms(
        commitment=Commitment(
            amount=Decimal(1000), overage_factor=Decimal("1.5"), counts="all", prorate="days", category="saas"
        ),
        spend=Spend(minimum=Decimal(10), maximum=Decimal(5000), prorate="time", category="saas"),
        coupons=(
            Coupon(
                name="SPRING",
                percent=Decimal("12.5"),
                duration="recurring",
                periods=3,
                period=2,
                targets=Targets(plans=("pro",), meters=("tokens.input", "tokens.output")),
            ),
            Coupon(name="SORRY", amount=Decimal(20)),
        ),
        grants=(Grant(name="welcome", amount=Decimal(50), targets=Targets(categories=("ai",))),),
        taxes=Taxes(
            rates=(
                Rate(name="VAT", percent=Decimal(20), category="saas", inclusive=True),
                Rate(name="State", percent=Decimal("6.25"), place=Place("US", "CA")),
            ),
            customer=Customer(place=Place("DE", "BE"), business=True, tax_id="DE123", exempt="school"),
            seller=Place("FR"),
            areas=(Area("EU", ("DE", "FR")),),
        ),
        exchange=Exchange(
            to="EUR",
            at=datetime(2026, 3, 31, 12, tzinfo=UTC),
            rates=(
                ExchangeRate(
                    source="USD", target="EUR", rate=Decimal("0.92"), valid_from=datetime(2026, 3, 1, tzinfo=UTC)
                ),
            ),
        ),
    )


def test_nothing_agreed() -> None:
    """Every field may be left out."""
    assert terms_of() == Terms()
    assert read_earlier(Table("request", "earlier", {"usage": "1.50"})) == Earlier(usage=Decimal("1.5"))


ONE = {"name": "A", "amount": "1"}
RATE = {"name": "VAT", "percent": 20}
EXCHANGE = {"from": "USD", "to": "EUR", "rate": "0.9", "valid_from": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"coupon": []}, "[document] coupon: unknown field; did you mean coupons?"),
        ({"commitment": {}}, '[document.commitment] amount: is missing; write amount = "20.00"'),
        ({"commitment": {"amount": 5}}, 'amount: 5 is not quoted; money is text in a book, write amount = "5"'),
        ({"commitment": {"amount": "0.001"}}, "[document.commitment] amount: 0.001 is not a multiple of 0.01"),
        (
            {"commitment": {"amount": "5", "overage_factor": "0.9"}},
            "overage_factor: 0.9 would make usage above the commitment cheaper; write 1 or more",
        ),
        ({"commitment": {"amount": "5", "counts": "fees"}}, "counts: 'fees' is unknown; write one of usage, all"),
        ({"commitment": {"amount": "5", "prorate": "hours"}}, "'hours' is unknown; write one of never, time, days"),
        ({"spend": {}}, "[document.spend] minimum: is missing, and so is maximum"),
        ({"spend": {"minimum": "9", "maximum": "8"}}, "minimum: 9 is above the maximum, 8; write a smaller one"),
        ({"coupons": [{"name": "A"}]}, "[document.coupons[1]] percent: write either percent or amount"),
        ({"coupons": [{**ONE, "percent": 5}]}, "percent: write either percent or amount"),
        ({"coupons": [{"name": "A", "percent": 101}]}, "percent: 101 percent is more than all; write up to 100"),
        ({"coupons": [{"name": "A", "percent": 0}]}, "percent: 0 is not allowed; write a number above zero"),
        ({"coupons": [{**ONE, "duration": "recurring"}]}, "periods: is for recurring coupons, and they need it"),
        ({"coupons": [{**ONE, "periods": 2}]}, "periods: is for recurring coupons, and they need it"),
        ({"coupons": [{**ONE, "period": "1.5"}]}, "period: 1.5 is not a whole number; write period = 3"),
        ({"coupons": [{**ONE, "prices": "calls"}]}, "prices: 'calls' is not a list of names"),
        ({"coupons": [ONE], "grants": [ONE]}, "coupons: there are two coupons or grants A; give each a name"),
        ({"grants": [{"name": "A"}]}, "[document.grants[1]] amount: is missing"),
        ({"taxes": {}}, "[document.taxes] rates: is missing"),
        ({"taxes": {"rates": [RATE, RATE]}}, "rates: there are two rates VAT for the same category and place"),
        ({"taxes": {"rates": [{**RATE, "region": "NY"}]}}, "[document.taxes.rates[1]] region: is a region of no"),
        ({"taxes": {"rates": [{**RATE, "country": "France"}]}}, "country: 'France' is not a country; write its ISO"),
        ({"taxes": {"rates": [RATE], "customer": {"business": True}}}, "[document.taxes.customer] country: is missing"),
        (
            {"taxes": {"rates": [RATE], "areas": [{"name": "EU", "countries": ["FR"]}]}},
            'seller: is missing, and areas need it; write seller = { country = "FR" }',
        ),
        (
            {"taxes": {"rates": [RATE], "areas": [{"name": "EU", "countries": ["fr"]}], "seller": {"country": "FR"}}},
            "[document.taxes.areas[1]] countries: 'fr' is not a country",
        ),
        ({"exchange": {"to": "EUR"}}, "[document.exchange] rates: is missing"),
        ({"exchange": {"to": "EURO", "rates": [EXCHANGE]}}, "to: unknown currency; 'EURO' is not a currency"),
        ({"exchange": {"to": "EUR", "rates": [EXCHANGE] * 2}}, "rates: there are two rates from USD to EUR since 2026"),
        ({"exchange": {"to": "EUR", "rates": [{**EXCHANGE, "rate": 0}]}}, "rate: 0 is not allowed"),
        (
            {"exchange": {"to": "EUR", "rates": [{**EXCHANGE, "valid_from": "2026-01-01T00:00:00"}]}},
            "valid_from: 2026-01-01 00:00:00 is not a point in time with its zone; write",
        ),
        (
            {"exchange": {"to": "EUR", "rates": [{**EXCHANGE, "valid_from": "soon"}]}},
            "valid_from: 'soon' is not a point in time; write \"2026-03-31T00:00:00Z\"",
        ),
    ],
)
def test_a_mistake_names_the_field_and_what_to_write(fields: dict[str, Any], message: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(BookError) as caught:
        terms_of(**fields)
    assert message in str(caught.value)


def test_amounts_are_whole_minor_units_of_the_invoices_currency() -> None:
    """One and a half yen are nothing that could be promised."""
    exchange = {"to": "JPY", "rates": [{**EXCHANGE, "to": "JPY"}]}
    with pytest.raises(BookError, match=r"minimum: 1.5 is not a multiple of 1; write \"1\" or more"):
        terms_of(spend={"minimum": "1.5"}, exchange=exchange)
    assert terms_of(spend={"minimum": "1.5"}).spend == Spend(minimum=Decimal("1.5"))


def test_unknown_earlier_is_refused() -> None:
    """A word that nobody reads would be billed as nothing."""
    with pytest.raises(BookError, match=r"usages: unknown field; did you mean usage\?"):
        read_earlier(Table("request", "earlier", {"usages": "1"}))
