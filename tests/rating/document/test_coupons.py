"""Coupons and grants: who they are for, how long, how much they take, and from which lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meter.rating.document import Document, Item
from meter.rating.money import round_money
from meter.rating.usage import UsageError
from tests.rating.document.cast import amounts, case, fee, line, settled

CENT = Decimal("0.01")


def dollars(cents: str) -> str:
    """Cents as money."""
    return f"{Decimal(cents) * CENT:f}"


def taken(document: Document) -> list[tuple[str, str, str]]:
    """What each coupon took, and why it took nothing."""
    return [(each.name, f"{each.amount:f}", each.reason) for each in document.coupons]


def of_line(document: Document, price: str) -> list[str]:
    """What was taken off a line in whole cents, and of its parts exactly."""
    (found,) = (each for each in document.lines if each.line.price == price)
    return [f"{found.discount:f}", *(f"{each.exact:f}" for each in found.discounts)]


def lago() -> Document:
    """Eight fees of two plans, three coupons, two rates: lago-coupon-01."""
    definition = case("lago-coupon-01")["price_definition"]
    items = [
        Item(line(dollars(each["cents"]), each["id"], meter=each["metric"], category=each["tax_percent"]), each["plan"])
        for each in definition["fees"]
    ]
    coupons = []
    for at, each in enumerate(definition["coupons_in_order"]):
        plan = [each["limited_to_plan"]] if "limited_to_plan" in each else []
        targets = {"meters": each.get("limited_to_metrics", []), "plans": plan}
        coupons.append({"name": f"c{at}", "amount": dollars(each["cents"]), **targets})
    rates = [{"name": "VAT", "percent": percent, "category": str(percent)} for percent in (10, 20)]
    return settled(*items, coupons=coupons, taxes={"rates": rates})


def test_coupons_and_taxes_of_a_peer_to_the_digit() -> None:
    """Spread one after the other over what is left; the tax is 18.89 rounded once, where rounded lines make 18.87."""
    document, expected = lago(), case("lago-coupon-01")["expected"]
    parts = {
        each.line.price: f"{sum(round(part.exact * 100, 5) for part in each.discounts)}" for each in document.lines
    }
    assert parts == expected["coupon_by_fee"]
    alone = {each.line.price: f"{round_money(each.tax_exact, 'USD') * 100:.0f}" for each in document.lines}
    assert alone == expected["tax_cents_by_fee"]
    sums = {
        "fees_cents": document.subtotal,
        "coupons_cents": document.coupons_total,
        "subtotal_excl_tax_cents": document.net,
        "tax_cents": document.tax,
        "total_cents": document.total,
    }
    assert {name: f"{amount * 100:.0f}" for name, amount in sums.items()} == {name: expected[name] for name in sums}
    assert sum(each.tax for each in document.lines) == document.tax


@pytest.mark.parametrize(
    ("coupon", "period", "amount"),
    [
        ({"duration": "once"}, 1, "10.00"),
        ({"duration": "once"}, 2, "0.00"),
        ({"duration": "recurring", "periods": 3}, 3, "10.00"),
        ({"duration": "recurring", "periods": 3}, 4, "0.00"),
        ({"duration": "forever"}, 1000, "10.00"),
    ],
)
def test_duration_goes_by_the_number_of_the_period(coupon: dict[str, Any], period: int, amount: str) -> None:
    """Once is the first period, recurring so many, for ever all."""
    document = settled(line("100"), coupons=[{"name": "A", "percent": 10, "period": period, **coupon}])
    assert taken(document) == [("A", amount, "" if amount != "0.00" else "used up")]


@pytest.mark.parametrize(
    ("targets", "off"),
    [
        ({}, {"base_fee": "2.00", "calls": "3.00", "tokens": "5.00"}),
        ({"prices": ["calls"]}, {"calls": "10.00"}),
        ({"prices": ["calls", "base_fee"]}, {"base_fee": "4.00", "calls": "6.00"}),
        ({"meters": ["tokens.input"]}, {"tokens": "10.00"}),
        ({"plans": ["pro"]}, {"base_fee": "4.00", "calls": "6.00"}),
        ({"categories": ["ai"]}, {"tokens": "10.00"}),
        ({"plans": ["pro"], "meters": ["requests", "tokens.input"]}, {"calls": "10.00"}),
        ({"plans": ["pro"], "categories": ["ai"]}, {}),
    ],
)
def test_targets(targets: dict[str, list[str]], off: dict[str, str]) -> None:
    """Within a list any will do, between lists all must fit; each line gives by its part."""
    tokens = Item(line("50", "tokens", meter="tokens.input", category="ai"), "enterprise")
    document = settled(fee("20"), line("30"), tokens, coupons=[{"name": "A", "amount": "10", **targets}])
    assert {each.line.price: f"{each.discount:f}" for each in document.lines if each.discount} == off
    assert taken(document) == [("A", "10.00", "") if off else ("A", "0.00", "no line")]


def test_a_coupon_takes_no_more_than_there_is() -> None:
    """What is not needed stays with the coupon, and the next one finds nothing."""
    coupons = [{"name": "A", "amount": "50"}, {"name": "B", "percent": 50}]
    document = settled(line("30"), coupons=coupons, grants=[{"name": "G", "amount": "5"}])
    assert taken(document) == [("A", "30.00", ""), ("B", "0.00", "nothing left"), ("G", "0.00", "nothing left")]
    assert [each.left for each in document.coupons] == [20, None, 5]
    assert document.total == 0


def test_the_order_given_is_kept() -> None:
    """Ten off and then half is not half and then ten off; grants are always last."""
    ten, half = {"name": "ten", "amount": "10"}, {"name": "half", "percent": 50}
    grant = [{"name": "gift", "amount": "5"}]
    assert taken(settled(line("100"), coupons=[ten, half], grants=grant)) == [
        ("ten", "10.00", ""),
        ("half", "45.00", ""),
        ("gift", "5.00", ""),
    ]
    assert taken(settled(line("100"), coupons=[half, ten])) == [("half", "50.00", ""), ("ten", "10.00", "")]


def test_a_percentage_is_rounded_once_and_its_cents_go_to_the_largest_remainders() -> None:
    """10 % of three lines of 0.05 is 0.015, so 0.02: not three times 0.01, and not nothing."""
    document = settled(line("0.05", "a"), line("0.05", "b"), line("0.06", "c"), coupons=[{"name": "A", "percent": 10}])
    assert taken(document) == [("A", "0.02", "")]
    assert of_line(document, "a")[0] == "0.01"
    assert of_line(document, "b")[0] == "0.00"
    assert of_line(document, "c") == ["0.01", "0.0075"]


@pytest.mark.parametrize("order", ["abc", "cab", "bca"])
def test_a_cent_that_several_have_the_same_right_to_goes_by_name(order: str) -> None:
    """Of equal lines it is the one that sorts first, wherever it stands; of a tax too."""
    lines = (line("0.35", name) for name in order)
    vat = {"rates": [{"name": "VAT", "percent": 20}]}
    document = settled(*lines, coupons=[{"name": "A", "amount": "0.01"}], taxes=vat)
    assert of_line(document, "a")[0] == "0.01"
    assert {each.line.price: str(each.tax) for each in document.lines} == {"a": "0.07", "b": "0.07", "c": "0.07"}
    odd = settled(*(line("0.12", name) for name in order), taxes=vat)  # 0.072, of which each has 0.024
    assert {each.line.price: str(each.tax) for each in odd.lines} == {"a": "0.03", "b": "0.02", "c": "0.02"}


def test_a_part_of_a_cent_is_left_rather_than_given_twice() -> None:
    """0.01 over two lines leaves half a cent on each; coupons of all of one take 0.00 then, and never below zero."""
    cent, all_of_a = {"name": "cent", "amount": "0.01"}, {"name": "a", "percent": 100, "prices": ["a"]}
    document = settled(line("0.01", "a"), line("0.01", "b"), coupons=[cent, all_of_a])
    assert taken(document) == [("cent", "0.01", ""), ("a", "0.00", "nothing left")]
    assert str(document.total) == "0.01"


def test_credits_count_and_are_not_made_smaller() -> None:
    """A coupon is off what is owed in sum; it is taken from what is owed, and a credit stays as it is."""
    document = settled(line("100"), line("-90", "back"), coupons=[{"name": "A", "amount": "25"}])
    assert taken(document) == [("A", "10.00", "")]
    assert of_line(document, "back") == ["0.00"]
    assert document.total == 0
    assert taken(settled(line("-5"), coupons=[{"name": "A", "percent": 10}])) == [("A", "0.00", "nothing left")]


def test_added_lines_are_discounted_too() -> None:
    """A coupon for everything is for the true-up too; it did not change it."""
    document = settled(line("40"), commitment={"amount": "100"}, coupons=[{"name": "A", "percent": 10}])
    assert amounts(document) == {("calls", "usage"): "40", ("commitment", "true_up"): "60.00"}
    assert [f"{each.discount:f}" for each in document.lines] == ["4.00", "6.00"]
    of_plan = settled(
        line("40"), commitment={"amount": "100"}, coupons=[{"name": "A", "percent": 10, "plans": ["pro"]}]
    )
    assert of_plan.total == document.total == 90


def test_many_nested_coupons_are_exact() -> None:
    """A hundred coupons, half of them for three lines, add up to the cent."""
    lines = [line(f"{at}.37", f"p{at}") for at in range(10, 40)]
    few = ["p10", "p11", "p12"]
    coupons = [{"name": f"c{at}", "amount": "0.17", **({"prices": few} if at % 2 else {})} for at in range(100)]
    document = settled(*lines, coupons=coupons)
    assert document.coupons_total == 17
    assert sum(each.discount for each in document.lines) == 17


def test_coupons_that_cross_each_other_for_ever_are_refused() -> None:
    """Exact parts would double their digits with each; the answer says which coupon, and what to do."""
    lines = [line(f"{at}.37", f"p{at}") for at in range(101, 121)]
    coupons = [
        {"name": f"c{at}", "amount": "0.17", "prices": [f"p{n}" for n in range(101, 121) if (n * (at + 7)) % 5 < 3]}
        for at in range(40)
    ]
    with pytest.raises(UsageError, match=r"the lines of coupon c\d+ cross those of too many .*; give coupons for the"):
        settled(*lines, coupons=coupons)
