"""Volume model: all units cost what the tier says that the whole period's quantity reaches (S3.12)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from meter.rating import charge
from meter.rating.charge import Charge, Measured, by_level, paid_together
from meter.rating.models.tiers import Inside, Tier, parts_of, place_of, read_tier, read_tiers
from meter.rating.money import exact
from meter.rating.usage import UsageError

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "volume"
KIND = "usage"
METERED = True
BY_ROW = False


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``tiers`` of which one is chosen; the last has no end."""

    tiers: tuple[Tier, ...]


def read(table: Table) -> Terms:
    """Read ``tiers`` of ``up_to``, ``unit_amount``, ``per``, ``flat`` and ``flat_at_zero``. Raises BookError."""
    return Terms(tiers=read_tiers(table, read_tier))


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge all units at one tier's price, when the period ends: before, nobody knows which tier it will be.

    Changes of level choose the tier in full, and pay for as long as they are in force. Raises UsageError when more
    goes than came.
    """
    if not measured.ends:
        return Charge(())
    place = place_of(terms.tiers, measured.divisor, measured.quantity)
    units, divisor = _units(measured)
    reached = bool(measured.quantity or units)
    return Charge(tuple(parts_of(Inside(place + 1, terms.tiers[place], units, divisor, reached))))


def _units(measured: Measured) -> tuple[Decimal, Decimal]:
    if not by_level(measured.rows):
        return measured.quantity, measured.divisor
    units, divisor = paid_together(measured.rows)
    if min(units, measured.quantity) < 0:
        raise UsageError(f"usage of {measured.rows[0].meter}: more of it goes than came")
    return units, divisor * measured.divisor
