"""A plan as one team has it: add-ons and quantities, and what was agreed with it from an instant until another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.addons import NotOfferedError, quantities_of
from meter.rating.asked import asked_plan
from meter.rating.book import Book, demo_books
from meter.rating.models import flat, graduated
from meter.rating.plan import Plan
from meter.rating.price import Price
from meter.rating.table import BookError
from tests.rating.books import FULL, OTHER, TEAM, read
from tests.rating.cast import demo, shown

BOOK = read(FULL)
ONE = Decimal(1)
OURS, OTHERS = UUID(TEAM), UUID(OTHER)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
JULY = datetime(2026, 6, 30, 22, tzinfo=UTC)  # midnight in Paris
TICK = timedelta(microseconds=1)


def price(plan: Plan, name: str) -> Price:
    """A price by its id, be it the base fee or an add-on's."""
    return next(each for each in plan.charges if each.id == name)


def test_the_fields_of_a_plan() -> None:
    """Each is kept, and the base fee's price has what is said of it."""
    pro, trial, old = (BOOK.plans[name] for name in ("pro", "trial", "old"))
    assert (pro.prorate, pro.billed, pro.retired, pro.trial_days, pro.then) == ("days", "advance", False, None, None)
    assert (trial.trial, trial.trial_days, trial.then) == (True, 14, "pro")
    assert (old.retired, old.prorate, old.billed) == (True, "never", "arrears")
    fee = pro.charges[0]
    assert (fee.id, fee.prorate, fee.billed, fee.quantity) == ("base_fee", "days", "advance", ONE)
    assert pro.terms.commitment is not None
    assert pro.terms.spend is not None
    assert shown(pro.terms.commitment.amount, pro.terms.spend.maximum) == ("100", "5000")
    assert (pro.terms.coupons, pro.terms.taxes, pro.terms.exchange) == ((), None, None)


def test_the_fields_of_a_book() -> None:
    """Add-ons, coupons, taxes without a customer, exchange rates."""
    support, welcome = BOOK.addons["support"], BOOK.coupons["welcome"]
    assert (support.title, support.base_fee, support.plans) == ("Support", Decimal(5), ("pro", "old"))
    assert (support.prorate, support.billed) == ("time", "advance")
    assert (welcome.name, welcome.title, welcome.percent, welcome.duration) == (
        "welcome",
        "Welcome",
        Decimal(10),
        "recurring",
    )
    assert (welcome.periods, welcome.period, welcome.targets.plans) == (3, 1, ("pro",))
    assert BOOK.coupons["sorry"].amount == 7
    assert BOOK.taxes is not None
    assert [rate.place.country for rate in BOOK.taxes.rates] == ["FR", ""]
    assert (BOOK.taxes.customer.place.country, BOOK.taxes.seller.country) == ("", "FR")
    assert shown(*(rate.rate for rate in BOOK.exchange)) == ("1.1",)


@pytest.mark.parametrize(("seats", "paid"), [(0, "0"), (1, "0"), (2, "0"), (3, "1"), (7, "5")])
def test_seats_that_are_free_come_off(seats: int, paid: str) -> None:
    """Two are included; a team that has fewer owes nothing."""
    plan = BOOK.applied(BOOK.plans["pro"], {}, {"seats": seats})
    assert shown(price(plan, "seats").quantity, price(plan, "seats").included) == (paid, "0")
    assert quantities_of(plan) == ("seats",)


def test_a_plan_that_nobody_has_has_no_seats() -> None:
    """A book's own plan, and one of a team without seats, owe nothing for them."""
    pro = BOOK.plans["pro"]
    assert price(pro, "seats").quantity == 0
    assert price(BOOK.applied(pro, {}, {}), "seats").quantity == 0
    assert BOOK.applied(BOOK.plans["old"], {}, {}) is BOOK.plans["old"]
    assert price(pro, "fee").quantity == 1  # a fee that goes by nothing


