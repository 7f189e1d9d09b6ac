"""Which credit pays how much of which line of an invoice? Amounts in, allocation out: exact, and nothing is rounded.

The same for credits before tax (coupons, promotional grants: lines without tax) and for money that was paid already,
which comes last (lines with their tax).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from meter.rating.money import checked, exact

_NOTHING = Decimal(0)


class Credit(NamedTuple):
    """An amount to pay with, and the places of the lines that it is good for; None: all of them."""

    amount: Decimal
    lines: frozenset[int] | None = None


class Part(NamedTuple):
    """How much of a line one credit pays; both by their places."""

    line: int
    credit: int
    amount: Decimal


class Applied(NamedTuple):
    """What each credit paid of each line (by line, then by credit), what is still due of lines, and left of credits."""

    parts: tuple[Part, ...]
    due: tuple[Decimal, ...]
    left: tuple[Decimal, ...]

    def of_line(self, line: int) -> tuple[Part, ...]:
        """What was paid of a line, credit by credit."""
        return tuple(part for part in self.parts if part.line == line)

    @property
    def total(self) -> Decimal:
        """What all credits paid."""
        return _sum(part.amount for part in self.parts)


class NotConsumedError(ValueError):
    """Credits that had to be used up are more than the lines owe; `left` is what is left of each."""

    def __init__(self, left: tuple[Decimal, ...]) -> None:
        """`left` by the places of the credits."""
        super().__init__(f"the credits are {_sum(left):f} more than the lines owe; give no more than is due")
        self.left = left


@exact()
def apply(lines: Sequence[Decimal], given: Sequence[Credit]) -> Applied:
    """Pays lines in their order, with one credit after the other; what no line needs is left.

    A line below zero gives money back: it comes off the lines that no credit has paid, so that all of them together
    are never paid below zero. Raises ValueError for a credit below zero or for a line that is not there, and for
    amounts that are no finite numbers; TypeError for floats.
    """
    due, left = [checked(line) for line in lines], [_checked(credit, len(lines)) for credit in given]
    payable = _sum(due)
    parts = []
    for place, credit in enumerate(given):
        for line in range(len(due)) if credit.lines is None else sorted(credit.lines):
            amount = min(left[place], due[line], payable)
            if amount > 0:
                parts.append(Part(line, place, amount))
                left[place] -= amount
                due[line] -= amount
                payable -= amount
    return Applied(tuple(sorted(parts)), tuple(due), tuple(left))


def consume(lines: Sequence[Decimal], given: Sequence[Credit]) -> Applied:
    """As `apply`, for credits given for these lines alone. Raises NotConsumedError where one is not used up."""
    found = apply(lines, given)
    if any(found.left):
        raise NotConsumedError(found.left)
    return found


def _checked(credit: Credit, lines: int) -> Decimal:
    amount = checked(credit.amount)
    if amount < 0:
        raise ValueError(f"a credit of {amount:f} is no credit; write what it pays, 0 or more")
    if credit.lines is not None and not credit.lines <= frozenset(range(lines)):
        raise ValueError(f"a credit is for lines {sorted(credit.lines)}; there are only {lines}")
    return amount


@exact()
def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, _NOTHING)
