"""What is the difference of two numbers, when either may be missing? And sums that lose no digit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

import msgspec

from analytics.frames.number import exact, statistic

# Holds any sum of Float64s of twelve digits (1e308 down to 5e-324), so that what is added up can be taken apart again.
WIDE = Context(prec=700)


class Change(msgspec.Struct, frozen=True):
    """A number against its base; `absolute` and `percent` are null where either has no data.

    `percent` is also null over a base of zero: there is no percentage of nothing.
    """

    current: Decimal | None
    base: Decimal | None
    absolute: Decimal | None
    percent: Decimal | None


def change(current: Decimal | None, base: Decimal | None) -> Change:
    """Answer how a number differs from its base: exact, and in percent of the base's size."""
    if current is None or base is None:
        return Change(current, base, None, None)
    absolute = WIDE.subtract(current, base)
    return Change(current, base, exact(absolute), percent_of(absolute, base))


def percent_of(part: Decimal, whole: Decimal) -> Decimal | None:
    """Answer 100 * part / |whole|, null over zero. The sign is the part's."""
    return statistic(100 * part / abs(whole)) if whole else None


def total(quantities: Iterable[Decimal | None]) -> Decimal | None:
    """Answer the sum of what there is, every digit of it, in whatever order; null where nothing is."""
    known = [quantity for quantity in quantities if quantity is not None]
    if not known:
        return None
    whole = Decimal(0)
    for quantity in known:
        whole = WIDE.add(whole, quantity)
    return exact(whole)
