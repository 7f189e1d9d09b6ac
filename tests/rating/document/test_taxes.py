"""Taxes: which rates a line has, what they come to, and that they add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meter.rating.document import Document
from tests.rating.document.cast import line, settled

EU = [{"name": "EU", "countries": ["FR", "DE", "ES"]}]
VAT = {"name": "VAT", "percent": 20}


def sums(document: Document) -> tuple[str, str, str]:
    """Net, tax, total."""
    return str(document.net), str(document.tax), str(document.total)


def taxed(amount: str, *rates: dict[str, Any], category: str = "", currency: str = "USD", **taxes: Any) -> Document:
    """One line with these rates."""
    return settled(
        line(amount, category=category, currency=currency), currency=currency, taxes={"rates": rates, **taxes}
    )


@pytest.mark.parametrize(
    ("amount", "rates", "expected"),
    [
        ("100", [VAT], ("100.00", "20.00", "120.00")),
        ("0.12", [VAT], ("0.12", "0.02", "0.14")),
        ("100", [{**VAT, "inclusive": True}], ("83.33", "16.67", "100.00")),
        ("119", [{"name": "USt", "percent": 19, "inclusive": True}], ("100.00", "19.00", "119.00")),
        ("100", [{"name": "A", "percent": "6.25"}, {"name": "B", "percent": "2.125"}], ("100.00", "8.38", "108.38")),
        ("100", [{"name": "GST", "percent": 5}, {"name": "QST", "percent": "9.975"}], ("100.00", "14.98", "114.98")),
        # 100 holds 20 %: 83.33 without; the city's 10 % of that comes on top.
        ("100", [{**VAT, "inclusive": True}, {"name": "City", "percent": 10}], ("83.33", "25.00", "108.33")),
        ("-100", [VAT], ("-100.00", "-20.00", "-120.00")),
        ("100", [{"name": "Zero", "percent": 0}], ("100.00", "0.00", "100.00")),
    ],
)
def test_by_hand(amount: str, rates: list[dict[str, Any]], expected: tuple[str, str, str]) -> None:
    """On top, within, several that add up, both kinds at once, and of a credit."""
    document = taxed(amount, *rates)
    assert sums(document) == expected
    assert sum(each.amount for each in document.taxes) == document.tax


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [("JPY", "999", ("999", "100", "1099")), ("KWD", "0.999", ("0.999", "0.100", "1.099"))],
)
def test_in_the_currencys_minor_unit(currency: str, amount: str, expected: tuple[str, str, str]) -> None:
    """99.9 yen of tax are 100, and 0.0999 dinar 0.100."""
    assert sums(taxed(amount, {"name": "VAT", "percent": 10}, currency=currency)) == expected


def test_rounded_once_over_all_lines_and_rates() -> None:
    """Ten lines of 0.12 owe 0.24, where each alone would owe 0.02; two halves of a cent are one."""
    document = settled(*(line("0.12", f"p{at}") for at in range(10)), taxes={"rates": [VAT]})
    assert str(document.tax) == "0.24"
    assert sorted(str(each.tax) for each in document.lines) == ["0.02"] * 6 + ["0.03"] * 4
    two = taxed("0.10", {"name": "A", "percent": 5}, {"name": "B", "percent": 5})
    assert str(two.tax) == "0.01"
    assert [(each.name, str(each.amount)) for each in two.taxes] == [("A", "0.01"), ("B", "0.00")]


RATES = [
    {"name": "VAT", "percent": 20},
    {"name": "VAT", "percent": 19, "country": "DE"},
    {"name": "VAT", "percent": 7, "country": "DE", "category": "books"},
    {"name": "VAT", "percent": 6, "category": "books"},
    {"name": "State", "percent": 4, "country": "US", "region": "NY"},
    {"name": "VAT", "percent": 0, "country": "US"},
]


@pytest.mark.parametrize(
    ("place", "category", "expected"),
    [
        ({"country": "FR"}, "", ["20"]),
        ({"country": "FR"}, "books", ["6"]),
        ({"country": "DE"}, "", ["19"]),
        ({"country": "DE"}, "books", ["7"]),
        ({"country": "DE", "region": "BY"}, "toys", ["19"]),
        ({"country": "US"}, "", ["0"]),
        ({"country": "US", "region": "NY"}, "", ["4", "0"]),
        ({"country": "US", "region": "CA"}, "books", ["6"]),  # what is sold says more than where
    ],
)
def test_category_and_place(place: dict[str, str], category: str, expected: list[str]) -> None:
    """Of one name the most specific that fits holds; names add up."""
    document = taxed("100", *RATES, category=category, customer=place)
    assert [f"{each.percent:f}" for each in document.lines[0].taxes] == expected


def test_a_line_without_a_rate_says_so() -> None:
    """Nothing is taxed by guess, and nothing goes untaxed in silence."""
    rates = [{"name": "VAT", "percent": 19, "country": "DE"}]
    document = settled(line("10"), taxes={"rates": rates, "customer": {"country": "FR"}})
    assert (str(document.tax), document.lines[0].untaxed) == ("0.00", "no_rate")
    assert document.derivation[0].facts == {"reason": "no_rate", "lines": "1", "base": "10"}
    assert settled(line("10")).lines[0].untaxed == ""


@pytest.mark.parametrize(
    ("customer", "seller", "tax"),
    [
        ({"country": "DE", "business": True, "tax_id": "DE1"}, "FR", "0.00"),
        ({"country": "DE", "business": True, "tax_id": "DE1"}, "DE", "20.00"),  # at home
        ({"country": "DE", "business": True}, "FR", "20.00"),  # no number
        ({"country": "DE", "tax_id": "DE1"}, "FR", "20.00"),  # no business
        ({"country": "US", "business": True, "tax_id": "1"}, "FR", "20.00"),  # not of the area
        ({"country": "DE", "business": True, "tax_id": "DE1"}, "GB", "20.00"),  # the seller is not
    ],
)
def test_reverse_charge(customer: dict[str, Any], seller: str, tax: str) -> None:
    """A business with a tax id in another country of an area owes the tax itself, and the invoice says why."""
    document = taxed("100", VAT, customer=customer, seller={"country": seller}, areas=EU)
    assert str(document.tax) == tax
    if tax == "0.00":
        said = "business DE1 in DE, seller in FR, both of EU"
        assert document.lines[0].untaxed == f"reverse charge: {said}; the customer owes the tax"


def test_exempt() -> None:
    """No tax, for the reason given; prices that contain tax stay what they are."""
    customer = {"country": "DE", "exempt": "school, certificate 12"}
    document = taxed("100", {**VAT, "inclusive": True}, customer=customer)
    assert (sums(document), document.lines[0].untaxed) == (
        ("100.00", "0.00", "100.00"),
        "exempt: school, certificate 12",
    )


def test_tax_is_on_what_coupons_leave() -> None:
    """Gifts were never paid, so they are not taxed; of an inclusive price too."""
    coupons, grants = [{"name": "A", "percent": 50}], [{"name": "G", "amount": "10"}]
    document = settled(line("100"), coupons=coupons, grants=grants, taxes={"rates": [VAT]})
    assert sums(document) == ("40.00", "8.00", "48.00")
    assert sums(settled(line("100"), coupons=coupons, taxes={"rates": [{**VAT, "inclusive": True}]})) == (
        "41.67",
        "8.33",
        "50.00",
    )


def test_a_tie_is_told_from_what_is_just_below() -> None:
    """0.10 off by thirds, at 10 % and 40 %, leaves exactly half a cent: cut thirds would round it down."""
    rates = [{"name": "VAT", "percent": 10, "category": "a"}, {"name": "VAT", "percent": 40, "category": "b"}]
    lines = line("0.10", "a", category="a"), line("0.20", "b", category="b")
    for cents in range(1, 30):
        off = Decimal(cents) / 100
        document = settled(*lines, coupons=[{"name": "A", "amount": str(off)}], taxes={"rates": rates})
        exact = Decimal("0.09") * (30 - cents) / 30  # 0.01 of a, 0.08 of b
        assert document.tax == exact.quantize(Decimal("0.01"), "ROUND_HALF_UP"), off
