"""What more usage adds is exactly what rating says of the bill with it, less the bill without it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.rating.asked import asked_plan
from meter.rating.charge import total
from meter.rating.invoice import lines_of
from meter.rating.marginal import SAID, Marginal, NoMarginal, charge, marginal, of_meter, units, why_not
from meter.rating.models import MODELS
from meter.rating.money import exact
from meter.rating.plan import Plan
from meter.rating.price import Price
from meter.rating.price_table import read_price
from meter.rating.table import Table
from meter.rating.usage import Usage
from tests.rating.cast import MARCH, demo_plan
from tests.rating.examples import EXAMPLES, price_of
from tests.rating.test_pricing_doc import PAGE, table

ZERO = Decimal(0)
KNOWN = ("per_unit", "package", "graduated", "graduated_percentage", "dynamic", "blocks")
POOL = {"m": 1, "n": "0.001"}

tried = settings(max_examples=120)
each_known = pytest.mark.parametrize("model", KNOWN)
quantities = st.decimals(0, 10**6, places=6) | st.integers(0, 300).map(Decimal)
divisors = st.sampled_from([Decimal(1), Decimal(3600), Decimal(2_678_400)])
rules = st.fixed_dictionaries(
    {},
    optional={
        "discount": st.sampled_from(["12.5", "33.333", 100]),
        "maximum": st.sampled_from(["0.99", "500"]),
        "included": st.sampled_from([7, "100000.5"]),
        "counts": st.just(POOL),
        "conversion": st.sampled_from(
            [
                {"operation": "divide", "factor": 7, "rounding": "ceiling"},
                {"operation": "divide", "factor": "2.5", "rounding": "floor"},
                {"operation": "multiply", "factor": "0.25", "rounding": "half_up"},
                {"operation": "divide", "factor": 3},
            ]
        ),
    },
)


def rated(price: Price, used: dict[str, Decimal], divisor: Decimal) -> Decimal:
    """What a month comes to in which that was used, as an invoice says it before rounding."""
    rows = tuple(Usage(meter, quantity, divisor=divisor) for meter, quantity in used.items() if quantity)
    return total(line.exact for line in lines_of(price, rows, MARCH, "USD"))


def known(price: Price, before: Decimal, after: Decimal, divisor: Decimal = Decimal(1)) -> Decimal:
    """The charge of a price that has one."""
    amount = charge(price, before, after, divisor)
    assert isinstance(amount, Decimal)
    return amount


def of(plan: Plan, meter: str, before: int, after: int) -> Decimal:
    """What more of a meter adds under a plan, where only that meter was used."""
    found = of_meter(plan, meter)
    assert isinstance(found, Marginal)
    return known(found.price, before * found.weight, after * found.weight)


@each_known
@tried
@given(rules=rules, before=quantities, more=quantities, other=quantities, divisor=divisors)
@exact()
def test_a_charge_is_what_rating_says_more(
    model: str, rules: dict[str, Any], before: Decimal, more: Decimal, other: Decimal, divisor: Decimal
) -> None:
    """Whatever the price says, and the first time too: but for what is owed without any use."""
    price = price_of(model, **rules)
    pool = "counts" in rules
    first = {"m": before * divisor} | ({"n": other} if pool else {})
    then = {"m": (before + more) * divisor} | ({"n": other * 2} if pool else {})
    amount = known(price, units(price, first), units(price, then), divisor)
    assert amount == rated(price, then, divisor) - rated(price, first, divisor)
    assert amount >= 0


@each_known
@tried
@given(rules=rules, positions=st.lists(quantities, min_size=3, max_size=3), divisor=divisors)
@exact()
def test_charges_add_up_and_take_back(
    model: str, rules: dict[str, Any], positions: list[Decimal], divisor: Decimal
) -> None:
    """In one step or in two it is the same, and backwards it is the reversal."""
    price = price_of(model, **rules)
    a, b, c = positions
    assert known(price, a, b, divisor) + known(price, b, c, divisor) == known(price, a, c, divisor)
    assert known(price, b, a, divisor) == -known(price, a, b, divisor)


def test_what_is_free_without_limit_is_charged_nothing() -> None:
    """However much."""
    price = read_price("p", Table("t", "p", {"title": "P", "meter": "m", "unit": "u", "included": "unlimited"}), "USD")
    assert known(price, ZERO, Decimal(10**9)) == rated(price, {"m": Decimal(10**9)}, Decimal(1)) == 0


def test_what_is_owed_without_use_is_no_charge() -> None:
    """The first tier's flat fee is on the invoice of a month in which nobody did anything."""
    price = price_of("graduated")
    assert rated(price, {}, Decimal(1)) == 2
    assert known(price, ZERO, Decimal(1)) == rated(price, {"m": Decimal(1)}, Decimal(1)) - 2


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        ("volume", {}, "by_volume"),
        ("percentage", {}, "by_event"),
        ("matrix", {}, "by_label"),
        ("time_of_day", {}, "by_time_of_day"),
        ("seats", {}, "by_level"),
        ("per_unit", {"measure": "peak"}, "by_peak"),
        ("per_unit", {"measure": "p95"}, "by_peak"),
        ("graduated", {"minimum": "5.00"}, "minimum"),
        ("package", {"minimum_per_service": "5.00"}, "minimum"),
        ("per_unit", {"maximum": "5.00", "prorate": "time"}, "prorated_maximum"),
        ("dynamic", {"amount": "money"}, "by_event"),
        ("blocks", {"charged": "top_tier"}, "by_volume"),
    ],
)
def test_what_only_the_end_of_a_period_tells_has_no_charge(model: str, fields: dict[str, Any], reason: str) -> None:
    """Nothing is charged that the invoice might not ask for."""
    price = price_of(model, **fields)
    assert (why_not(price), charge(price, ZERO, Decimal(5))) == (reason, reason)


