"""Per-unit model: every unit costs the same; a price may be for several, e.g. 0.015 per 1,000 tokens (S3.2)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from meter.rating import charge
from meter.rating.charge import Charge, Measured, part

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "per_unit"
KIND = "usage"
METERED = True
BY_ROW = False


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``unit_amount`` for ``per`` units, pro rata: 500 of 1,000 cost half."""

    unit_amount: Decimal


def read(table: Table) -> Terms:
    """Read ``unit_amount`` and ``per`` (default 1). Raises BookError."""
    return Terms(unit_amount=table.money("unit_amount"), per=table.number("per", Decimal(1), positive=True))


def price(terms: Terms, measured: Measured) -> Charge:
    """Charge ``quantity * unit_amount / (per * divisor)``."""
    units = part("units", measured.quantity, terms.unit_amount, divisor=measured.divisor, per=terms.per)
    return Charge((units,), terms.unit_amount, terms.per)
