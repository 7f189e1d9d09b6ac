"""Reading, rounding and splitting amounts."""

from __future__ import annotations

from decimal import Decimal, Inexact, getcontext, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.rating.money import (
    MAX_DIVISOR,
    added,
    as_ratio,
    checked,
    displayed,
    exact,
    minor_unit,
    parse_amount,
    plain,
    quotient,
    round_money,
    share,
)

CENT = Decimal("0.01")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.015", "0.015"),
        ("29.990", "29.99"),
        ("-3", "-3"),
        ("+3", "3"),
        ("1e3", "1000"),
        ("1E-12", "0.000000000001"),
        ("-0", "0"),
        (744, "744"),
        (10**18, "1000000000000000000"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_amounts_are_read_as_written(text: str | int | Decimal, number: str) -> None:
    """Text, whole numbers and decimals come out in plain notation."""
    assert f"{parse_amount(text):f}" == number
    assert parse_amount(text).as_tuple().exponent == Decimal(number).as_tuple().exponent


@pytest.mark.parametrize(
    "text",
    [
        *(
            "NaN",
            "sNaN",
            "Infinity",
            "-inf",
            "",
            " 1",
            "1 ",
            "1,5",
            "1_000",
            "0x10",
            ".5",
            "5.",
            "\u0661",
            "1e999",
            "1e-99",
        ),
        *("1" * 65, "1" * 27, "0." + "0" * 20 + "1", "1\n"),
        *(Decimal("NaN"), Decimal("Infinity"), Decimal("1E+26"), Decimal("1E-21"), 10**26),
        *(Decimal("1E-999999999"), Decimal("1E+999999999"), Decimal("1." + "0" * 250 + "1")),
    ],
)
def test_what_is_not_an_amount_is_refused(text: str | int | Decimal) -> None:
    """NaN, infinity, absurd exponents, separators, spaces and digits of other scripts are errors."""
    with pytest.raises(ValueError, match=r"is not a|has more than"):
        parse_amount(text)


@pytest.mark.parametrize("value", [0.1, 1.0, float("nan"), True, None, b"1", [1]])
def test_floats_and_other_types_are_refused(value: Any) -> None:
    """A float is a type error whatever its value; so is a boolean."""
    with pytest.raises(TypeError):
        parse_amount(value)


def test_checked_takes_decimals_only() -> None:
    """The check behind every struct names the type it was given."""
    wrong: Any = 1
    with pytest.raises(TypeError, match="is a int; amounts and quantities are Decimal, never float"):
        checked(wrong)


@pytest.mark.parametrize(("currency", "unit"), [("USD", "0.01"), ("EUR", "0.01"), ("JPY", "1"), ("KWD", "0.001")])
def test_minor_unit(currency: str, unit: str) -> None:
    """Minor units follow the currency."""
    assert minor_unit(currency) == Decimal(unit)


@pytest.mark.parametrize("currency", ["", "usd", "XXZ", "DOLLAR", "../x"])
def test_unknown_currencies_are_refused(currency: str) -> None:
    """An unknown code is an error and not two places by default."""
    with pytest.raises(ValueError, match="is not a currency"):
        minor_unit(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "USD", "0.01"),
        ("0.0049999999999999999999999999999999", "USD", "0.00"),
        ("0.015", "USD", "0.02"),
        ("0.025", "USD", "0.03"),
        ("-0.005", "USD", "-0.01"),
        ("-0.004", "USD", "0.00"),
        ("0.5", "JPY", "1"),
        ("1.0005", "KWD", "1.001"),
        ("1000000000000000000.005", "USD", "1000000000000000000.01"),
        ("29.99", "USD", "29.99"),
        ("0", "USD", "0.00"),
    ],
)
def test_rounding_is_half_up_to_the_minor_unit(amount: str, currency: str, rounded: str) -> None:
    """Ties go away from zero, whatever the number of digits, and zero has no sign."""
    assert str(round_money(Decimal(amount), currency)) == rounded


def test_plain_and_displayed_keep_what_ends() -> None:
    """Only a quotient that does not end is cut, at 12 places for people and 40 for money."""
    assert str(plain(Decimal("1.50E+3"))) == "1500"
    assert str(displayed(Decimal(1), Decimal(3))) == "0.333333333333"
    assert str(displayed(Decimal("0.1234567890123456"), Decimal(1))) == "0.1234567890123456"
    assert str(displayed(Decimal(1800), Decimal(3600))) == "0.5"
    assert quotient(Decimal(2), Decimal(3)) == Decimal("0." + "6" * 39 + "7")
    assert quotient(Decimal(1), Decimal(2**60)) == Decimal(f"{5**60}e-60")


def test_losing_a_digit_raises() -> None:
    """Inside exact() an inexact result is an error; outside, the caller's context is untouched."""

    @exact()
    def third(of: int) -> Decimal:
        return Decimal(of) / Decimal(3)

    before = getcontext().prec
    with pytest.raises(Inexact):
        third(1)
    assert (third(3), getcontext().prec) == (Decimal(1), before)


