"""The most and the least that a whole invoice comes to in a period."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.document.parts import NOTHING, rounded, shown
from meter.rating.document.sheet import Sheet, added_line, amounts_of, rounding, take_off, with_line
from meter.rating.document.terms import Spend
from meter.rating.line import Share

ID: Final = "spend"
MAXIMUM: Final = "maximum"
MINIMUM: Final = "minimum"


def maximum(sheet: Sheet) -> Sheet:
    """Take what is above the maximum off all lines, each by its part; parts of a period fill the same room."""
    terms = sheet.terms.spend
    if terms is None or terms.maximum is None:
        return sheet
    most, before = _bound(sheet, terms, terms.maximum), _before(sheet)
    after = before + amounts_of(sheet.rows)
    above = rounded(max(NOTHING, after - most), sheet.currency)
    off = above - rounded(max(NOTHING, before - most), sheet.currency)
    if not off:
        return sheet
    facts = step("maximum", maximum=shown(most), before=shown(before) if before else None, owed=shown(after), off=off)
    capped = take_off(sheet, off, frozenset(range(len(sheet.rows))), MAXIMUM, ID)
    return replace(capped, spend_discount=off, steps=(*sheet.steps, facts))


def minimum(sheet: Sheet) -> Sheet:
    """Add what all lines of the period fall short of the minimum, when it ends. It is nobody's in particular."""
    terms = sheet.terms.spend
    if terms is None or terms.minimum is None or not sheet.split.last:
        return sheet
    least = _bound(sheet, terms, terms.minimum)
    # Before the maximum, which is never below the minimum: what is above the one has reached the other.
    owed = _before(sheet) + amounts_of(sheet.rows)
    missing = max(NOTHING, least - owed)
    amount = rounded(missing, sheet.currency)
    if not amount:
        return sheet
    facts = step("minimum", minimum=shown(least), owed=shown(owed), exact=shown(missing))
    line = added_line(
        kind=MINIMUM,
        price=ID,
        description="Minimum of the invoice",
        category=terms.category,
        due=missing,
        amount=amount,
        steps=(facts, rounding(missing, amount)),
        members=(Share(None, amount),),
    )
    return with_line(sheet, line, facts)


def _bound(sheet: Sheet, terms: Spend, amount: Decimal) -> Fraction:
    ratio = sheet.split.share_of(terms.prorate, sheet.period)
    return Fraction(amount) * Fraction(ratio.part) / Fraction(ratio.whole)


def _before(sheet: Sheet) -> Fraction:
    earlier = sheet.earlier
    return Fraction(earlier.usage) + Fraction(earlier.fees) + Fraction(earlier.added)
