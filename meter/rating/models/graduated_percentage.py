"""Graduated percentage: a share of an amount of money, which falls or rises with how much of it there is."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meter.rating import charge
from meter.rating.charge import Charge, Measured
from meter.rating.models.tiers import Tier, parts_of, read_flat, read_tiers, spread
from meter.rating.money import exact

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "graduated_percentage"
KIND = "usage"
METERED = True
BY_ROW = False
PART: Final = "percent"
_HUNDRED: Final = Decimal(100)


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``tiers`` of the amount measured; a tier's ``unit_amount`` is its percentage, so much for each 100."""

    tiers: tuple[Tier, ...]


def read(table: Table) -> Terms:
    """Read ``tiers`` of ``up_to``, ``percent``, ``flat`` and ``flat_at_zero``. Raises BookError."""
    return Terms(tiers=read_tiers(table, _tier))


def _tier(row: Table, number: int, up_to: Decimal | None) -> Tier:
    """Read one tier; a percentage of nothing owes nothing, unless the first tier says so of its flat fee."""
    flat, at_zero = read_flat(row, number, at_zero=False)
    percent = row.number("percent", such='"2.9"')
    return Tier(up_to=up_to, unit_amount=percent, per=_HUNDRED, flat=flat, flat_at_zero=at_zero)


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge each tier its percentage of what lies in it, and the flat fee of every tier reached."""
    inside = spread(terms.tiers, measured.quantity, measured.divisor)
    return Charge(tuple(each for tier in inside for each in parts_of(tier, PART)))
