"""When usage of a plan is paid: read, refused where a use has no price yet, agreed with a team; invoices don't care."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from meter.prices.apply import only_adds
from meter.rating.book import Book, demo_books
from meter.rating.book_diff import Difference, diff
from meter.rating.book_mistakes import mistakes
from meter.rating.plan import CHARGE
from meter.rating.table import BookError
from tests.rating.books import OTHER, TEAM, read
from tests.rating.cast import demo, plan_of, rated, used

CALLS = 'prices.calls = { title = "C", meter = "calls", unit = "call", unit_amount = "1", per = 10, included = 5 }\n'
TIERS = "tiers = [{ up_to = 10, unit_amount = '1' }, { unit_amount = '0.5' }]"
GRADUATED = f'prices.calls = {{ title = "C", meter = "calls", unit = "call", model = "graduated", {TIERS} }}\n'
VOLUME = GRADUATED.replace("graduated", "volume")
WHY_VOLUME = "all units cost what the whole period's quantity says, which is known when it ends"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def book(plans: str) -> Book:
    """A book of some plans."""
    return read(f'name = "o"\ntitle = "O"\ncurrency = "USD"\n{plans}')


def peak(more: str = "") -> str:
    """A price of CPU levels, or with other fields of something else."""
    return f'prices.cpu = {{ title = "CPU", meter = "cpu", unit = "core", unit_amount = "1"{more} }}\n'


def test_usage_is_on_the_invoice_unless_said_otherwise() -> None:
    """Every demo plan but the one that is prepaid, and a plan that says nothing."""
    assert plan_of(CALLS).charge == "invoice"
    others = {(each.name, plan.name): plan.charge for each in demo_books() for plan in each.plans.values()}
    assert {name: charge for name, charge in others.items() if charge != "invoice"} == {
        ("credits", "prepaid"): "prepaid"
    }


@pytest.mark.parametrize("charge", CHARGE)
@pytest.mark.parametrize("price", [CALLS, GRADUATED])
def test_an_invoice_is_the_same_however_usage_is_paid(charge: str, price: str) -> None:
    """Rating does not look at it."""
    plan = plan_of(f'base_fee = "5"\ncharge = "{charge}"\n{price}')
    assert plan.charge == charge
    result, plain = rated(plan, used("calls", 25)), rated(plan_of(f'base_fee = "5"\n{price}'), used("calls", 25))
    assert (result.lines, result.total) == (plain.lines, plain.total)


def test_the_prepaid_demo_plan_costs_what_the_other_does() -> None:
    """Two plans of the same prices, one in advance."""
    payg, prepaid = demo("credits", "payg"), demo("credits", "prepaid")
    assert (prepaid.prices, prepaid.unbilled) == (payg.prices, payg.unbilled)


@pytest.mark.parametrize("charge", ["immediate", "prepaid"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (VOLUME, f'prices: calls can\'t be charged as it is used: {WHY_VOLUME}; write charge = "invoice", or another'),
        (peak(', measure = "peak"'), "prices: cpu can't be charged as it is used: the level of the whole period is"),
        (peak(', minimum = "1.00"'), "prices: cpu can't be charged as it is used: a minimum is owed"),
        (peak(', maximum = "1.00", prorate = "days"'), "prices: cpu can't be charged as it is used: its maximum is"),
        (
            CALLS + 'commitment = { amount = "20.00" }',
            "commitment: is about the sum of an invoice, and usage is charged",
        ),
        (CALLS + 'spend = { maximum = "20.00" }', "spend: is about the sum of an invoice, and usage is charged before"),
    ],
)
def test_what_only_the_end_of_a_period_tells_is_refused(charge: str, body: str, said: str) -> None:
    """By the name of the price, with the reason and what to write; on the invoice it is fine."""
    with pytest.raises(BookError) as caught:
        plan_of(f'charge = "{charge}"\n{body}')
    assert f"[plans.plan] {said}" in str(caught.value)
    assert plan_of(f'charge = "invoice"\n{body}').charge == "invoice"


def test_a_word_that_is_none_is_refused() -> None:
    """With those there are."""
    with pytest.raises(BookError, match=r"charge: 'now' is unknown; write one of invoice, immediate, prepaid"):
        plan_of('charge = "now"')


def test_fees_are_the_invoices() -> None:
    """A base fee, a flat price with a minimum and seats that are counted by the subscription stand beside it."""
    fee = 'prices.fee = { title = "F", model = "flat", unit_amount = "1", minimum = "2.00", prorate = "time" }\n'
    assert plan_of(f'charge = "prepaid"\nbase_fee = "5"\n{fee}{CALLS}').charge == "prepaid"


def test_every_mistake_of_a_book_has_this_one() -> None:
    """Beside another one, each on its line."""
    text = (
        f'name = "o"\ntitle = "O"\ncurrency = "USD"\n[plans.a]\ntitle = "A"\ncharge = "immediate"\n{VOLUME}'
        '[plans.b]\ntitle = "B"\ncharge = "never"\n'
    )
    assert [(each.table, each.field, each.line) for each in mistakes(text, "o.toml", {})] == [
        ("plans.a", "prices", 7),
        ("plans.b", "charge", 10),
    ]


PLANS = f'[plans.a]\ntitle = "A"\ncharge = "prepaid"\n{CALLS}[plans.b]\ntitle = "B"\n{CALLS}'


def agreed(body: str) -> Book:
    """A prepaid plan and one by invoice, and what was agreed with a team."""
    return book(f'{PLANS}[[overrides]]\nteam = "{TEAM}"\n{body}')


def test_it_may_be_agreed_with_a_team() -> None:
    """One that is known pays by invoice; without a plan it is for all, and beside other prices it stays."""
    known = agreed('plan = "a"\ncharge = "invoice"')
    assert known.plan_for("a", UUID(TEAM), NOW).charge == "invoice"
    assert known.plan_for("a", UUID(OTHER), NOW).charge == "prepaid"
    everywhere = agreed('charge = "immediate"').overrides[0].plans
    assert {name: plan.charge for name, plan in everywhere.items()} == {"a": "immediate", "b": "immediate"}
    dearer = agreed('prices.calls.unit_amount = "3"').overrides[0].plans
    assert {name: plan.charge for name, plan in dearer.items()} == {"a": "prepaid", "b": "invoice"}


def test_what_is_agreed_is_held_against_it() -> None:
    """A price of the team's own must have a charge where the plan says so, and the other way round."""
    other = f"model = 'volume', {TIERS}"
    with pytest.raises(BookError, match=r"\[overrides\[1\]\] prices: calls can't be charged as it is used: all units"):
        agreed(f'plan = "a"\nprices.calls = {{ {other} }}')
    with pytest.raises(BookError, match=r"\[overrides\[1\]\] prices: calls can't be charged as it is used: all units"):
        agreed(f'plan = "b"\ncharge = "immediate"\nprices.calls = {{ {other} }}')
    with pytest.raises(BookError, match=r"\[overrides\[1\]\] charge: 'x' is unknown; write one of invoice, immediate"):
        agreed('charge = "x"')
    by_invoice = agreed(f'plan = "a"\ncharge = "invoice"\nprices.calls = {{ {other} }}').overrides[0].plans["a"]
    assert (by_invoice.charge, by_invoice.prices[0].model) == ("invoice", "volume")


def test_a_change_of_it_is_a_difference() -> None:
    """Of the plan, under the name that the file has."""
    old, new = book(PLANS), book(PLANS.replace('"prepaid"', '"immediate"'))
    assert diff(old, new) == (Difference("plans.a.charge", "prepaid", "immediate"),)


def test_a_change_of_it_changes_no_final_invoice() -> None:
    """A version may bring it where invoices are final; together with another price it may not."""
    plan = plan_of(CALLS)
    assert only_adds(plan, replace(plan, charge="prepaid"))
    assert not only_adds(plan, replace(plan, charge="prepaid", base_fee=Decimal(1)))
