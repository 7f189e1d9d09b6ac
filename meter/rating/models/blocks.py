"""Blocks model: units are sold in blocks whose size and price depend on the tier; a block begun is paid whole."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from meter.rating import charge
from meter.rating.charge import Charge, Measured, Part, part
from meter.rating.models.tiers import place_of, portions, read_tiers
from meter.rating.money import exact, whole

if TYPE_CHECKING:
    from meter.rating.table import Table

NAME = "blocks"
KIND = "usage"
METERED = True
BY_ROW = False
EACH_TIER: Final = "each_tier"
TOP_TIER: Final = "top_tier"


class BlockTier(msgspec.Struct, frozen=True, kw_only=True):
    """Quantities up to and with ``up_to`` are sold in blocks of ``block`` units at ``unit_amount`` each."""

    up_to: Decimal | None
    block: Decimal
    unit_amount: Decimal


class Terms(charge.Terms, frozen=True, kw_only=True):
    """Each tier's blocks at its price, or all in those of the tier reached (``charged``); the last tier has no end."""

    tiers: tuple[BlockTier, ...]
    charged: str = EACH_TIER


def read(table: Table) -> Terms:
    """Read ``tiers`` of ``up_to``, ``block`` and ``unit_amount``, and ``charged``. Raises BookError."""
    charged = table.choice("charged", (EACH_TIER, TOP_TIER), EACH_TIER)
    return Terms(tiers=read_tiers(table, _tier), charged=charged)


def _tier(row: Table, _number: int, up_to: Decimal | None) -> BlockTier:
    return BlockTier(up_to=up_to, block=row.number("block", positive=True), unit_amount=row.money("unit_amount"))


@exact()
def price(terms: Terms, measured: Measured) -> Charge:
    """Charge the blocks begun in each tier; or all at the tier reached, which is known when the period ends.

    Where a tier ends within a block, its last block is paid whole and the next tier begins a new one.
    """
    if terms.charged == EACH_TIER:
        return Charge(tuple(_each_tier(terms.tiers, measured)))
    if not measured.ends:
        return Charge(())
    place = place_of(terms.tiers, measured.divisor, measured.quantity)
    return Charge((_blocks(terms.tiers, place, measured.quantity, measured.divisor),))


def _each_tier(tiers: tuple[BlockTier, ...], measured: Measured) -> Iterator[Part]:
    for place, units in portions(tiers, measured.divisor, Decimal(0), measured.quantity):
        yield _blocks(tiers, place, units, measured.divisor)


def _blocks(tiers: tuple[BlockTier, ...], place: int, units: Decimal, divisor: Decimal) -> Part:
    tier = tiers[place]
    begun = whole(units, tier.block * divisor, ROUND_CEILING)
    return part("blocks", begun, tier.unit_amount, tier=place + 1)
