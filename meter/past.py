"""What was used by hour and by day, as forecasts want it: types alone, for pure files too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

Step = Literal["hour", "day"]
REACH: Final[Mapping[Step, timedelta]] = {"hour": timedelta(days=42), "day": timedelta(days=364)}
"""How far back a forecast looks: six weeks of hours, a year of days."""


class Window(NamedTuple):
    """What was used in a window that is over, and of how many quarters of an hour data came and was expected.

    `quantity` is None without data; `expected` is 0 where nobody knows how much there should be.
    """

    start: datetime
    quantity: Decimal | None
    seen: int
    expected: int


class Left(NamedTuple):
    """What is left of a limit of the meter at the hour that holds `now`, and until when it counts."""

    kind: Literal["quota", "budget", "balance"]
    name: str
    amount: Decimal
    left: Decimal
    until: datetime


class Past(NamedTuple):
    """Windows that were over at `now` by the clock of a zone, and the billing period that runs then.

    `known` is the exact sum of that period up to the hour that holds `now`.
    """

    now: datetime
    tz: str
    hours: Sequence[Window]
    days: Sequence[Window]
    period_end: datetime
    known: Decimal
    limits: Sequence[Left] = ()
