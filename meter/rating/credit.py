"""What is a part of something billed worth, when it is taken back? Net amounts, and the tax that goes with them; pure.

Taxes follow the net amount taken back so far, rounded half up, less what went before: however often a line is credited
in parts, all of it comes to exactly its own tax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

import msgspec

from meter.rating.charge import total
from meter.rating.document.parts import rounded
from meter.rating.money import exact, minor_unit, round_money, share, whole

NOTHING: Final = Decimal(0)


class RateTax(msgspec.Struct, frozen=True):
    """What a rate of tax brings of a line, in whole minor units; `inclusive`: the price contained it."""

    name: str
    percent: Decimal
    inclusive: bool
    amount: Decimal


class Credited(msgspec.Struct, frozen=True):
    """A part of a line that is taken back: `net` and `tax`, which its `taxes` add up to, come to `total`."""

    net: Decimal
    tax: Decimal
    total: Decimal
    taxes: tuple[RateTax, ...]


@exact()
def unused(fee: Decimal, days: Decimal, of: Decimal, currency: str) -> Decimal:
    """What so many days of a period are worth that a fee was paid for: rounded once, half up."""
    unit = minor_unit(currency)
    return round_money(whole(fee / unit * days, of, ROUND_HALF_UP) * unit, currency)


@exact()
def part(
    net: Decimal, taxes: Sequence[RateTax], amount: Decimal, currency: str, before: Decimal | None = None
) -> Credited:
    """`amount` of a line of `net` and `taxes`, of which `before` was credited already; without tax in all three.

    A line of nothing but tax goes with the first credit.
    """
    after = (before or NOTHING) + amount
    parts = tuple(
        msgspec.structs.replace(
            each, amount=_of(each.amount, net, after, currency) - _earlier(each.amount, net, before, currency)
        )
        for each in taxes
    )
    tax = total(each.amount for each in parts) + amount * 0
    return Credited(amount, tax, amount + tax, parts)


def _earlier(tax: Decimal, net: Decimal, before: Decimal | None, currency: str) -> Decimal:
    return NOTHING if before is None else _of(tax, net, before, currency)


def _of(tax: Decimal, net: Decimal, credited: Decimal, currency: str) -> Decimal:
    """The tax of what is credited of a line so far."""
    return rounded(Fraction(tax) * Fraction(credited) / Fraction(net), currency) if net else tax


def spread(amount: Decimal, left: Mapping[int, Decimal], currency: str) -> dict[int, Decimal]:
    """An amount over lines by what is `left` of each, in whole minor units: largest remainder, none above what is left.

    Raises ValueError for more than there is.
    """
    if amount > total(left.values()):
        raise ValueError(f"{amount} is more than there is")
    return {key: given for key, given in share(amount, left, minor_unit(currency)).items() if given}
