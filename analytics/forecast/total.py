"""How much will it be in the end? What is known of a period, and the sum of the forecast over the rest of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from analytics.forecast.look import Look, sums, windows_until
from analytics.frames.number import statistic


class Total(msgspec.Struct, frozen=True):
    """The whole of a period: `known` before the first window ahead, `expected` in the rest, `mean` both together.

    The bands are those of the whole; null when they can't be known. All but `known` are null without a forecast.
    """

    to: datetime
    known: Decimal
    expected: Decimal | None
    mean: Decimal | None
    low80: Decimal | None
    high80: Decimal | None
    low95: Decimal | None
    high95: Decimal | None


def total(seen: Look, until: datetime, *, known: Decimal = Decimal(0)) -> Total:
    """Answer the total at `until`, the end of a window ahead, or the end of the past: then it is what is known.

    `known` is the sum of the period's windows before the first window ahead; that one is forecast as a whole, so what
    it holds already is no part of `known`.

    Raises:
        ValueError: the forecast does not reach `until`, or it is no window's end.
    """
    windows = windows_until(seen.grid, until)
    if not windows:
        return Total(until, known, Decimal(0), known, known, known, known, known)
    if seen.outlook is None:
        return Total(until, known, None, None, None, None, None, None)
    found = sums(seen.grid, seen.outlook, seen.floor)
    expected = _decimal(found.mean[windows - 1])
    if found.bounds is None:
        return Total(until, known, expected, known + expected, None, None, None, None)
    low, high = ([known + _decimal(edge) for edge in side[:, windows - 1]] for side in found.bounds)
    return Total(until, known, expected, known + expected, low[0], high[0], low[1], high[1])


def _decimal(value: float) -> Decimal:
    """Answer a finite float as a decimal.

    Raises:
        ValueError: it overflowed.
    """
    number = statistic(float(value))
    if number is None:
        raise ValueError("The quantities are too large for a forecast.")
    return number