def test_every_model_is_either_charged_or_has_a_reason() -> None:
    """A new model must be thought of here too."""
    metered = {model.NAME for model in MODELS if model.METERED}
    assert {model for model in metered if why_not(price_of(model)) is None} == set(KNOWN)


def test_every_reason_has_its_words() -> None:
    """People read why."""
    assert set(SAID) == set(get_args(NoMarginal))


def test_each_meter_of_a_plan_has_a_price_or_a_reason() -> None:
    """Of a pool each meter counts as it weighs; what no price is for is unpriced."""
    starter = demo_plan("credits/starter")
    (pool,) = starter.prices
    found = marginal(starter)
    assert found["tts"] == Marginal(pool, Decimal("0.01"))
    assert (found["tokens.input"], of_meter(starter, "requests"), of_meter(starter, "video")) == (
        "unbilled",
        Marginal(pool, Decimal(1)),
        "unpriced",
    )
    assert of_meter(demo_plan("cloud/payg"), "compute") == "minimum"


@exact()
def test_a_call_costs_what_the_sources_say() -> None:
    """6,548 tokens in and 108 out cost 0.10308 (S3.2); a credit after the first 500 costs 0.002 (S4.1)."""
    tokens, starter = demo_plan("credits/payg"), demo_plan("credits/starter")
    assert of(tokens, "tokens.input", 0, 6_548) + of(tokens, "tokens.output", 0, 108) == Decimal("0.10308")
    assert of(starter, "requests", 499, 500) == 0
    assert of(starter, "requests", 500, 501) == Decimal("0.002")


def test_the_charges_of_the_page() -> None:
    """docs/pricing.md: by the price of its own question, each by hand."""
    question = re.search(r"<!-- run: graduated -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert question is not None
    (price,) = asked_plan(json.loads(question.group(1))["prices"], "USD").prices
    rows = table(PAGE.partition("<!-- charges: graduated -->")[2], "units before")
    assert len(rows) == 4
    assert [known(price, Decimal(row[0]), Decimal(row[1])) for row in rows] == [Decimal(row[3]) for row in rows]


def test_the_models_of_the_page() -> None:
    """It says yes of those that have a charge, and of the others no, with the reason in the same words."""
    said = {row[0]: row[1] for row in table(PAGE, "model") if row[0] in EXAMPLES}
    reasons = {model: why_not(price_of(model)) for model in said}
    assert {model for model, words in said.items() if words.startswith("yes")} == {*KNOWN}
    assert {model for model, words in said.items() if words.startswith("no: ")} == {*said} - {*KNOWN}
    assert set(said) == set(EXAMPLES) - {"flat"}
    for model, reason in reasons.items():
        assert reason is None or SAID[reason].replace(",", "").startswith(said[model].removeprefix("no: "))


def test_fewer_than_no_units_are_refused() -> None:
    """A position below none is a mistake of whoever asks."""
    with pytest.raises(ValueError, match="p: -1 units are fewer than none"):
        charge(price_of("per_unit"), Decimal(-1), ZERO)
