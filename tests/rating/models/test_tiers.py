"""Tables of tiers: what is refused and what to write instead; and what holds for whatever they say."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.models.tiers import place_of, portions
from meter.rating.table import BookError
from tests.rating.models.asked import charge, priced, tier

MISTAKES: list[tuple[Any, str]] = [
    (None, "tiers: is missing; write tiers = "),
    ([], "tiers: is not a list of tables: it is empty; write tiers = "),
    ({"up_to": 5}, "tiers: is not a list of tables"),
    (
        [tier(None, "1"), tier(None, "1")],
        r"tiers\[1\]\] up_to: is missing; write up_to = 1000; only the last tier has no end",
    ),
    (
        [tier(5, "1")],
        r"tiers\[1\]\] up_to: the last tier must not end: what is above would have no price; leave it out",
    ),
    ([tier(5, "1"), tier(9, "1")], r"tiers\[2\]\] up_to: the last tier must not end"),
    (
        [tier(5, "1"), tier(5, "1"), tier(None, "1")],
        r"tiers\[2\]\] up_to: 5 is not above 5, where the tier before ends",
    ),
    ([tier(5, "1"), tier("4.9", "1"), tier(None, "1")], "up_to: 4.9 is not above 5, .*; write bounds that rise"),
    ([tier(0, "1"), tier(None, "1")], "up_to: 0 is not allowed; write a number above zero"),
    ([tier("many", "1"), tier(None, "1")], "up_to: 'many' is not an amount"),
]
OF_A_TIER: list[tuple[dict[str, Any], str]] = [
    ({}, r"tiers\[1\]\]: has no price; write unit_amount = \"0.05\" \(or \"0\"\), flat = \"5\", or both"),
    ({"unit_amount": Decimal("0.05")}, 'unit_amount: 0.05 is not quoted; money is text .*, write unit_amount = "0.05"'),
    ({"unit_amount": 1}, "unit_amount: 1 is not quoted"),
    ({"unit_amount": "-1"}, "unit_amount: -1 is not allowed; write a number from zero"),
    ({"flat": 5}, 'flat: 5 is not quoted; money is text in a book, write flat = "5"'),
    ({"unit_amount": "1", "per": 0}, "per: 0 is not allowed; write a number above zero"),
    ({"flat": "1", "per": 10}, 'per: is of no use without unit_amount; write unit_amount = "0.05", or leave it out'),
    ({"unit_amount": "1", "flat_at_zero": True}, "flat_at_zero: is for the first tier, if that has a flat fee; leave"),
    ({"flat": "1", "flat_at_zero": "no"}, "flat_at_zero: 'no' is neither true nor false"),
    ({"unit": "1", "flat": "1"}, "unit: unknown field; known here: flat, flat_at_zero, per, unit_amount, up_to"),
    ({"from": 0, "flat": "1"}, "from: unknown field"),
]


@pytest.mark.parametrize(("tiers", "message"), MISTAKES)
@pytest.mark.parametrize("model", ["graduated", "volume"])
def test_mistakes_in_a_table(model: str, tiers: Any, message: str) -> None:
    """Where it is, what is wrong and what to write."""
    with pytest.raises(BookError, match=message):
        priced(model, **({} if tiers is None else {"tiers": tiers}))


@pytest.mark.parametrize(("fields", "message"), OF_A_TIER)
@pytest.mark.parametrize("model", ["graduated", "volume"])
def test_mistakes_in_a_tier(model: str, fields: dict[str, Any], message: str) -> None:
    """A tier is named by its number."""
    with pytest.raises(BookError, match=message):
        priced(model, tiers=[fields])


@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        (
            "graduated",
            {"tiers": [tier(1, "1"), tier(None, "1", "1", flat_at_zero=True)]},
            "flat_at_zero: is for the first",
        ),
        ("graduated", {"tiers": [tier(None, "1")], "unit_amount": "1"}, "unit_amount: unknown field"),
        ("graduated_percentage", {"tiers": [{"flat": "1"}]}, r"tiers\[1\]\] percent: is missing; write percent = "),
        ("graduated_percentage", {"tiers": [{"percent": -1}]}, "percent: -1 is not allowed"),
        ("graduated_percentage", {"tiers": [{"percent": 1, "up_to": 5}]}, "up_to: the last tier must not end"),
        ("blocks", {"tiers": [{"unit_amount": "1"}]}, r"tiers\[1\]\] block: is missing"),
        ("blocks", {"tiers": [{"block": 0, "unit_amount": "1"}]}, "block: 0 is not allowed; write a number above"),
        ("blocks", {"tiers": [{"block": 1}]}, "unit_amount: is missing"),
        ("blocks", {"tiers": [{"block": 1, "unit_amount": "1", "flat": "1"}]}, "flat: unknown field"),
        ("blocks", {"tiers": [{"block": 1, "unit_amount": "1"}], "charged": "all"}, "write one of each_tier, top_tier"),
        ("package", {"unit_amount": "1"}, "per: is missing; write per = 1000"),
        ("package", {"per": 10}, 'unit_amount: is missing; write unit_amount = "0.05"'),
        ("package", {"unit_amount": "1", "per": 0}, "per: 0 is not allowed"),
    ],
)
def test_mistakes_of_other_models(model: str, fields: dict[str, Any], message: str) -> None:
    """Each model's own fields."""
    with pytest.raises(BookError, match=message):
        priced(model, **fields)


