"""Flat model: a fixed fee for the period, whatever is used (S1.3, S2.5, S4.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meter.rating import charge
from meter.rating.charge import Charge, Measured, part

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "flat"
KIND = "base_fee"
METERED = False
BY_ROW = False
ADVANCE: Final = "in_advance"
ARREARS: Final = "in_arrears"


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``unit_amount`` is the fee of one period, owed when it begins or when it ends (``due``)."""

    unit_amount: Decimal
    due: str = ADVANCE


def read(table: Table) -> Terms:
    """Read ``unit_amount``, the fee of one period, and ``due``. Raises BookError."""
    return Terms(unit_amount=table.money("unit_amount"), due=table.choice("due", (ADVANCE, ARREARS), ADVANCE))


def price(terms: Terms, measured: Measured) -> Charge:
    """Charge the fee once per period: ``measured`` counts periods, 17/31 for a part of one."""
    if terms.due == ARREARS and not measured.ends:
        return Charge((), terms.unit_amount)
    fee = part("fee", measured.quantity, terms.unit_amount, divisor=measured.divisor)
    return Charge((fee,), terms.unit_amount)
