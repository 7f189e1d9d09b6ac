"""One figure for the levels of a period: the highest, or the one that so many percent of them do not exceed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Final

from meter.rating.money import checked, exact, whole
from meter.rating.usage import MEASURES, PEAK, TOTAL, UsageError, is_measure

_HUNDRED: Final = Decimal(100)
_NONE: Final = Decimal(0)


@exact()
def measured(levels: Sequence[Decimal], measure: str, intervals: int | None = None) -> Decimal:
    """Answer the ``peak`` or a percentile (``p95``) of average levels, one for each interval, in any order.

    By nearest rank: of N levels from low to high the one in place N * 95 / 100, rounded up, so it is a level there was
    and never one between two. ``intervals`` is how many the period has: those without a level were at none, and count.
    Of no level at all both are 0.
    Raises UsageError for another measure, a negative level, or more levels than intervals.
    """
    if measure == TOTAL or not is_measure(measure):
        raise UsageError(f"{measure!r} is no figure of levels; write {MEASURES}, but for the total")
    if levels and min(map(checked, levels)) < 0:
        raise UsageError(f"a level of {min(levels)} is below none")
    silent = (len(levels) if intervals is None else intervals) - len(levels)
    if silent < 0:
        raise UsageError(f"{len(levels)} levels are more than the {intervals} intervals they are of")
    place = rank(len(levels) + silent, measure) - silent
    return sorted(levels)[place - 1] if place > 0 else _NONE


def rank(count: int, measure: str) -> int:
    """The place of a measure among ``count`` levels from low to high, the first is 1."""
    if measure == PEAK:
        return count
    return int(whole(Decimal(count) * Decimal(measure.removeprefix("p")), _HUNDRED, ROUND_CEILING))
