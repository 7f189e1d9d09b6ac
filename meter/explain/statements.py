"""What is each member's part of an invoice? Of every line, its discount and its tax, adding up to the cent. Pure.

A line's amount is shared by what each member used of it, free units and tiers with it, and what coupons and taxes made
of the line by these amounts, each to whole minor units by the largest remainder. What no member used is nobody's, with
a row of its own. Where rounding leaves a minor unit, the tax takes it, or the discount of a line without tax, so that
each row adds up as each column does.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from meter.invoices import Settled
from meter.rating.charge import total
from meter.rating.line import Line, in_order, shares
from meter.rating.money import exact

NOTHING = Decimal(0)


class Part(NamedTuple):
    """A member's part of a line (by number from 1): `amount` - `discount` + `tax` - `tax_included` = `total`."""

    line: int
    amount: Decimal
    discount: Decimal
    tax: Decimal
    tax_included: Decimal
    total: Decimal


class Statement(NamedTuple):
    """A member's parts of all lines, and their sums; `member` None is what belongs to nobody."""

    member: str | None
    parts: tuple[Part, ...]

    def sum_of(self, name: str) -> Decimal:
        """What a field of the parts comes to."""
        return total(getattr(part, name) for part in self.parts)


def statements(lines: Sequence[Line], settled: Sequence[Settled], currency: str) -> tuple[Statement, ...]:
    """The statement of each member that has a part of a line, by name; nobody's last."""
    parts: dict[str | None, list[Part]] = {}
    for number, (line, own) in enumerate(zip(lines, settled, strict=True), 1):
        for member, part in _parts(number, line, own, currency).items():
            parts.setdefault(member, []).append(part)
    return tuple(Statement(member, tuple(parts[member])) for member in in_order(parts))


@exact()
def _parts(number: int, line: Line, settled: Settled, currency: str) -> dict[str | None, Part]:
    amounts = {share.member: share.amount for share in line.members}
    weights = {member: abs(amount) for member, amount in amounts.items()}

    def shared(amount: Decimal) -> dict[str | None, Decimal]:
        return {share.member: share.amount for share in shares(weights, amount, currency)}

    totals, included = shared(settled.total), shared(settled.tax_included)
    discounts, taxes = shared(settled.discount), shared(settled.tax)
    found: dict[str | None, Part] = {}
    for member, to_pay in totals.items():
        amount, within = amounts.get(member, NOTHING), included[member]
        off, tax = discounts[member], taxes[member]
        if settled.tax:
            tax = to_pay - amount + off + within
        elif settled.discount:
            off = amount - to_pay
        found[member] = Part(number, amount, off, tax, within, to_pay)
    return found
