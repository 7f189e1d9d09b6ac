"""How a number leaves analytics: as a decimal without noise."""

from __future__ import annotations

from decimal import Decimal

DIGITS = 12


def exact(value: Decimal | float | None) -> Decimal | None:
    """Answer a sum as a decimal: a Decimal keeps all its digits, a float is rounded to DIGITS significant ones.

    Trailing zeros go, so that 12.500000000000 and 12.5 read the same. Null, NaN and infinity are null: no data.
    """
    if value is None:
        return None
    return _plain(format(value, "f")) if isinstance(value, Decimal) else _rounded(value)


def statistic(value: Decimal | float | None) -> Decimal | None:
    """Answer a statistic as a decimal of DIGITS significant digits, whatever it was computed in."""
    return None if value is None else _rounded(value)


def _rounded(value: Decimal | float) -> Decimal | None:
    text = f"{value:.{DIGITS}g}"
    if "n" in text.lower():  # nan and inf, the only texts with that letter
        return None
    return _plain(format(Decimal(text), "f"))


def _plain(text: str) -> Decimal:
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else Decimal(text)