def test_a_question_has_no_seats() -> None:
    """Prices of a question what something would cost are nobody's."""
    fee = {"model": "flat", "unit": "seat", "unit_amount": "10", "times": "seats"}
    with pytest.raises(
        BookError, match=r"\[prices\.seats\] times: a question has no subscription to count; leave it out"
    ):
        asked_plan({"seats": fee}, "USD")


def test_add_ons_follow_the_plans_prices() -> None:
    """Each as a flat price that says how many; none of it is no price."""
    plan = BOOK.applied(BOOK.plans["pro"], {"support": 3}, {})
    last = plan.charges[-1]
    assert (last.id, last.title, last.model, last.quantity) == ("addon-support", "Support", flat.NAME, Decimal(3))
    assert (last.unit_amount, last.unit, last.prorate, last.billed) == (Decimal(5), "unit", "time", "advance")
    assert BOOK.applied(BOOK.plans["old"], {"support": 0}, {}) is BOOK.plans["old"]


@pytest.mark.parametrize(
    ("plan", "has", "quantities", "said"),
    [
        ("pro", {"sup": 1}, {}, "there is no add-on sup for plan pro; it may have support"),
        ("trial", {"support": 1}, {}, "add-on support is for pro, old, not for trial; it has no add-ons"),
        ("pro", {}, {"users": 1}, "plan pro has no price for users; it has seats"),
        ("trial", {}, {"seats": 1}, "plan trial has no price for seats; it has no quantities"),
        ("pro", {}, {"seats": -1}, "-1 of seats can't be had; write 0 or more"),
        ("pro", {"support": -1}, {}, "-1 of support can't be had; write 0 or more"),
    ],
)
def test_what_a_plan_has_not_is_refused(plan: str, has: dict[str, int], quantities: dict[str, int], said: str) -> None:
    """In words for people; none of something is fine of anything."""
    with pytest.raises(NotOfferedError) as caught:
        BOOK.applied(BOOK.plans[plan], has, quantities)
    assert str(caught.value) == said
    none = BOOK.applied(BOOK.plans[plan], dict.fromkeys(has, 0), dict.fromkeys(quantities, 0))
    assert [each.id for each in none.charges] == [each.id for each in BOOK.plans[plan].charges]


@pytest.mark.parametrize(
    ("at", "fee", "unit_amount", "included"),
    [
        (JANUARY - TICK, "49.00", "0.01", "100"),
        (JANUARY, "39.00", "0.008", "500"),
        (JULY - TICK, "39.00", "0.008", "500"),
        (JULY, "49.00", "0", "None"),
        (JULY + timedelta(days=9000), "49.00", "0", "None"),
    ],
)
def test_what_was_agreed_holds_from_its_instant_to_its_end(
    at: datetime, fee: str, unit_amount: str, included: str
) -> None:
    """Of one team and nobody else; half-open, to the microsecond."""
    plan = BOOK.plan_for("pro", OURS, at)
    assert plan.base_fee == Decimal(fee)
    calls = price(plan, "calls")
    assert calls.unit_amount == Decimal(unit_amount)
    assert str(calls.included) == included
    assert (plan.name, plan.book_version) == ("pro", BOOK.version)
    assert BOOK.plan_for("pro", OTHERS, at) is BOOK.plans["pro"]
    assert BOOK.plan_for("trial", OURS, at) is BOOK.plans["trial"]


def test_fields_that_are_not_replaced_stay() -> None:
    """Of a price field by field; of one with another model what has nothing to do with models."""
    plan = BOOK.plan_for("pro", OURS, JANUARY)
    assert shown(price(plan, "calls").per, price(plan, "calls").category) == ("10", "api")
    assert price(BOOK.plans["pro"], "volume").unit_amount is None
    assert price(plan, "volume").model == "per_unit"
    assert price(plan, "volume").meter == "v"
    assert plan.charges[-1].id == "extra"
    assert [each.id for each in plan.prices][:-1] == [each.id for each in BOOK.plans["pro"].prices]
    assert plan.terms == BOOK.plans["pro"].terms


