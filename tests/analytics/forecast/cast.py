"""Series to forecast: hours with days and weeks in them, and the rows that they come from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from analytics.forecast import Grid, Series, grid_of
from analytics.forecast.models.candidate import Floats
from meter.past import Step

MONDAY = datetime(2025, 11, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def pattern(hours: int) -> Floats:
    """Hours of a service: high by day, lower on two days of seven; repeats itself exactly every week."""
    at = np.arange(hours)
    by_day = 100 + 40 * np.sin(2 * np.pi * (at % 24) / 24)
    weekend = (at % 168) >= 120
    values: Floats = np.where(weekend, 0.4 * by_day, by_day)
    return values


def noise(hours: int, seed: int, size: float = 1.0) -> Floats:
    """Independent normal noise."""
    values: Floats = np.random.default_rng(seed).normal(0, size, hours)
    return values


def grid_for(slots: int, horizon: int, step: Step = "hour") -> Grid:
    """The grid of so many past windows from MONDAY on, UTC."""
    return grid_of(MONDAY, MONDAY + slots * (HOUR if step == "hour" else DAY), horizon, step, "UTC")


def series(values: Iterable[float], horizon: int = 48, step: Step = "hour") -> Series:
    """A series of past values, NaN where there is no data."""
    found = np.array(list(values), dtype=np.float64)
    return Series(grid_for(len(found), horizon, step), found)


def rows(
    quantities: Iterable[object], *, start: datetime = MONDAY, every: timedelta = HOUR, group: str | None = None
) -> pl.DataFrame:
    """One row per step."""
    listed = list(quantities)
    return pl.DataFrame(
        {"start": [start + n * every for n in range(len(listed))], "quantity": listed, "group": [group] * len(listed)},
        schema={"start": pl.Datetime("us", "UTC"), "quantity": pl.Float64, "group": pl.String},
    )
