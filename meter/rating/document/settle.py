"""The order in which the sum of an invoice comes about, written here and nowhere else, with the reason at each step.

Before it, in ``meter.rating.order``, each price has its percent discount, maximum and minimum, and is rounded to lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from meter.rating.charge import step, total
from meter.rating.document import commitment, coupons, exchange, spend, taxes
from meter.rating.document.document import Document, SettledLine
from meter.rating.document.parts import NOTHING, apportion, rounded, shown
from meter.rating.document.sheet import Earlier, Item, Row, Sheet, row_of
from meter.rating.line import Share, in_order, shares
from meter.rating.money import exact
from meter.rating.split import WHOLE, Split
from meter.rating.usage import UsageError

if TYPE_CHECKING:
    from meter.rating.document.terms import Terms
    from meter.rating.invoice import Rated
    from meter.rating.periods import Period

ORDER: Final[tuple[Callable[[Sheet], Sheet], ...]] = (
    # What is agreed about an invoice is agreed in its currency, so lines are in it before anything is compared.
    exchange.apply,
    # A commitment is about what usage costs by its prices, discounts included. Its lines are part of what is billed, so
    # the bounds of the invoice see them, and coupons do not change whether it was reached.
    commitment.apply,
    # "Never more than" is a promise about what is billed. It precedes the minimum, as it does for a price, and coupons,
    # which come off what would really be asked for.
    spend.maximum,
    # The minimum looks at what is billed, not at what a gift leaves of it: a coupon that only raised the shortfall
    # would be worth nothing.
    spend.minimum,
    # Gifts come last before tax, since tax is on what is really paid. Coupons first: promotional money may be kept for
    # later, most coupons can't.
    coupons.coupons,
    coupons.grants,
    # Tax is on what is left, exactly, and rounded once.
    taxes.apply,
    # Prepaid credit follows, and is not in here: it is money already paid, a way to pay the total, which it neither
    # lowers nor untaxes. The ledger does it.
)


def items_of(rated: Rated) -> tuple[Item, ...]:
    """The lines of a rated plan, ready to be settled, alone or with those of others."""
    return tuple(Item(line, line.plan or rated.plan) for line in rated.lines)


@exact()
def settle(
    items: Sequence[Item],
    terms: Terms,
    currency: str,
    period: Period,
    split: Split = WHOLE,
    earlier: Earlier | None = None,
) -> Document:
    """Answer what is to be paid for lines in ``currency``, all of one ``period``; pure, and independent of their order.

    Of a ``split`` that is not the first, ``earlier`` says what the parts before it billed. Raises UsageError where that
    is missing but needed, where no exchange rate is stored, and for coupons that cross each other too often.
    """
    bounded = terms.commitment is not None or terms.spend is not None
    if earlier is None and bounded and not split.first:
        raise UsageError(
            "a commitment, minimum or maximum needs what earlier parts of the period billed; say `earlier`"
        )
    sheet = Sheet(
        currency=currency,
        terms=terms,
        period=period,
        split=split,
        earlier=earlier or Earlier(),
        rows=tuple(row_of(item.line, item.plan) for item in items),
    )
    for apply in ORDER:
        sheet = apply(sheet)
    return _document(sheet)


def _document(sheet: Sheet) -> Document:
    zero = rounded(NOTHING, sheet.currency)
    subtotal = zero + total(row.line.amount for row in sheet.rows)
    given = zero + total(each.amount for each in sheet.applied)
    off = zero + sheet.spend_discount
    tax, included = zero + total(row.tax for row in sheet.rows), zero + total(row.tax_included for row in sheet.rows)
    to_pay = subtotal - off - given + tax - included
    lines = _lines(sheet, off + given)
    sums = {"subtotal": subtotal, "maximum": off, "coupons": given, "tax": tax, "included": included, "total": to_pay}
    facts = step("total", **{name: f"{amount:f}" for name, amount in sums.items()})
    return Document(
        currency=sheet.currency,
        lines=lines,
        subtotal=subtotal,
        spend_discount=off,
        coupons=sheet.applied,
        coupons_total=given,
        taxes=sheet.taxes,
        tax=tax,
        tax_included=included,
        net=to_pay - tax,
        total=to_pay,
        members=_members(lines, sheet.currency),
        derivation=(*sheet.steps, facts),
    )


def _lines(sheet: Sheet, off: Decimal) -> tuple[SettledLine, ...]:
    """What was taken off, in whole minor units for each line."""
    exactly = [Fraction(row.line.amount) - row.left for row in sheet.rows]
    parts = apportion(exactly, [row.name for row in sheet.rows], off, sheet.currency)
    return tuple(_line(row, part) for row, part in zip(sheet.rows, parts, strict=True))


def _line(row: Row, off: Decimal) -> SettledLine:
    return SettledLine(
        line=row.line,
        plan=row.plan,
        discounts=row.discounts,
        discount=off,
        taxable=shown(row.net),
        taxes=row.taxes,
        tax_exact=shown(row.tax_exact),
        tax=row.tax,
        tax_included=row.tax_included,
        untaxed=row.untaxed,
        total=row.line.amount - off + row.tax - row.tax_included,
    )


def _members(lines: tuple[SettledLine, ...], currency: str) -> tuple[Share, ...]:
    """Each line's total is its members' by what they have of the line; by name, nobody last."""
    owed: dict[str | None, list[Decimal]] = {}
    for each in lines:
        weights = {part.member: abs(part.amount) for part in each.line.members}
        for part in shares(weights, each.total, currency):
            owed.setdefault(part.member, []).append(part.amount)
    return tuple(Share(member, total(owed[member])) for member in in_order(owed))
