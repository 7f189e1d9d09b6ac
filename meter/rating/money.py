"""Exact money: how an amount is read, rounded once, and split so that the parts add up."""

from __future__ import annotations

import re
from contextvars import ContextVar
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
    localcontext,
)
from fractions import Fraction
from functools import cache, wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from babel.core import get_global
from babel.numbers import get_currency_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

K = TypeVar("K")
P = ParamSpec("P")
T = TypeVar("T")

# numeric(38,12) holds 26 digits before the point; prices may be finer than stored quantities.
MAX_INTEGER_DIGITS: Final = 26
MAX_PLACES: Final = 20
# A quotient that does not end is cut here. Quantities and prices of 12 places, per times divisor below 10^15, stay at
# least 10^-39 away from a half cent unless they are one, so rounding the cut value equals rounding the fraction.
QUOTIENT_PLACES: Final = 40
QUANTITY_PLACES: Final = 12
# Sums of fractions may need ever longer divisors; with a quantity and a price this one leaves room in 200 digits.
MAX_DIVISOR: Final = 10**60

_TRAPS: Final = (InvalidOperation, DivisionByZero, Overflow, FloatOperation)
# 200 digits hold every product of two checked amounts many times over; should one ever not fit, Inexact raises.
_EXACT: Final = Context(prec=200, rounding=ROUND_HALF_UP, traps=[*_TRAPS, Inexact])
_WIDE: Final = Context(prec=200, rounding=ROUND_HALF_UP, traps=list(_TRAPS))

_at_work: Final[ContextVar[Context | None]] = ContextVar("_at_work", default=None)

_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{1,64})?([eE][+-]?[0-9]{1,2})?")


def exact() -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Run a function with 200-digit decimals in which losing a digit, or meeting a float, raises instead of passing."""
    return _exactly


def _exactly(function: Callable[P, T]) -> Callable[P, T]:
    """Without contextlib, whose generators cost more than the sums inside: every line goes through a dozen of these.

    Nor is a context made anew where the one at work is ours.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if getcontext() is _at_work.get():
            return function(*args, **kwargs)
        with localcontext(_EXACT) as ours:
            before = _at_work.set(ours)
            try:
                return function(*args, **kwargs)
            finally:
                _at_work.reset(before)

    return run


