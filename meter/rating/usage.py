"""Usage as rating sees it: one group of a team's usage in one period."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from meter.rating.money import checked
from meter.rating.proration import Ratio

TOTAL: Final = "total"
PEAK: Final = "peak"
_MEASURE: Final = re.compile(r"total|peak|p([1-9]|[1-9][0-9])(\.[0-9]{1,6})?")
MEASURES: Final = "one of total, peak, or a percentile such as p95"


class UsageError(ValueError):
    """Usage that must not be priced as it is: a missing or doubled measure, a negative quantity, mixed units."""


class Usage(msgspec.Struct, frozen=True):
    """What one member and service used of a meter (the grouping is the caller's; finer or coarser costs the same).

    The quantity in the meter's display unit is ``quantity / divisor``. A reader that stores core-seconds passes them
    with divisor 3600: then division happens once per line and not once per group, and groups add up exactly. With
    divisor 1 ``quantity`` is in the display unit itself. ``dimensions`` are (name, value) pairs sorted by name.
    ``measure`` is ``total`` (the sum over the period), ``peak`` (highest 15-minute average level of the whole team,
    S2.5; one row per meter, member and service None) or a percentile of those levels (``p95``, likewise).

    What some models and a period billed in parts need besides: ``before`` is what earlier parts of the period used of
    this row (``quantity`` is what this part did), ``at`` when it was used, ``events`` how many events it is,
    ``prorated`` the part of a level that is paid for, where ``quantity`` is a change of it (which may go down), and
    ``money`` the sum of what the events say they cost. ``share`` stands for ``prorated`` where the price prorates: the
    part of the period that is left after ``at``, not divided yet.
    Raises TypeError for floats, UsageError for negative quantities and the rest, ValueError for absurd numbers.
    """

    meter: str
    quantity: Decimal
    member: str | None = None
    service: str | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    measure: str = TOTAL
    divisor: Decimal = Decimal(1)
    before: Decimal = Decimal(0)
    at: datetime | None = None
    events: int | None = None
    prorated: Decimal | None = None
    money: Decimal | None = None
    share: Ratio | None = None

    def __post_init__(self) -> None:
        """Refuse what no price could be applied to."""
        least = min(checked(self.quantity), checked(self.before))
        # A level that goes down says when, or what is paid of it; whether the price goes by levels is asked in `draft`.
        if least < 0 and self.prorated is None and self.share is None and self.at is None:
            self._refuse(f"{least} is negative; correct the event by void or amend, credit money by a posting")
        if checked(self.divisor) <= 0:
            self._refuse(f"divisor {self.divisor} is not positive")
        if self.measure != TOTAL:
            self._check_measure()
        if self.at is not None and self.at.utcoffset() is None:
            self._refuse(f"{self.at.isoformat()} has no time zone")
        if (self.events or 0) < 0:
            self._refuse(f"{self.events} events are fewer than none")
        if self.quantity and self.before:
            self._check_parts()
        for number in (self.prorated, self.money):
            if number is not None:
                checked(number)

    def _check_measure(self) -> None:
        if not is_measure(self.measure):
            self._refuse(f"measure {self.measure!r} is unknown; write {MEASURES}")
        if self.member is not None or self.service is not None:
            self._refuse(f"a {self.measure} is the team's and has neither member nor service")
        if self.before:
            self._refuse(f"a {self.measure} is known when the period ends; it has nothing before")

    def _check_parts(self) -> None:
        """What can't be told apart lies in one part of the period."""
        if self.prorated is not None:
            self._refuse("a change of level lies in one part of the period; give two rows, each with its `prorated`")
        if self.money is not None:
            self._refuse("what events say they cost lies in one part of the period; give two rows, each with its own")
        if (self.events or 0) > 1:
            self._refuse("several events lie in one part of the period; give two rows, each with its own")

    def _refuse(self, problem: str) -> None:
        raise UsageError(f"usage of {self.meter}: {problem}")


def is_measure(text: str) -> bool:
    """Tell whether a price may be paid by this measure."""
    return _MEASURE.fullmatch(text) is not None
