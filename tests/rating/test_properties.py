"""What must hold for any usage and any plan, by hypothesis, against sums of plain fractions."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.book import demo_books
from meter.rating.invoice import RATING_VERSION
from meter.rating.money import round_money
from meter.rating.order import ORDER
from meter.rating.usage import Usage
from tests.rating.cast import amounts, demo, only, per_unit, plan_of, rated, used

if TYPE_CHECKING:
    from meter.rating.book import Plan

PLANS = [plan for book in demo_books() for plan in book.plans.values()]
METERS = ["requests", "compute", "documents", "network", "tokens.input", "stt", "cpu.used", "gpu"]
HOURS = Decimal(3600)

quantities = st.decimals(0, 10**9, places=12)
members = st.sampled_from([None, "alice", "bob", "carol"])
services = st.sampled_from([None, "web", "batch"])
rows = st.lists(st.builds(Usage, st.sampled_from(METERS), quantities, members, services), max_size=12)
held = st.lists(
    st.builds(Usage, st.sampled_from(["cpu", "memory"]), quantities, members, services, divisor=st.just(HOURS)),
    max_size=6,
)
plans = st.sampled_from(PLANS)


def complete(plan: Plan, usage: list[Usage]) -> list[Usage]:
    """Add the peaks a plan asks for, so that any usage can be rated on any plan."""
    peaks = [used(meter, 3, measure=measure) for meter, measure in plan.needs.measures]
    return [*usage, *peaks]


@given(plans, rows, held)
def test_lines_and_members_add_up(plan: Plan, usage: list[Usage], levels: list[Usage]) -> None:
    """Sum of lines = sum of members = total; each line = its members; each amount is rounded once; none is negative."""
    result = rated(plan, *complete(plan, usage + levels))
    assert sum(line.amount for line in result.lines) == result.total
    assert sum(row.amount for row in result.members) == result.total
    assert len({row.member for row in result.members}) == len(result.members)
    for line in result.lines:
        assert sum(part.amount for part in line.members) == line.amount == round_money(line.exact, "USD")
        assert all(part.amount >= 0 for part in line.members)
        assert line.quantity == line.included + line.billed_quantity
    assert result.total >= 0


@given(plans, rows, held, st.randoms())
def test_the_order_of_usage_never_matters(plan: Plan, usage: list[Usage], levels: list[Usage], random: Any) -> None:
    """The same rows in another order give the same result to the last byte."""
    together = complete(plan, usage + levels)
    shuffled = together[:]
    random.shuffle(shuffled)
    assert msgspec.json.encode(rated(plan, *shuffled)) == msgspec.json.encode(rated(plan, *together))


def merged(usage: list[Usage]) -> list[Usage]:
    """One row per meter, member and service: what a coarser query would have read."""
    sums: dict[tuple[str, str | None, str | None], Usage] = {}
    for row in usage:
        key = (row.meter, row.member, row.service)
        before = sums.get(key)
        with localcontext(prec=100):
            total = row.quantity + (before.quantity if before else 0)
        sums[key] = msgspec.structs.replace(row, quantity=total)
    return list(sums.values())


@given(plans, rows, held)
def test_finer_or_coarser_groups_cost_the_same(plan: Plan, usage: list[Usage], levels: list[Usage]) -> None:
    """Lines and members are the same whether rows were merged first, also where hours do not divide evenly."""
    fine, coarse = rated(plan, *complete(plan, usage + levels)), rated(plan, *complete(plan, merged(usage + levels)))
    assert fine.members == coarse.members
    assert [(line.amount, line.exact, line.members) for line in fine.lines] == [
        (line.amount, line.exact, line.members) for line in coarse.lines
    ]


@given(plans, rows)
def test_names_of_members_do_not_change_the_total(plan: Plan, usage: list[Usage]) -> None:
    """Who used it decides the shares and nothing else."""
    anonymous = [msgspec.structs.replace(row, member=None) for row in usage]
    first, second = rated(plan, *complete(plan, usage)), rated(plan, *complete(plan, anonymous))
    assert amounts(first) == amounts(second)
    assert first.exact == second.exact


@given(plans, rows, st.sampled_from(METERS), quantities, members, services)
def test_more_usage_never_costs_less(
    plan: Plan, usage: list[Usage], meter: str, quantity: Decimal, member: str | None, service: str | None
) -> None:
    """Adding a row never lowers the total, minimums and free units included."""
    more = [*usage, Usage(meter, quantity, member, service)]
    assert rated(plan, *complete(plan, more)).total >= rated(plan, *complete(plan, usage)).total


@given(
    st.integers(0, 10**30),
    st.integers(0, 10**30),
    st.integers(0, 10**24),
    st.sampled_from([1, 3, 7, 1000, 10**6]),
    st.sampled_from([1, 3600, 1024 * 3600, 31 * 86400 - 3600]),
)
def test_amounts_equal_plain_fractions(first: int, second: int, price: int, per: int, divisor: int) -> None:
    """Up to 10^18 units at prices of 10^-12 round exactly as the fraction does, through any divisor."""
    unit = Fraction(1, 10**12)
    plan = per_unit(unit_amount=f'"{Decimal(price).scaleb(-12):f}"', per=str(per), included="1000")
    usage = [Usage("requests", Decimal(f"{n}e-12"), divisor=Decimal(divisor)) for n in (first, second)]
    result = rated(plan, *usage)
    owed = max(Fraction(0), (first + second) * unit / divisor - 1000) * price * unit / per
    cents = (owed * 100 + Fraction(1, 2)).__floor__()
    assert Fraction(result.total) * 100 == cents


def test_a_trillion_trillion_and_a_trillionth() -> None:
    """10^18 units at 10^-12 are a million, and one unit more is a trillionth more."""
    plan = per_unit(unit_amount='"1e-12"')
    assert only(rated(plan, used("requests", 10**18)).lines).exact == 10**6
    assert only(rated(plan, used("requests", 10**18 + 1)).lines).exact == Decimal("1000000.000000000001")


@given(quantities, quantities)
def test_splitting_a_linear_period_changes_nothing(first: Decimal, second: Decimal) -> None:
    """Without free units or minimum, the exact amounts of two halves are that of the whole."""
    plan = demo("credits", "payg")
    parts = [rated(plan, used("tokens.input", str(quantity))).exact for quantity in (first, second)]
    whole = rated(plan, used("tokens.input", str(first)), used("tokens.input", str(second))).exact
    assert sum(map(Fraction, parts)) == Fraction(whole)


@given(rows)
def test_the_callers_decimal_context_has_no_say(usage: list[Usage]) -> None:
    """A process that set three digits gets the same invoice."""
    plan = demo("cloud", "payg")
    expected = rated(plan, *usage)
    with localcontext(prec=3):
        assert rated(plan, *usage) == expected


@pytest.mark.parametrize("book", ["calls", "cloud", "credits"])
def test_books_with_the_same_plan_names_differ(book: str) -> None:
    """Enterprise of one book never costs what another's does."""
    fees = {"calls": "499.00", "cloud": "299.99", "credits": "99.00"}
    assert str(rated(demo(book, "enterprise")).total) == fees[book]


def test_the_order_of_steps_is_the_documented_one() -> None:
    """Units, price, discount, bounds; whoever changes the order changes the rating version too."""
    assert [f"{step.__module__.rpartition('.')[2]}.{step.__name__}" for step in ORDER] == [
        "convert.apply",
        "free_units.apply",
        "priced.apply",
        "discount.apply",
        "cap.apply",
        "minimum_per_service.apply",
        "minimum.apply",
    ]
    assert RATING_VERSION == "3"


def test_a_fee_beside_a_price_is_two_lines() -> None:
    """A flat add-on is a fee line of its own, owed with or without usage."""
    plan = plan_of('base_fee = "1"\nprices.s = { title = "S", model = "flat", unit_amount = "2.5" }')
    assert amounts(rated(plan)) == {("base_fee", "base_fee"): "1.00", ("s", "base_fee"): "2.50"}
