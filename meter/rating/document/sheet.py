"""An invoice in the making: what the steps of ``settle`` hand to each other."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec
from msgspec.structs import replace

from meter.rating.charge import Step, step
from meter.rating.document.document import Applied, LineDiscount, LineTax, TaxTotal
from meter.rating.document.parts import NOTHING, shown, sum_of
from meter.rating.document.terms import Terms
from meter.rating.line import Line, Share
from meter.rating.periods import Period
from meter.rating.split import Split
from meter.rating.usage import TOTAL

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


class Item(msgspec.Struct, frozen=True):
    """A line to be settled, and the plan it is of."""

    line: Line
    plan: str = ""


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier parts of the period billed, where it is billed in several: ``added`` are their overage lines.

    All in the invoice's currency, before the maximum, coupons and tax.
    """

    usage: Decimal = _ZERO
    fees: Decimal = _ZERO
    added: Decimal = _ZERO


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line, what is still to be paid of it (``left``), what was taken off, and the taxes on it.

    ``tax`` and ``tax_included`` are whole minor units, ``untaxed`` says why there is no tax.
    """

    line: Line
    plan: str
    left: Fraction
    discounts: tuple[LineDiscount, ...] = ()
    net: Fraction = NOTHING
    taxes: tuple[LineTax, ...] = ()
    tax_exact: Fraction = NOTHING
    tax: Decimal = _ZERO
    tax_included: Decimal = _ZERO
    untaxed: str = ""

    @property
    def name(self) -> str:
        """What ties are broken by: of lines with the same name and amount either will do."""
        line = self.line
        return f"{self.plan}\t{line.price}\t{line.kind}\t{line.cell}\t{line.description}\t{line.category}"


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """All rows and the terms for them, and what the steps so far made of them."""

    currency: str
    terms: Terms
    period: Period
    split: Split
    earlier: Earlier
    rows: tuple[Row, ...]
    spend_discount: Decimal = _ZERO
    applied: tuple[Applied, ...] = ()
    taxes: tuple[TaxTotal, ...] = ()
    steps: tuple[Step, ...] = ()


def row_of(line: Line, plan: str) -> Row:
    """A line of which nothing was taken off yet."""
    return Row(line=line, plan=plan, left=Fraction(line.amount), net=Fraction(line.amount))


def with_line(sheet: Sheet, line: Line, facts: Step) -> Sheet:
    """Add a line that the terms ask for; it belongs to the plan, if all lines are of one."""
    plans = {row.plan for row in sheet.rows}
    plan = plans.pop() if len(plans) == 1 else ""
    return replace(sheet, rows=(*sheet.rows, row_of(line, plan)), steps=(*sheet.steps, facts))


def added_line(  # noqa: PLR0913 - a line has many fields, and each is named at the call
    *,
    kind: str,
    price: str,
    description: str,
    category: str,
    due: Fraction,
    amount: Decimal,
    steps: tuple[Step, ...],
    members: tuple[Share, ...],
    quantity: Decimal = _ONE,
    unit: str = "period",
    unit_amount: Decimal | None = None,
) -> Line:
    """A line that stands for no usage of its own."""
    return Line(
        kind=kind,
        price=price,
        description=description,
        meter="",
        measure=TOTAL,
        quantity=quantity,
        unit=unit,
        included=_ZERO,
        billed_quantity=quantity,
        unit_amount=unit_amount,
        per=_ONE,
        exact=shown(due),
        amount=amount,
        derivation=steps,
        members=members,
        category=category,
        gross=amount,
    )


def take_off(sheet: Sheet, off: Decimal, of: frozenset[int], kind: str, name: str) -> Sheet:
    """Take an amount off some rows, each by its part of what is left to pay of them all, exactly.

    A row is never brought to the other side of zero: what lowers an invoice is taken off what is owed, not off credits.
    """
    sign = -1 if off < 0 else 1
    base = {at: sheet.rows[at].left for at in of if sheet.rows[at].left * sign > 0}
    part = Fraction(off) / sum_of(base.values()) if base else NOTHING
    rows = tuple(_less(row, base[at] * part, kind, name) if at in base else row for at, row in enumerate(sheet.rows))
    return replace(sheet, rows=rows)


def _less(row: Row, off: Fraction, kind: str, name: str) -> Row:
    left = row.left - off
    return replace(row, left=left, net=left, discounts=(*row.discounts, LineDiscount(kind, name, shown(off))))


def rounding(due: Fraction, amount: Decimal) -> Step:
    """The one rounding of an added line."""
    return step("round", exact=shown(due), rule="half up", amount=f"{amount:f}")


def amounts_of(rows: Iterable[Row]) -> Fraction:
    """What lines come to, before anything was taken off."""
    return sum_of(Fraction(row.line.amount) for row in rows)
