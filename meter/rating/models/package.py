"""Package model: units are sold in packages, and a package that was begun is paid whole."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from meter.rating import charge
from meter.rating.charge import Charge, Measured, part
from meter.rating.money import exact, whole

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "package"
KIND = "usage"
METERED = True
BY_ROW = False


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``unit_amount`` is the price of one package of ``per`` units."""

    unit_amount: Decimal


def read(table: Table) -> Terms:
    """Read ``unit_amount``, the price of one package, and ``per``, how many units that is. Raises BookError."""
    return Terms(unit_amount=table.money("unit_amount"), per=table.number("per", positive=True))


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge every package begun since the period did, so a part of it that begins none owes nothing."""
    packages = whole(measured.quantity, terms.per * measured.divisor, ROUND_CEILING)
    return Charge((part("packages", packages, terms.unit_amount),), terms.unit_amount, terms.per)
