"""Per-unit model: every unit costs the same; a price may be for several, e.g. 0.015 per 1,000 tokens (S3.2)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from meter.rating import charge
from meter.rating.charge import Charge, Measured, step
from meter.rating.money import exact, quotient

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "per_unit"
KIND = "usage"
METERED = True


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``unit_amount`` for ``per`` units, pro rata: 500 of 1,000 cost half."""

    unit_amount: Decimal


def read(table: Table) -> Terms:
    """Read ``unit_amount`` and ``per`` (default 1). Raises BookError."""
    return Terms(unit_amount=table.money("unit_amount"), per=table.number("per", Decimal(1), positive=True))


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge ``quantity * unit_amount / (per * divisor)``: products first and one division last, so nothing is lost."""
    amount = quotient(measured.quantity * terms.unit_amount, terms.per * measured.divisor)
    facts = step(
        "price",
        model=NAME,
        quantity=measured.quantity,
        divisor=measured.divisor,
        unit_amount=terms.unit_amount,
        per=terms.per,
        amount=amount,
    )
    return Charge(amount, terms.unit_amount, terms.per, (facts,))