def test_null_is_no_bound() -> None:
    """A request may write the last tier's `up_to` as null; nobody else may."""
    assert charge(priced("graduated", tiers=[tier(5, "1"), {"up_to": None, "unit_amount": "2"}]), 6).exact == 7
    with pytest.raises(BookError, match="up_to: is missing"):
        priced("graduated", tiers=[{"up_to": None, "unit_amount": "2"}, tier(None, "1")])


bounds = st.lists(st.decimals("0.000001", 10**6, places=6), unique=True, max_size=4).map(sorted)
amounts = st.integers(0, 10**15).map(lambda units: f"{units}e-12")
quantities = st.decimals(0, 2 * 10**6, places=6)
divisors = st.sampled_from([1, 7, 3600])


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, object]]:
    """Tiers of prices and fees, `per` odd numbers that make quotients without an end."""
    return [
        tier(bound, draw(amounts), draw(st.none() | st.just("0.07")), per=draw(st.sampled_from([1, 3, 1000])))
        for bound in [*draw(bounds), None]
    ]


def laid_out(tiers: list[Any], quantity: Fraction) -> list[tuple[dict[str, Any], Fraction]]:
    """Each tier with what lies in it, by plain fractions."""
    found, low = [], Fraction(0)
    for each in tiers:
        high = Fraction(each["up_to"]) if "up_to" in each else max(quantity, low)
        found.append((each, max(Fraction(0), min(quantity, high) - low)))
        low = high
    return found


@given(tables(), quantities, divisors)
def test_graduated_equals_plain_fractions(tiers: list[dict[str, Any]], quantity: Decimal, divisor: int) -> None:
    """Whatever the table, the base unit and `per`: exact to the fortieth place."""
    owed = sum(
        (used * Fraction(each["unit_amount"]) / each["per"] + Fraction(each.get("flat", 0)) * bool(used or first))
        for first, (each, used) in zip(
            [True, *[False] * len(tiers)], laid_out(tiers, Fraction(quantity) / divisor), strict=False
        )
    )
    found = charge(priced("graduated", tiers=tiers), f"{quantity}", divisor)
    assert abs(Fraction(found.exact) - owed) <= Fraction(1, 2 * 10**40)


