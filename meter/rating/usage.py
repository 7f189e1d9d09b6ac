"""Usage as rating sees it: one group of a team's usage in one period."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from meter.rating.money import checked

TOTAL: Final = "total"
PEAK: Final = "peak"
MEASURES: Final = (TOTAL, PEAK)


class UsageError(ValueError):
    """Usage that must not be priced as it is: a missing or doubled measure, a negative quantity, mixed units."""


class Usage(msgspec.Struct, frozen=True):
    """What one member and service used of a meter (the grouping is the caller's; finer or coarser costs the same).

    The quantity in the meter's display unit is ``quantity / divisor``. A reader that stores core-seconds passes them
    with divisor 3600: then division happens once per line and not once per group, and groups add up exactly. With
    divisor 1 ``quantity`` is in the display unit itself. ``dimensions`` are (name, value) pairs sorted by name.
    ``measure`` is ``total`` (the sum over the period) or ``peak`` (highest 15-minute average level of the whole team,
    S2.5; one row per meter, member and service None).
    Raises TypeError for floats, UsageError for negative quantities and the rest, ValueError for absurd numbers.
    """

    meter: str
    quantity: Decimal
    member: str | None = None
    service: str | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    measure: str = TOTAL
    divisor: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        """Refuse what no price could be applied to."""
        if checked(self.quantity) < 0:
            self._refuse(f"{self.quantity} is negative; correct the event by void or amend, credit money by a posting")
        if checked(self.divisor) <= 0:
            self._refuse(f"divisor {self.divisor} is not positive")
        if self.measure not in MEASURES:
            self._refuse(f"measure {self.measure!r} is unknown; write one of {', '.join(MEASURES)}")
        if self.measure == PEAK and (self.member is not None or self.service is not None):
            self._refuse("a peak is the team's and has neither member nor service")

    def _refuse(self, problem: str) -> None:
        raise UsageError(f"usage of {self.meter}: {problem}")
