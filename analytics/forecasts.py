"""What will a meter come to? Hours and days ahead, and the whole of the billing period, of one series of usage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from analytics.forecast import (
    Exhaustion,
    Forecast,
    Grid,
    Look,
    Total,
    exhaustion,
    grid_of,
    look,
    series_of,
    shown,
    total,
)
from meter.past import JOB, REACH, Past, Step, Window
from meter.windows import floor

NAME = JOB
SHOWN: dict[Step, int] = {"hour": 72, "day": 35}
"""How far ahead is shown unless somebody asks for more: three days by hour, five weeks by day."""
NOT_BELOW = 0.0  # usage is never negative
MISSED = 2  # a window with less than half of what was expected says nothing of how much was used


class Ahead(NamedTuple):
    """How many hours and days ahead are shown."""

    hours: int = SHOWN["hour"]
    days: int = SHOWN["day"]


DEFAULT = Ahead()


class LimitAhead(msgspec.Struct, frozen=True):
    """When a limit of the meter is expected to be used up, and how surely before it begins anew.

    A quota is what the plan includes in the billing period, a budget what the team set, a balance what its account has.
    """

    kind: str
    name: str
    amount: Decimal
    exhaustion: Exhaustion


class Forecasts(msgspec.Struct, frozen=True):
    """The hours and days ahead, the billing period as a whole, and the limits.

    `total` is null where the period ends within an hour that is begun.
    """

    hour: Forecast
    day: Forecast
    total: Total | None
    limits: tuple[LimitAhead, ...]


def forecasts(past: Past, ahead: Ahead = DEFAULT) -> Forecasts:
    """Answer what one series will come to, made of nothing but its own windows that were over at `past.now`.

    A window without data counts as none used, once there was any: who reports requests reports nothing while there are
    none. Where series were expected to report and less than half came, nothing is known of it.
    """
    ends = [past.period_end, *(each.until for each in past.limits)]
    hours = looked(past, "hour", max(ahead.hours, _hours_until(max(ends), past)))
    days = looked(past, "day", ahead.days)
    reached = frozenset(hours.grid.edges[hours.grid.past :])
    return Forecasts(
        hour=shown(hours, ahead.hours),
        day=shown(days, ahead.days),
        total=total(hours, past.period_end, known=past.known) if past.period_end in reached else None,
        limits=tuple(
            LimitAhead(each.kind, each.name, each.amount, exhaustion(hours, each.left, each.until))
            for each in past.limits
            if each.until in reached
        ),
    )


def looked(past: Past, step: Step, horizon: int) -> Look:
    """Answer what is ahead of windows of one step, whatever order they come in."""
    grid = grid_of(past.now - REACH[step], past.now, horizon, step, past.tz)
    return look(series_of(known(past.hours if step == "hour" else past.days, grid), grid), floor=NOT_BELOW)


def known(windows: Sequence[Window], grid: Grid) -> pl.DataFrame:
    """Answer `start` and `quantity` of every window of a grid about which something is known, from the first use on."""
    there = {each.start: each for each in windows}
    begun = min((each.start for each in windows if each.quantity), default=None)
    starts = [start for start in grid.edges[: grid.past] if begun is not None and start >= begun]
    quantities = [_quantity(there.get(start)) for start in starts]
    return pl.DataFrame(
        {"start": starts, "quantity": quantities},
        schema={"start": pl.Datetime("us", "UTC"), "quantity": pl.Float64},
    )


def _quantity(window: Window | None) -> float | None:
    if window is None:
        return 0.0
    if window.expected and window.seen * MISSED < window.expected:
        return None
    return float(window.quantity or 0)


def _hours_until(end: datetime, past: Past) -> int:
    """How many hours it is to an instant, one at least."""
    begun = floor(past.now, "hour", ZoneInfo(past.tz))
    return max(1, -((begun - end) // timedelta(hours=1)))