def plain(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros, positive exponent or minus zero: 1.50E+3 is 1500, 0.10 is 0.1."""
    return Decimal(f"{value.normalize(_EXACT):f}") if value else Decimal(0)


def checked(value: Decimal) -> Decimal:
    """Return ``value`` in plain form if it is a finite Decimal of at most 26 digits before and 20 after the point.

    Raises TypeError for anything but a Decimal (a float above all) and ValueError for NaN, infinity, absurd exponents.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is a {type(value).__name__}; amounts and quantities are Decimal, never float")
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    if value and (not -MAX_PLACES <= value.adjusted() < MAX_INTEGER_DIGITS or _places(value) > MAX_PLACES):
        raise ValueError(f"{value} has more than {MAX_INTEGER_DIGITS} digits before or {MAX_PLACES} after the point")
    return plain(value)


def _places(value: Decimal) -> int:
    """Digits after the point, trailing zeros left out; of more than 200 digits none is rounded away to count them."""
    wide = value.normalize(_WIDE)
    return -int((wide if wide == value else value).as_tuple().exponent)


def parse_amount(value: str | int | Decimal) -> Decimal:
    """Read an amount written as text or a whole number, e.g. ``"0.015"`` or ``744``; a Decimal is only checked.

    Raises TypeError for floats and booleans, ValueError for text that is not a plain ASCII number (NaN, infinity,
    thousands separators, spaces) and for numbers beyond ``checked``'s limits.
    """
    if isinstance(value, Decimal):
        return checked(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError(f'{value!r} is a {type(value).__name__}; write the amount as text, e.g. "0.015"')
    if isinstance(value, str) and not _AMOUNT.fullmatch(value):
        raise ValueError(f'{value[:80]!r} is not a number; write digits with a point, e.g. "0.015"')
    return checked(Decimal(value))


@cache
def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount a currency is billed in (CLDR): 0.01 for USD, 1 for JPY, 0.001 for KWD.

    Raises ValueError for a code CLDR does not know.
    """
    if currency not in get_global("all_currencies"):
        raise ValueError(f"{currency!r} is not a currency; write its ISO 4217 code, e.g. USD")
    return Decimal(1).scaleb(-get_currency_precision(currency))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round an exact amount once to the currency's minor unit, half up: 0.005 USD is 0.01, and -0.005 is -0.01."""
    rounded = amount.quantize(minor_unit(currency), context=_WIDE)
    return rounded or abs(rounded)


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Divide exactly; only a quotient that never ends is cut, half up, after ``QUOTIENT_PLACES`` places."""
    if divisor == 1:
        return plain(dividend)
    context = _WIDE.copy()
    context.clear_flags()
    result = context.divide(dividend, divisor)
    if context.flags[Inexact]:
        result = result.quantize(Decimal(1).scaleb(-QUOTIENT_PLACES), context=_WIDE)
    return plain(result)


def ratio_of(dividends: Mapping[Decimal, Decimal]) -> Fraction:
    """Add up dividends, each over its divisor (the key), losing nothing."""
    return sum((Fraction(dividend) / Fraction(divisor) for divisor, dividend in dividends.items()), Fraction(0))


def as_ratio(value: Fraction) -> tuple[Decimal, Decimal]:
    """Write a fraction as quantity and divisor: 1 where the quotient ends, else the smallest whole number.

    A divisor from ``MAX_DIVISOR`` on (hundreds of thirds, sevenths and so on in one) is not kept: then the
    quotient is cut as any other.
    """
    cut_off = quotient(Decimal(value.numerator), Decimal(value.denominator))
    if Fraction(cut_off) == value or value.denominator >= MAX_DIVISOR:
        return cut_off, Decimal(1)
    return Decimal(value.numerator), Decimal(value.denominator)


def added(dividends: Mapping[Decimal, Decimal]) -> Decimal:
    """Add up quotients, dividing once: their sum is exact even where none of them ends."""
    if len(dividends) == 1:
        ((divisor, dividend),) = dividends.items()
        return quotient(dividend, divisor)
    value = ratio_of(dividends)
    return quotient(Decimal(value.numerator), Decimal(value.denominator))


def whole(quantity: Decimal, divisor: Decimal, rounding: str) -> Decimal:
    """Round ``quantity / divisor`` to a whole number by one of decimal's rules, never through a rounded quotient."""
    units, rest = divmod(quantity, divisor)
    # A half is told exactly by twice the rest; what is neither nothing nor half needs no more digits to go either way.
    tail = (2 * rest).compare(divisor) if rest else None
    hint = {None: "0", Decimal(-1): "0.25", Decimal(0): "0.5", Decimal(1): "0.75"}[tail]
    return plain((units + Decimal(hint)).quantize(Decimal(1), rounding=rounding, context=_WIDE))


def displayed(quantity: Decimal, divisor: Decimal) -> Decimal:
    """Turn a quantity in base units into the meter's unit for people, cut to ``QUANTITY_PLACES`` if it does not end.

    Money is never computed from this: it multiplies the base quantity first and divides once (DESIGN 3).
    """
    shown = quotient(quantity, divisor)
    if _places(shown) > max(QUANTITY_PLACES, _places(quantity)):
        shown = shown.quantize(Decimal(1).scaleb(-QUANTITY_PLACES), context=_WIDE)
    return plain(shown)


def cut(value: Decimal, places: int = QUANTITY_PLACES) -> Decimal:
    """Round to so many ``places``, half up, for people and programs to read; nothing is billed from it."""
    return plain(value.quantize(Decimal(1).scaleb(-places), context=_WIDE))


@exact()
def share(total: Decimal, weights: Mapping[K, Decimal], unit: Decimal) -> dict[K, Decimal]:
    """Split ``total`` by ``weights`` in whole ``unit``s so that the parts add up exactly (largest remainder, Hamilton).

    Each key first gets its proportion cut down to a whole unit; the units left go one each to the largest remainders.
    Ties: the larger weight first, then the key that sorts first as text, None last; the order of ``weights`` never
    matters.
    A zero weight gets nothing, unless all are zero: then the split is even. A negative total is the mirror image.

    Raises ValueError when ``total`` is not a multiple of ``unit``, a weight is negative, or nobody is there to take it.
    """
    units, rest = divmod(abs(total), unit)
    if rest or (units and not weights):
        raise ValueError(f"{total} cannot be split in units of {unit} among {len(weights)}")
    if not weights:
        return {}
    parts = _whole_weights(weights)
    all_parts = sum(parts.values())
    cut = {key: divmod(int(units) * part, all_parts) for key, part in parts.items()}
    left = int(units) - sum(whole for whole, _ in cut.values())
    by_remainder = sorted(parts, key=lambda key: (-cut[key][1], -parts[key], key is None, str(key)))
    lucky = set(by_remainder[:left])
    step = -unit if total < 0 else unit
    return {key: step * (whole + (key in lucky)) + 0 for key, (whole, _) in cut.items()}


def _whole_weights(weights: Mapping[K, Decimal]) -> dict[K, int]:
    """Scale weights to integers of the same proportions; all zero become all one."""
    if any(weight < 0 for weight in weights.values()):
        raise ValueError(f"weights must not be negative: {min(weights.values())}")
    places = max(0, *(_places(weight) for weight in weights.values() if weight), 0)
    if not any(weights.values()):
        return dict.fromkeys(weights, 1)
    return {key: int(weight.scaleb(places)) for key, weight in weights.items()}
