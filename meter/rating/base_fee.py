"""Flat model: a fixed fee for the period, whatever is used (S1.3, S2.5, S4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meter.rating.charge import Charge, Measured, Terms, step
from meter.rating.money import exact, quotient

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "flat"
KIND = "base_fee"
METERED = False


def read(table: Table) -> Terms:
    """Read ``unit_amount``, the fee of one period. Raises BookError."""
    return Terms(unit_amount=table.money("unit_amount"))


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge the fee once per period: ``measured`` counts periods, 1 for a whole one."""
    fee = terms.unit_amount
    if fee is None:
        raise ValueError("a flat price without unit_amount")
    amount = quotient(fee * measured.quantity, measured.divisor)
    return Charge(amount, fee, terms.per, (step("fee", periods=measured.quantity, unit_amount=fee, amount=amount),))
