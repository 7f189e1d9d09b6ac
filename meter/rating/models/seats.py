"""Seats model: so much for each seat, of those that came or went inside the period the part that they were there."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING

from meter.rating import charge
from meter.rating.charge import Charge, Measured, paid_together, part
from meter.rating.models.changes import levels
from meter.rating.money import exact

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "seats"
KIND = "usage"
METERED = True
BY_ROW = True


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``unit_amount`` is what a seat costs for the whole period."""

    unit_amount: Decimal


def read(table: Table) -> Terms:
    """Read ``unit_amount``, the price of one seat. Raises BookError."""
    return Terms(unit_amount=table.money("unit_amount"))


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge the seats of all rows: each adds some or takes them away, for the part of the period that is paid.

    Raises UsageError where more seats go than there are.
    """
    deque(levels(measured.rows), maxlen=0)
    seats, divisor = paid_together(measured.rows)
    return Charge(
        (part("seats", seats, terms.unit_amount, divisor=divisor * measured.divisor),), terms.unit_amount, terms.per
    )
