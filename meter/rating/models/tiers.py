"""Tiers: a table of prices by quantity, how it is read, and how much of a quantity lies in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

import msgspec

from meter.rating.charge import Part, part

if TYPE_CHECKING:
    from meter.rating.table import Table

UNITS: Final = "units"
FLAT: Final = "flat"
_NOTHING: Final = Decimal(0)
_ONE: Final = Decimal(1)


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """Quantities above the tier before, up to and with ``up_to``; without one there is no end.

    ``per`` units cost ``unit_amount``; ``flat`` is owed once, when the tier is reached, in the first also by no usage
    at all where ``flat_at_zero``. Without ``unit_amount`` units have no price of their own.
    """

    up_to: Decimal | None = None
    unit_amount: Decimal | None = None
    per: Decimal = _ONE
    flat: Decimal | None = None
    flat_at_zero: bool = False


class Bounded(Protocol):
    """Whatever a tier's price is, it has an upper bound."""

    @property
    def up_to(self) -> Decimal | None:
        """The last quantity of the tier."""


T = TypeVar("T", bound=Bounded)


class Inside(NamedTuple):
    """What lies in a tier, ``quantity / divisor`` of it; ``reached`` is false for the first tier while nothing does."""

    number: int
    tier: Tier
    quantity: Decimal
    divisor: Decimal
    reached: bool = True


def read_tiers(table: Table, read: Callable[[Table, int, Decimal | None], T]) -> tuple[T, ...]:
    """Read ``tiers``; ``read`` makes one of its table, number (from 1) and bound. Raises BookError.

    Every tier but the last has an ``up_to``, above that of the tier before.
    """
    rows, tiers, below = table.rows("tiers"), list[T](), _NOTHING
    for number, row in enumerate(rows, 1):
        up_to = _bound(row, below, last=number == len(rows))
        tiers.append(read(row, number, up_to))
        row.finish()
        below = up_to or below
    return tuple(tiers)


def _bound(row: Table, below: Decimal, *, last: bool) -> Decimal | None:
    bounded = row.has("up_to") and not row.says("up_to", None)
    if last:
        if bounded:
            row.refuse("up_to", "the last tier must not end: what is above would have no price", "leave it out")
        return None
    if not bounded:
        row.refuse("up_to", "is missing", "write up_to = 1000; only the last tier has no end")
    up_to = row.number("up_to", positive=True)
    if up_to <= below:
        row.refuse("up_to", f"{up_to} is not above {below}, where the tier before ends", "write bounds that rise")
    return up_to


def read_tier(row: Table, number: int, up_to: Decimal | None) -> Tier:
    """Read a tier of ``unit_amount``, ``per``, ``flat`` and ``flat_at_zero``. Raises BookError."""
    by_unit = row.has("unit_amount")
    if not by_unit and row.has("per"):
        row.refuse("per", "is of no use without unit_amount", 'write unit_amount = "0.05", or leave it out')
    flat, at_zero = read_flat(row, number, at_zero=True)
    if not by_unit and flat is None:
        row.refuse("", "has no price", 'write unit_amount = "0.05" (or "0"), flat = "5", or both')
    return Tier(
        up_to=up_to,
        unit_amount=row.money("unit_amount") if by_unit else None,
        per=row.number("per", _ONE, positive=True),
        flat=flat,
        flat_at_zero=at_zero,
    )


def read_flat(row: Table, number: int, *, at_zero: bool) -> tuple[Decimal | None, bool]:
    """Read a tier's ``flat``, and whether the first's is owed by no usage: ``at_zero`` where it is not said."""
    flat = row.money("flat") if row.has("flat") else None
    if not row.has("flat_at_zero"):
        return flat, at_zero and number == 1 and flat is not None
    said = row.flag("flat_at_zero")
    if said and (number > 1 or flat is None):
        row.refuse("flat_at_zero", "is for the first tier, if that has a flat fee", "leave it out")
    return flat, said


def portions(tiers: Sequence[Bounded], divisor: Decimal, low: Decimal, high: Decimal) -> Iterator[tuple[int, Decimal]]:
    """How much of what lies between two quantities is in each tier (from 0), where any is.

    Quantities are base units, so bounds are multiplied and nothing is divided.
    """
    below = _NOTHING
    for place, tier in enumerate(tiers):
        above = high if tier.up_to is None else min(high, tier.up_to * divisor)
        if (inside := above - max(low, below)) > 0:
            yield place, inside
        if above == high:
            return
        below = above


def place_of(tiers: Sequence[Bounded], divisor: Decimal, quantity: Decimal) -> int:
    """Which tier (from 0) a quantity reaches; a bound belongs to the tier that it ends."""
    return sum(1 for tier in tiers if tier.up_to is not None and quantity > tier.up_to * divisor)


def spread(tiers: Sequence[Tier], quantity: Decimal, divisor: Decimal) -> tuple[Inside, ...]:
    """Lay a quantity into the tiers, from the first on."""
    if not quantity:
        return (Inside(1, tiers[0], quantity, divisor, reached=False),)
    inside = portions(tiers, divisor, _NOTHING, quantity)
    return tuple(Inside(place + 1, tiers[place], units, divisor) for place, units in inside)


def parts_of(inside: Inside, name: str = UNITS) -> Iterator[Part]:
    """What a tier charges for what lies in it: its flat fee, then the units."""
    number, tier, quantity, divisor, reached = inside
    if tier.flat is not None and (reached or tier.flat_at_zero):
        yield part(FLAT, _ONE, tier.flat, tier=number)
    if tier.unit_amount is not None and reached:
        yield part(name, quantity, tier.unit_amount, divisor=divisor, per=tier.per, tier=number)
