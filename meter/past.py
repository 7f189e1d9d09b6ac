"""What was used by hour and by day, as forecasts want it: types alone, for pure files too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from meter.limits.budget import Budget
from meter.limits.measure import Group, Prices, Usage

JOB: Final = "forecast"
"""The job that forecasts meters, as its results are named."""

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


class BudgetPast(NamedTuple):
    """What counts in a budget up to `begun`, the hour that holds `now`, and what it was used for before.

    `used` is cut wherever it matters from the window's `start` on (of one that slides: wherever it may begin until
    `to`), and its last bound is `begun`. `windows` are of the same series in the same places, over at `now`, by `step`.
    `until` is when the budget begins anew, None: it slides. `to` is as far as it is looked ahead. `more`: there are
    other groups, used less.
    """

    now: datetime
    tz: str
    step: Step
    budget: Budget
    groups: Sequence[Group]
    start: datetime
    begun: datetime
    until: datetime | None
    to: datetime
    prices: Prices
    used: Usage
    windows: Sequence[Sequence[Window]]
    more: bool = False
