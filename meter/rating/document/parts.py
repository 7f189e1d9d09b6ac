"""Exact parts of an amount, and how they become whole minor units that add up.

A third of a coupon has no end as a decimal, and cut anywhere it could tip a tax over half a cent. So between lines and
totals money is a fraction of whole numbers, and only what leaves this folder is a Decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Final

from meter.rating.money import QUOTIENT_PLACES, exact, minor_unit, plain

NOTHING: Final = Fraction(0)
_HALF: Final = Fraction(1, 2)


def sum_of(amounts: Iterable[Fraction]) -> Fraction:
    """Add up exactly; brought to one denominator first, which reduces once and not at every step."""
    parts = tuple(amounts)
    whole = lcm(*(part.denominator for part in parts))
    return Fraction(sum(part.numerator * (whole // part.denominator) for part in parts), whole)


@exact()
def shown(amount: Fraction) -> Decimal:
    """The same as a Decimal to show; what does not end is rounded to as many places as `money.quotient` cuts it to."""
    return plain(Decimal(_half_up(amount * 10**QUOTIENT_PLACES)).scaleb(-QUOTIENT_PLACES))


def rounded(amount: Fraction, currency: str) -> Decimal:
    """Round once to the currency's minor unit, half up, away from zero: as `money.round_money` does."""
    return _money(_half_up(amount / _unit(currency)), currency)


def _half_up(amount: Fraction) -> int:
    units = (abs(amount) + _HALF) // 1
    return units if amount > 0 else -units


def cut_down(amount: Fraction, currency: str) -> Decimal:
    """The whole minor units of an amount that is not negative; the rest is left out."""
    return _money(amount // _unit(currency), currency)


@exact()
def apportion(amounts: Sequence[Fraction], names: Sequence[str], total: Decimal, currency: str) -> list[Decimal]:
    """Whole minor units for each amount, adding up to ``total``, which is the sum of all rounded either way.

    Each gets its whole units, and those left go one each to the largest remainders (a tie: the larger amount, then the
    name that sorts first). None is a whole unit away from its amount. What is negative in sum is the mirror image.
    """
    sign = -1 if sum_of(amounts) < 0 else 1
    units = [sign * amount / _unit(currency) for amount in amounts]
    whole = [each // 1 for each in units]
    left = sign * Fraction(total) // _unit(currency) - sum(whole)
    order = sorted(range(len(units)), key=lambda at: (whole[at] - units[at], -abs(units[at]), names[at]))
    lucky = set(order[:left])
    return [_money(sign * (each + (at in lucky)), currency) for at, each in enumerate(whole)]


def _unit(currency: str) -> Fraction:
    return Fraction(minor_unit(currency))


@exact()
def _money(units: int, currency: str) -> Decimal:
    """So many minor units, written with the currency's places: 5.00."""
    return Decimal(units) * minor_unit(currency)
