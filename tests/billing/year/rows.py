"""What is left to pay of lines when something comes off them: each by its part, in fractions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple


class Row(NamedTuple):
    """What is left of a line that is for a meter (or a fee, for none)."""

    meter: str
    left: Fraction


def sum_of(rows: Iterable[Row], meters: Collection[str] = ()) -> Fraction:
    """Answer what is left of lines of some meters; of all, where none is named."""
    return sum((row.left for row in rows if not meters or row.meter in meters), Fraction(0))


def take_off(rows: Iterable[Row], amount: Decimal | Fraction, meters: Collection[str] = ()) -> list[Row]:
    """Take an amount off lines of some meters, each by its part of what is owed; what is below zero stays as it is."""
    every = list(rows)
    those = [row.left > 0 and (not meters or row.meter in meters) for row in every]
    owed = sum((row.left for row, has in zip(every, those, strict=True) if has), Fraction(0))
    keeps = 1 - Fraction(amount) / owed if amount else Fraction(1)
    return [row._replace(left=row.left * keeps) if has else row for row, has in zip(every, those, strict=True)]