def test_results_do_not_depend_on_the_callers_context() -> None:
    """A caller who set three digits of precision gets the same money."""
    with localcontext(prec=3):
        assert round_money(Decimal("123456.785"), "USD") == Decimal("123456.79")
        assert share(Decimal("123456.78"), {"a": Decimal(1)}, CENT) == {"a": Decimal("123456.78")}
        assert quotient(Decimal("123456.78"), Decimal(1)) == Decimal("123456.78")


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("1.00", {"a": "1", "b": "1", "c": "1"}, {"a": "0.34", "b": "0.33", "c": "0.33"}),
        ("1.00", {"c": "1", "b": "1", "a": "1"}, {"a": "0.34", "b": "0.33", "c": "0.33"}),
        ("-1.00", {"a": "1", "b": "1", "c": "1"}, {"a": "-0.34", "b": "-0.33", "c": "-0.33"}),
        ("0.01", {"a": "1", None: "1"}, {"a": "0.01", None: "0"}),
        ("0.01", {"a": "0", "b": "0.0001"}, {"a": "0", "b": "0.01"}),
        ("0.05", {"a": "0", "b": "0"}, {"a": "0.03", "b": "0.02"}),
        ("0.00", {"a": "3"}, {"a": "0"}),
        ("0.10", {"a": "1", "b": "2"}, {"a": "0.03", "b": "0.07"}),
        ("0.02", {"a": "1", "b": "3"}, {"a": "0", "b": "0.02"}),
        ("7", {"a": "0.1", "b": "0.2"}, {"a": "2.33", "b": "4.67"}),
        ("0", {}, {}),
    ],
)
def test_share(total: str, weights: dict[str | None, str], parts: dict[str | None, str]) -> None:
    """Largest remainder; ties to the larger weight, then by name, nobody last; zero weights get nothing."""
    result = share(Decimal(total), {key: Decimal(weight) for key, weight in weights.items()}, CENT)
    assert result == {key: Decimal(part) for key, part in parts.items()}


@pytest.mark.parametrize(
    ("total", "weights"), [("0.005", {"a": "1"}), ("1", {}), ("1", {"a": "-1", "b": "2"}), ("0.001", {})]
)
def test_what_cannot_be_shared_is_refused(total: str, weights: dict[str, str]) -> None:
    """Fractions of the unit, nobody to take it and negative weights are errors."""
    with pytest.raises(ValueError, match=r"cannot be split|must not be negative"):
        share(Decimal(total), {key: Decimal(weight) for key, weight in weights.items()}, CENT)


weights_of_members = st.dictionaries(
    st.one_of(st.none(), st.text("abcdefg", min_size=1, max_size=2)),
    st.decimals(0, 10**18, places=12),
    min_size=1,
    max_size=12,
)


@given(st.integers(-(10**20), 10**20), weights_of_members)
def test_shares_add_up_and_are_fair(cents: int, weights: dict[str | None, Decimal]) -> None:
    """Parts add up to the whole, keep its sign, and each is less than one cent from its exact proportion."""
    total = Decimal(cents).scaleb(-2)
    parts = share(total, weights, CENT)
    assert sum(map(Fraction, parts.values())) == Fraction(total)
    whole = sum(map(Fraction, weights.values()))
    for key, part in parts.items():
        ideal = Fraction(total) * (Fraction(weights[key]) / whole if whole else Fraction(1, len(weights)))
        assert abs(Fraction(part) - ideal) < Fraction(CENT)
        assert part * cents >= 0


@given(st.integers(0, 10**6), weights_of_members, st.randoms())
def test_the_order_of_weights_does_not_matter(cents: int, weights: dict[str | None, Decimal], random: Any) -> None:
    """The same weights in another order give the same parts."""
    keys = list(weights)
    random.shuffle(keys)
    total = Decimal(cents).scaleb(-2)
    assert share(total, {key: weights[key] for key in keys}, CENT) == share(total, weights, CENT)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**20), max_value=10**20))
def test_parsing_what_was_written_changes_nothing(number: Decimal) -> None:
    """Text and back is the same number."""
    assert parse_amount(str(parse_amount(number))) == number


@given(st.dictionaries(st.integers(1, 10**9).map(Decimal), st.integers(-(10**18), 10**18).map(Decimal), max_size=6))
def test_quotients_are_added_and_divided_once(dividends: dict[Decimal, Decimal]) -> None:
    """The sum is the fraction's, cut once in the fortieth place, whatever the divisors are."""
    exactly = sum((Fraction(dividend) / Fraction(divisor) for divisor, dividend in dividends.items()), Fraction(0))
    assert abs(Fraction(added(dividends)) - exactly) <= Fraction(1, 2 * 10**40)


def test_thirds_add_up() -> None:
    """Of 3, 6 and 7 in the divisor: a third, a sixth and a half of a seventh of seven are one."""
    assert added({Decimal(3): Decimal(1), Decimal(6): Decimal(1), Decimal(14): Decimal(7)}) == 1
    assert added({}) == 0


@pytest.mark.parametrize(
    ("value", "quantity", "divisor"),
    [
        (Fraction(5, 2), "2.5", "1"),
        (Fraction(-10, 15), "-2", "3"),
        (Fraction(0), "0", "1"),
        (Fraction(1, MAX_DIVISOR + 1), "0", "1"),
        (Fraction(1, 2**100), f"{Decimal(5**100)}e-100", "1"),
    ],
)
def test_a_fraction_as_quantity_and_divisor(value: Fraction, quantity: str, divisor: str) -> None:
    """A decimal where there is one, else two whole numbers; beyond sixty digits it is cut."""
    assert as_ratio(value) == (Decimal(quantity), Decimal(divisor))
