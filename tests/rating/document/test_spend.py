"""The least and the most of an invoice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meter.rating.document import Earlier
from meter.rating.money import round_money
from tests.rating.document.cast import FIRST, LAST, amounts, case, fee, line, served, settled


def test_a_prorated_minimum_with_tax_of_a_peer() -> None:
    """10.00 for 25 of 28 days is 8.92857, so 0.93 is missing to 8.00; the tax of both is rounded once."""
    expected = case("lago-min-02")["expected"]
    vat = {"rates": [{"name": "VAT", "percent": 20}]}
    document = settled(line("8.00"), split=served(25, 28), spend={"minimum": "10", "prorate": "days"}, taxes=vat)
    usage, true_up = document.lines
    found = {
        "usage_cents": usage.line.amount,
        "usage_tax_cents": usage.tax,
        "true_up_cents": true_up.line.amount,
        "true_up_tax_cents": true_up.tax,
        "fees_cents": document.subtotal,
        "tax_cents": document.tax,
        "total_cents": document.total,
    }
    assert {name: f"{amount * 100:.0f}" for name, amount in found.items()} == expected
    assert str(true_up.line.exact).startswith("0.928571428571")
    assert [str(round_money(each.tax_exact, "USD")) for each in document.lines] == ["1.60", "0.19"]


@pytest.mark.parametrize(
    ("usage", "total", "off", "added"),
    [
        ("0", "10.00", "0.00", {("spend", "minimum"): "10.00"}),
        ("9.99", "10.00", "0.00", {("spend", "minimum"): "0.01"}),
        ("10", "10.00", "0.00", {}),
        ("50", "50.00", "0.00", {}),
        ("100", "100.00", "0.00", {}),
        ("100.01", "100.00", "0.01", {}),
        ("300", "100.00", "200.00", {}),
        ("-5", "10.00", "0.00", {("spend", "minimum"): "15.00"}),
    ],
)
def test_bounds(usage: str, total: str, off: str, added: dict[tuple[str, str], str]) -> None:
    """Never below 10 and never above 100."""
    document = settled(line(usage), spend={"minimum": "10", "maximum": "100"})
    assert (str(document.total), str(document.spend_discount)) == (total, off)
    assert amounts(document) == {("calls", "usage"): usage, **added}


def test_what_is_above_the_maximum_comes_off_all_lines() -> None:
    """Each line by its part, exactly; what is shown are whole cents that add up, and credits stay as they are."""
    document = settled(line("10", "a"), line("10", "b"), line("10", "c"), line("-5", "d"), spend={"maximum": "15"})
    assert [str(each.discount) for each in document.lines] == ["3.34", "3.33", "3.33", "0.00"]
    assert [each.kind for each in document.lines[0].discounts] == ["maximum"]
    assert str(document.lines[0].discounts[0].exact).startswith("3.33333333333")
    assert document.total == 15


def test_a_maximum_comes_before_coupons_and_a_minimum_does_too() -> None:
    """Coupons come off what would be asked for; they neither hide what is above nor what is missing."""
    half = [{"name": "A", "percent": 50}]
    assert settled(line("300"), spend={"maximum": "100"}, coupons=half).total == 50
    assert settled(line("4"), spend={"minimum": "10"}, coupons=half).total == 5


def test_bounds_of_a_period_billed_in_parts() -> None:
    """Parts fill the same room, and give back what was taken off where later ones are credits; a minimum is last."""
    most = {"maximum": "100"}
    earlier = Earlier(usage=Decimal(70), fees=Decimal(10))
    assert settled(line("70"), fee("10"), split=FIRST, spend=most).total == 80
    assert settled(line("70"), split=LAST, earlier=earlier, spend=most).total == 20
    beyond = Earlier(usage=Decimal(120))
    assert settled(line("30"), split=LAST, earlier=beyond, spend=most).total == 0
    assert settled(line("-30"), split=LAST, earlier=beyond, spend=most).total == -10
    least = {"minimum": "100"}
    assert settled(line("70"), split=FIRST, spend=least).total == 70
    assert settled(line("5"), split=LAST, earlier=earlier, spend=least).total == 20


def test_a_minimum_has_its_category_and_is_nobodys() -> None:
    """Tax goes by the category that the terms give it."""
    rates = [{"name": "VAT", "percent": 20}, {"name": "VAT", "percent": 5, "category": "service"}]
    document = settled(spend={"minimum": "10", "category": "service"}, taxes={"rates": rates})
    assert (str(document.tax), document.lines[0].line.members[0].member) == ("0.50", None)


def test_a_maximum_of_part_of_a_cent_is_rounded_once() -> None:
    """10.00 for 25 of 28 days is 8.92857: 20.00 less 11.07142."""
    document = settled(line("20"), split=served(25, 28), spend={"maximum": "10", "prorate": "time"})
    assert (str(document.spend_discount), str(document.total)) == ("11.07", "8.93")
    assert settled(line("20"), split=served(25, 28), spend={"maximum": "10"}).total == 10
