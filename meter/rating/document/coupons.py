"""Coupons and promotional grants: what is given off the lines they target, one after the other."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.document.document import Applied
from meter.rating.document.parts import NOTHING, cut_down, rounded, shown, sum_of
from meter.rating.document.sheet import Row, Sheet, take_off
from meter.rating.document.terms import Coupon, Grant, Targets
from meter.rating.usage import UsageError

COUPON: Final = "coupon"
GRANT: Final = "grant"
USED_UP: Final = "used up"
NO_LINE: Final = "no line"
NOTHING_LEFT: Final = "nothing left"
_HUNDRED: Final = Fraction(100)
# Coupons whose lines cross each other double the digits of exact parts, each time; those for disjoint, nested or the
# same lines do not. 2,500 digits are eight that cross in the worst way, on a hundred lines: a fraction of a second.
_MAX_BITS: Final = 1 << 13


def coupons(sheet: Sheet) -> Sheet:
    """Apply the coupons in the order given, each on what those before it left."""
    for coupon in sheet.terms.coupons:
        sheet = _coupon(sheet, coupon)
    return sheet


def grants(sheet: Sheet) -> Sheet:
    """Apply promotional money as coupons of an amount."""
    for grant in sheet.terms.grants:
        sheet = _grant(sheet, grant)
    return sheet


def _coupon(sheet: Sheet, coupon: Coupon) -> Sheet:
    if coupon.used_up:
        return _unused(sheet, COUPON, coupon.name, USED_UP, left=None)
    return _apply(sheet, (COUPON, coupon.name, ""), coupon.targets, percent=coupon.percent, worth=coupon.amount)


def _grant(sheet: Sheet, grant: Grant) -> Sheet:
    return _apply(sheet, (GRANT, grant.name, grant.title), grant.targets, percent=None, worth=grant.amount)


def _apply(
    sheet: Sheet, named: tuple[str, str, str], targets: Targets, *, percent: Decimal | None, worth: Decimal | None
) -> Sheet:
    """Take a whole amount off the lines: no more than they come to, credits among them counted.

    The amount is rounded once and never above what is left, so that a coupon of all leaves a part of a minor unit
    rather than giving it twice.
    """
    kind, name, title = named
    rows = frozenset(at for at, row in enumerate(sheet.rows) if _is_for(row, targets))
    base = sum_of(sheet.rows[at].left for at in rows)
    _check_size(base, name)
    asked = _share_of(base, percent, sheet.currency) if percent is not None else worth or Decimal(0)
    amount = cut_down(min(Fraction(asked), max(NOTHING, base)), sheet.currency)
    left = None if worth is None else worth - amount
    if not amount:
        reason = NOTHING_LEFT if rows else NO_LINE
        return _unused(sheet, kind, name, reason, left=left)
    facts = step(
        kind,
        **{kind: name},
        title=title or None,
        lines=len(rows),
        base=shown(base),
        percent=percent,
        worth=worth,
        off=f"{amount:f}",
    )
    applied = Applied(name=name, kind=kind, base=shown(base), amount=amount, left=left, reason="")
    going = take_off(sheet, amount, rows, kind, name)
    return replace(going, applied=(*sheet.applied, applied), steps=(*sheet.steps, facts))


def _share_of(base: Fraction, percent: Decimal, currency: str) -> Decimal:
    return rounded(max(NOTHING, base) * Fraction(percent) / _HUNDRED, currency)


def _unused(sheet: Sheet, kind: str, name: str, reason: str, *, left: Decimal | None) -> Sheet:
    zero = rounded(NOTHING, sheet.currency)
    applied = Applied(name=name, kind=kind, base=Decimal(0), amount=zero, left=left, reason=reason)
    facts = step(kind, **{kind: name}, off=f"{zero:f}", reason=reason)
    return replace(sheet, applied=(*sheet.applied, applied), steps=(*sheet.steps, facts))


def _is_for(row: Row, targets: Targets) -> bool:
    line = row.line
    asked = (
        (targets.prices, line.price),
        (targets.meters, line.meter),
        (targets.plans, row.plan),
        (targets.categories, line.category),
    )
    return f"{row.plan}/{line.price}" not in targets.but and all(not names or value in names for names, value in asked)


def _check_size(base: Fraction, name: str) -> None:
    if base.numerator.bit_length() > _MAX_BITS or base.denominator.bit_length() > _MAX_BITS:
        said = f"the lines of coupon {name} cross those of too many coupons before it"
        raise UsageError(f"{said}; give coupons for the same lines one after the other, or fewer of them")
