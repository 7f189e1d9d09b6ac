"""Currencies by stored rates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from meter.rating.line import Discount
from meter.rating.usage import UsageError
from tests.rating.document.cast import line, settled

RATES = [
    {"from": "USD", "to": "EUR", "rate": "0.9", "valid_from": "2026-01-01T00:00:00Z"},
    {"from": "USD", "to": "EUR", "rate": "0.8", "valid_from": "2026-03-15T00:00:00Z"},
    {"from": "USD", "to": "EUR", "rate": "0.7", "valid_from": "2026-04-02T00:00:00Z"},
    {"from": "USD", "to": "JPY", "rate": "150.25", "valid_from": "2026-01-01T00:00:00+09:00"},
    {"from": "USD", "to": "KWD", "rate": "0.30715", "valid_from": "2026-01-01T00:00:00Z"},
]


def to(currency: str, **more: Any) -> dict[str, Any]:
    """Terms for another currency."""
    return {"to": currency, "rates": RATES, **more}


@pytest.mark.parametrize(
    ("exchange", "total"),
    [
        (to("EUR"), "80.00"),  # at the end of March
        (to("EUR", at="2026-03-14T23:59:59Z"), "90.00"),
        (to("EUR", at="2026-03-15T00:00:00Z"), "80.00"),
        (to("EUR", at="2026-03-15T00:30:00+01:00"), "90.00"),
        (to("EUR", at="2027-01-01T00:00:00Z"), "70.00"),
        (to("JPY"), "15025"),
        (to("KWD"), "30.715"),
        (to("USD"), "100.00"),
    ],
)
def test_the_latest_rate_not_after_the_instant(exchange: dict[str, Any], total: str) -> None:
    """100 dollars in the other currency's minor unit."""
    document = settled(line("100"), exchange=exchange)
    assert (document.currency, str(document.total)) == (exchange["to"], total)


@pytest.mark.parametrize(
    ("source", "target", "at"), [("EUR", "USD", None), ("USD", "CHF", None), ("USD", "EUR", "2025-12-31T23:59:59Z")]
)
def test_a_rate_is_never_made_up(source: str, target: str, at: str | None) -> None:
    """Not from the other direction, not for another currency, not from later ones."""
    with pytest.raises(UsageError, match=f"no exchange rate from {source} to {target} at .*; store one"):
        settled(line("100"), currency=source, exchange=to(target, **({"at": at} if at else {})))


def test_from_the_exact_amount_and_rounded_once() -> None:
    """0.004 dollars are 0.00, and 1 yen; which rate it was is in the derivation of document and line."""
    document = settled(line("0.00", exact="0.004"), exchange=to("JPY"))
    (only,) = document.lines
    assert (str(document.total), str(only.line.exact)) == ("1", "0.601")
    facts = {"source": "USD", "target": "JPY", "rate": "150.25", "valid_from": "2026-01-01T00:00:00+09:00"}
    assert document.derivation[0].facts == only.line.derivation[0].facts == facts


def test_a_part_that_makes_up_for_earlier_ones_keeps_what_it_owes() -> None:
    """Where the exact amount is not what is billed, what is billed is converted."""
    assert str(settled(line("7.00", exact="1"), exchange=to("JPY")).total) == "1052"


def test_the_line_is_in_the_other_currency_throughout() -> None:
    """Unit price, discounts, gross and members; they still add up."""
    members: dict[str | None, Decimal] = {"alice": Decimal(1), "bob": Decimal(3)}
    paid = replace(line("10", members=members), gross=Decimal(11), discounts=(Discount("percent", Decimal(1)),))
    (only,) = settled(paid, exchange=to("KWD")).lines
    assert (str(only.line.amount), str(only.line.gross), str(only.line.unit_amount)) == ("3.072", "3.379", "0.30715")
    assert only.line.gross - only.line.discounts[0].amount == only.line.amount
    assert {each.member: str(each.amount) for each in only.line.members} == {"alice": "0.768", "bob": "2.304"}


def test_terms_are_in_the_invoices_currency() -> None:
    """A minimum of 100 and a coupon of 1 are euros there."""
    document = settled(
        line("100"), exchange=to("EUR"), spend={"minimum": "100"}, coupons=[{"name": "A", "amount": "1"}]
    )
    assert [str(each.line.amount) for each in document.lines] == ["80.00", "20.00"]
    assert str(document.total) == "99.00"
