"""Dynamic model: usage is money already, or says itself what it costs; a factor is put on it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meter.rating import charge
from meter.rating.charge import Charge, Measured, part, total
from meter.rating.usage import Usage, UsageError

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "dynamic"
KIND = "usage"
METERED = True
BY_ROW = False
QUANTITY: Final = "quantity"
MONEY: Final = "money"


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``multiplier`` is put on the ``quantity`` used, or on the ``money`` that events say they cost."""

    multiplier: Decimal = Decimal(1)
    amount: str = QUANTITY


def read(table: Table) -> Terms:
    """Read ``multiplier`` (default 1) and ``amount``. Raises BookError."""
    terms = Terms(
        multiplier=table.number("multiplier", Decimal(1)), amount=table.choice("amount", (QUANTITY, MONEY), QUANTITY)
    )
    if terms.amount == MONEY:
        for field in ("included", "conversion", "minimum_per_service"):
            if table.has(field):
                table.refuse(field, "is about quantities, and events say what they cost", "leave it out")
    return terms


def price(terms: Terms, measured: Measured) -> Charge:
    """Charge what is measured times the multiplier. Raises UsageError where an event does not say what it costs."""
    if terms.amount == MONEY:
        return Charge((part("amount", total(_cost(row) for row in measured.rows), terms.multiplier),))
    amount = part("amount", measured.quantity, terms.multiplier, divisor=measured.divisor)
    return Charge((amount,), terms.multiplier)


def _cost(row: Usage) -> Decimal:
    if row.money is None:
        # Its quantity in place of money would bill a token as a dollar; nothing would bill it never.
        raise UsageError(f"{row.meter} costs what its events say, and some do not say it; give `money`, 0 if for free")
    return row.money
