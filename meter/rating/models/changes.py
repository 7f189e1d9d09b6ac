"""Changes of level within tiers: which tiers a level rises and falls through, and what of each is paid for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from meter.rating.charge import paid, total
from meter.rating.models.tiers import Inside, Tier, place_of, portions, spread
from meter.rating.money import as_ratio
from meter.rating.usage import Usage, UsageError

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

_NONE: Final = Fraction(0)


class Change(NamedTuple):
    """A level goes up or down ``by`` so much, of which ``paid`` units are paid for (both in base units)."""

    by: Decimal
    paid: Fraction


def in_tiers(tiers: Sequence[Tier], rows: Sequence[Usage], divisor: Decimal) -> tuple[Inside, ...]:
    """Follow a level from nothing through its changes; every tier it was ever in is reached.

    Each tier's portion of a change takes its share of what is paid of the change: 5 seats more, from 3 to 8, with half
    of the period left, are one unit in a tier up to 5 and one and a half above. Raises UsageError where it falls below
    nothing.
    """
    units: dict[int, Fraction] = {}
    level = total(())
    for change, before, after in levels(rows):
        for place, share in _shares(tiers, divisor, before, after):
            units[place] = units.get(place, _NONE) + share * change.paid
        level = after
    if not units:
        return spread(tiers, level, divisor)
    return tuple(Inside(place + 1, tiers[place], *_in_units(units[place], divisor)) for place in sorted(units))


def levels(rows: Sequence[Usage]) -> Iterator[tuple[Change, Decimal, Decimal]]:
    """Each change with the level before and after it. Raises UsageError where it falls below nothing."""
    level = total(())
    for change in filter(any, _changes(rows)):
        after = level + change.by
        if after < 0:
            said = "give what was there when the period began too, without a time"
            raise UsageError(f"usage of {rows[0].meter}: the level falls to {after}, below none; {said}")
        yield change, level, after
        level = after


def _shares(tiers: Sequence[Tier], divisor: Decimal, level: Decimal, after: Decimal) -> Iterator[tuple[int, Fraction]]:
    """Which share of a change of level lies in which tier."""
    low, high = min(level, after), max(level, after)
    if low == high:  # as many went as came in one instant, and not all that was paid of them
        yield place_of(tiers, divisor, level), Fraction(1)
    for place, inside in portions(tiers, divisor, low, high):
        yield place, Fraction(inside) / Fraction(high - low)


def _changes(rows: Sequence[Usage]) -> Iterator[Change]:
    """Rows in their order: what has no time was there first, and what has the same time is one change.

    So it does not matter in how many rows a change comes, nor in which order they are given.
    """
    timed: defaultdict[datetime, list[Usage]] = defaultdict(list)
    for row in rows:
        if row.at is None:
            yield _together((row,))
        else:
            timed[row.at].append(row)
    for when in sorted(timed):
        yield _together(tuple(timed[when]))


def _together(rows: tuple[Usage, ...]) -> Change:
    amounts = (paid(row) for row in rows)
    return Change(
        total(row.quantity for row in rows),
        sum((Fraction(quantity) / Fraction(divisor) for quantity, divisor in amounts), _NONE),
    )


def _in_units(units: Fraction, divisor: Decimal) -> tuple[Decimal, Decimal]:
    quantity, parts = as_ratio(units)
    return quantity, parts * divisor
