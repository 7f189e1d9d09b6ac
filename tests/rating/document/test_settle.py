"""The whole of it: order, sums, derivation."""

from __future__ import annotations

from decimal import Decimal, localcontext

from meter.rating.document import Terms, items_of, settle
from meter.rating.document.settle import ORDER
from tests.rating.cast import MARCH, demo, rated, used
from tests.rating.document.cast import fee, line, settled


def test_the_order_of_steps_is_the_documented_one() -> None:
    """Whoever changes it changes invoices."""
    assert [f"{step.__module__.rpartition('.')[2]}.{step.__name__}" for step in ORDER] == [
        "exchange.apply",
        "commitment.apply",
        "spend.maximum",
        "spend.minimum",
        "coupons.coupons",
        "coupons.grants",
        "taxes.apply",
    ]


def test_without_terms_the_total_is_that_of_the_lines() -> None:
    """A demo plan, settled, owes what it owed."""
    result = rated(demo("calls", "pro"), used("requests", 61234, "alice"), used("requests", 2766, "bob"))
    document = settle(items_of(result), Terms(), "USD", MARCH)
    assert (document.total, document.subtotal, document.tax) == (result.total, result.total, Decimal(0))
    assert [each.line for each in document.lines] == list(result.lines)
    assert {each.member: each.amount for each in document.members} == {
        each.member: each.amount for each in result.members
    }
    assert {each.plan for each in document.lines} == {"pro"}


def test_nothing_is_nothing() -> None:
    """No lines, no terms: zero, with the currency's places."""
    document = settled(currency="JPY")
    assert (str(document.total), document.lines, document.members) == ("0", (), ())
    assert str(settled().total) == "0.00"


def test_everything_at_once_by_hand() -> None:
    """Each figure is worked out beside the step it is of."""
    alice = line("900", members={"alice": Decimal(1)}, exact="900")
    document = settled(
        fee("100"),
        alice,
        exchange={
            "to": "EUR",
            "rates": [{"from": "USD", "to": "EUR", "rate": "0.9", "valid_from": "2026-01-01T00:00:00Z"}],
        },  # 90 and 810
        commitment={"amount": "800", "overage_factor": 2},  # 10 above, again 10: 910
        spend={"minimum": "50", "maximum": "900"},  # 10 off
        coupons=[{"name": "ten", "percent": 10}],  # 90 off
        grants=[{"name": "gift", "amount": "60"}],  # 750 left
        taxes={"rates": [{"name": "VAT", "percent": 20}]},  # 150
    )
    sums = document.subtotal, document.spend_discount, document.coupons_total, document.net, document.tax
    assert [str(each) for each in (*sums, document.total)] == [
        "910.00",
        "10.00",
        "150.00",
        "750.00",
        "150.00",
        "900.00",
    ]
    assert [(each.name, *map(str, each.facts.values())) for each in document.derivation] == [
        ("exchange", "USD", "EUR", "0.9", "2026-01-01T00:00:00+00:00"),
        ("commitment", "800", "usage", "10", "2", "10"),
        ("maximum", "900", "910", "10"),
        ("coupon", "ten", "3", "900", "10", "90.00"),
        ("grant", "gift", "3", "810", "60", "60.00"),
        ("tax", "VAT", "20", "750", "150", "150.00"),
        ("round", "tax", "150", "half up", "150.00"),
        ("total", "910.00", "10.00", "150.00", "150.00", "0.00", "900.00"),
    ]
    # 90, 810 and 10 of 910 are 89.01, 801.10 and 9.89 of 900; alice has the usage and what it costs more.
    assert [str(each.total) for each in document.lines] == ["89.01", "801.10", "9.89"]
    assert {each.member: str(each.amount) for each in document.members} == {"alice": "810.99", None: "89.01"}


def test_the_callers_decimal_context_has_no_say() -> None:
    """A process that set three digits gets the same document."""

    def whole() -> object:
        return settled(
            line("12345.67", "a"),
            line("0.01", "b"),
            commitment={"amount": "10000", "overage_factor": "1.333"},
            coupons=[{"name": "A", "percent": "33.33"}],
            taxes={"rates": [{"name": "VAT", "percent": "19.6", "inclusive": True}]},
        )

    expected = whole()
    with localcontext(prec=3):
        assert whole() == expected