@given(tables(), quantities, divisors)
def test_volume_equals_plain_fractions(tiers: list[dict[str, Any]], quantity: Decimal, divisor: int) -> None:
    """The first tier that does not end below the quantity prices all of it."""
    used = Fraction(quantity) / divisor
    each = next(each for each in tiers if "up_to" not in each or used <= Fraction(each["up_to"]))
    flat = Fraction(each.get("flat", 0)) * bool(used or each is tiers[0])
    owed = used * Fraction(each["unit_amount"]) / each["per"] + flat
    assert abs(Fraction(charge(priced("volume", tiers=tiers), f"{quantity}", divisor).exact) - owed) <= Fraction(
        1, 2 * 10**40
    )


@st.composite
def block_tables(draw: st.DrawFn) -> list[dict[str, object]]:
    """Tiers of blocks."""
    sizes = st.decimals("0.5", 1000, places=1)
    return [tier(bound, draw(amounts), block=draw(sizes)) for bound in [*draw(bounds), None]]


@given(block_tables(), quantities, divisors)
def test_blocks_equal_plain_fractions(tiers: list[dict[str, Any]], quantity: Decimal, divisor: int) -> None:
    """Each tier's begun blocks, counted by whole numbers."""
    owed = sum(
        ceil(used / Fraction(each["block"])) * Fraction(each["unit_amount"])
        for each, used in laid_out(tiers, Fraction(quantity) / divisor)
    )
    assert Fraction(charge(priced("blocks", tiers=tiers), f"{quantity}", divisor).exact) == owed


@pytest.mark.parametrize("model", ["graduated", "graduated_percentage", "package", "blocks"])
@given(st.data())
def test_more_never_costs_less(model: str, data: st.DataObject) -> None:
    """Where no unit gets cheaper by those after it, the amount never falls."""
    fields: dict[str, Any] = {"tiers": data.draw(block_tables() if model == "blocks" else tables())}
    if model == "graduated_percentage":
        fields = {
            "tiers": [{"percent": each.pop("unit_amount"), **each} for each in fields["tiers"] if each.pop("per")]
        }
    if model == "package":
        fields = {"unit_amount": data.draw(amounts), "per": data.draw(st.integers(1, 1000))}
    price = priced(model, **fields)
    less, more = sorted(data.draw(st.tuples(quantities, quantities)))
    assert charge(price, f"{less}").exact <= charge(price, f"{more}").exact


@pytest.mark.parametrize(
    ("model", "fields", "exact"),
    [
        ("graduated", {"tiers": [tier(10**17, "0.000000000002"), tier(None, "0.000000000001")]}, "1100000"),
        ("volume", {"tiers": [tier(10**17, "1"), tier(None, "0.000000000001")]}, "1000000"),
        ("package", {"unit_amount": "0.000000000001", "per": 1}, "1000000.000000000001"),
        ("blocks", {"tiers": [{"block": 1, "unit_amount": "0.000000000001"}]}, "1000000.000000000001"),
        ("graduated_percentage", {"tiers": [{"percent": "0.000000000001"}]}, "10000"),
    ],
)
def test_a_quintillion_and_a_trillionth(model: str, fields: dict[str, Any], exact: str) -> None:
    """10^18 units and a trillionth of one, at trillionths: not one digit is lost."""
    last = {"graduated": "1e-24", "volume": "1e-24", "graduated_percentage": "1e-26"}.get(model, "0")
    found = charge(priced(model, **fields), "1000000000000000000.000000000001").exact
    assert Fraction(found) == Fraction(exact) + Fraction(last)


@given(bounds, quantities, quantities)
def test_portions_fill_what_lies_between(found: list[Decimal], one: Decimal, other: Decimal) -> None:
    """No gap and no overlap, and the last of them is where the larger quantity lies."""
    price = priced("graduated", tiers=[tier(bound, "1") for bound in [*found, None]])
    low, high = sorted((one, other))
    inside = list(portions(price.terms.tiers, Decimal(1), low, high))  # type: ignore[attr-defined]
    assert sum(units for _, units in inside) == high - low
    if inside:
        assert inside[-1][0] == place_of(price.terms.tiers, Decimal(1), high)  # type: ignore[attr-defined]