def test_edges_are_strictly_inside() -> None:
    """Where a period must be cut, once each and in order."""
    assert BOOK.edges_for(OURS, JANUARY, JULY + TICK) == (JULY,)
    assert BOOK.edges_for(OURS, JANUARY - TICK, JULY) == (JANUARY,)
    assert BOOK.edges_for(OURS, JANUARY - TICK, JULY + TICK) == (JANUARY, JULY)
    assert BOOK.edges_for(OTHERS, JANUARY - TICK, JULY + TICK) == ()


def agreed(body: str) -> Book:
    """A book of two plans that share one price, and what was agreed."""
    calls = 'prices.calls = { title = "C", meter = "calls", unit = "call", unit_amount = "1", per = 10 }\n'
    mails = 'prices.mails = { title = "M", meter = "mails", unit = "mail", unit_amount = "2" }\n'
    plans = (
        f'[plans.a]\ntitle = "A"\n{calls}{mails}[plans.b]\ntitle = "B"\nbase_fee = "5"\n{calls}[plans.c]\ntitle = "C"\n'
    )
    return read(f'name = "o"\ntitle = "O"\ncurrency = "USD"\n{plans}[[overrides]]\nteam = "{TEAM}"\n{body}')


def test_without_a_plan_it_is_for_all() -> None:
    """A price that some plans have is changed in those; one that none has is new in each, and so is a base fee."""
    assert list(agreed('prices.calls.unit_amount = "3"').overrides[0].plans) == ["a", "b"]
    assert list(agreed('prices.mails.unit_amount = "3"').overrides[0].plans) == ["a"]
    assert list(agreed('base_fee = "3"').overrides[0].plans) == ["a", "b", "c"]
    both = agreed('base_fee = "3"\nprices.mails.unit_amount = "3"').overrides[0].plans
    assert [[price.id for price in plan.prices] for plan in both.values()] == [["calls", "mails"], ["calls"], []]
    new = agreed('prices.new = { title = "N", model = "flat", unit_amount = "1" }').overrides[0]
    assert [[price.id for price in plan.prices] for plan in new.plans.values()] == [
        ["calls", "mails", "new"],
        ["calls", "new"],
        ["new"],
    ]


def test_another_model_brings_its_own_fields() -> None:
    """The old model's are gone, the meter and the title stay."""
    plan = agreed('plan = "a"\nprices.calls = { model = "graduated", tiers = [{ unit_amount = "1" }] }').overrides[0]
    calls = price(plan.plans["a"], "calls")
    assert isinstance(calls.terms, graduated.Terms)
    assert (calls.title, calls.meter) == ("C", "calls")


def test_two_that_follow_each_other_do_not_overlap() -> None:
    """The second begins when the first ends; and what is for one plan leaves others alone."""
    edge = "2026-05-01T00:00:00Z"
    book = agreed(f'base_fee = "1"\nuntil = {edge}\n[[overrides]]\nteam = "{TEAM}"\nbase_fee = "2"\nfrom = {edge}')
    assert len(book.overrides) == 2
    apart = agreed(f'plan = "a"\nbase_fee = "1"\n[[overrides]]\nteam = "{TEAM}"\nplan = "b"\nbase_fee = "2"')
    assert len(apart.overrides) == 2


@given(st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - zone is given
def test_between_edges_nothing_changes(at: datetime) -> None:
    """The plan at any instant is the one since the edge before it."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    edges = (start, *BOOK.edges_for(OURS, start, at + TICK))
    assert BOOK.plan_for("pro", OURS, at) is BOOK.plan_for("pro", OURS, edges[-1])


def test_demo_plans_with_a_fee_go_by_time() -> None:
    """Whoever comes in mid-month pays for the time; a trial lasts two weeks and becomes the starter tier."""
    paid = [plan for book in demo_books() for plan in book.plans.values() if plan.base_fee]
    assert [plan.prorate for plan in paid] == ["time"] * 8
    assert (demo("credits", "trial").trial_days, demo("credits", "trial").then) == (14, "starter")
