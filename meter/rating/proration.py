"""Which share of a period is served? By exact time, or by whole local days."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec

from meter.rating.money import checked

if TYPE_CHECKING:
    from meter.rating.periods import Period

NEVER: Final = "never"
TIME: Final = "time"
DAYS: Final = "days"
RULES: Final = (NEVER, TIME, DAYS)
TICK: Final = timedelta(microseconds=1)


class Ratio(msgspec.Struct, frozen=True):
    """``part`` of ``whole``, kept as two numbers so that nothing is divided before the money is (17 of 31 days).

    Raises ValueError for a whole that is not above zero, or a part outside it: no service costs more than its period.
    """

    part: Decimal
    whole: Decimal

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= checked(self.part) <= checked(self.whole) or not self.whole:
            raise ValueError(f"{self.part} of {self.whole} is not a share of a period; write 0 to all of it")


FULL: Final = Ratio(Decimal(1), Decimal(1))


def share(start: datetime, end: datetime, period: Period, rule: str) -> Ratio:
    """The share of ``period`` that [``start``, ``end``) serves; what lies outside the period is not counted.

    By ``time`` in microseconds. By ``days`` in local days of the period's zone, each counted whole if it was served at
    all: a change at noon is paid from that day's beginning, and never more days than the period has.
    Raises ValueError when it ends before it begins.
    """
    if end < start:
        raise ValueError(f"service ends at {end.isoformat()}, before it begins at {start.isoformat()}")
    start, end = max(start, period.start), min(end, period.end)
    if end <= start:
        return Ratio(Decimal(0), Decimal(1))
    if rule == DAYS:
        return Ratio(Decimal(_days(start, end, period.zone)), Decimal(_days(period.start, period.end, period.zone)))
    return Ratio(Decimal((end - start) // TICK), Decimal((period.end - period.start) // TICK))


def _days(start: datetime, end: datetime, zone: str) -> int:
    """How many local days the half-open range touches."""
    return (day_of(end - TICK, zone) - day_of(start, zone)).days + 1


def day_of(instant: datetime, zone: str) -> date:
    """The local day of an instant."""
    return instant.astimezone(ZoneInfo(zone)).date()
