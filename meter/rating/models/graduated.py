"""Graduated model: each unit costs what the tier it falls in says, and each tier reached adds its flat fee (S3.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meter.rating import charge
from meter.rating.charge import Charge, Measured, by_level
from meter.rating.models.changes import in_tiers
from meter.rating.models.tiers import Tier, parts_of, read_tier, read_tiers, spread
from meter.rating.money import exact

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "graduated"
KIND = "usage"
METERED = True
BY_ROW = False


class Terms(charge.Terms, frozen=True, kw_only=True):
    """``tiers`` from the first unit on; the last has no end."""

    tiers: tuple[Tier, ...]


def read(table: Table) -> Terms:
    """Read ``tiers`` of ``up_to``, ``unit_amount``, ``per``, ``flat`` and ``flat_at_zero``. Raises BookError."""
    return Terms(tiers=read_tiers(table, read_tier))


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge each tier for what lies in it; changes of level for as long as they are in force.

    Raises UsageError when a level falls below nothing.
    """
    if by_level(measured.rows):
        inside = in_tiers(terms.tiers, measured.rows, measured.divisor)
    else:
        inside = spread(terms.tiers, measured.quantity, measured.divisor)
    return Charge(tuple(each for tier in inside for each in parts_of(tier)))
