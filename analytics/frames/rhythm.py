"""At which local hours and weekdays do windows lie, as far as windows of that length tell?"""

from __future__ import annotations

from itertools import product

import polars as pl

from meter.windows import Window

WEEKDAYS = range(1, 8)  # ISO: 1 = Monday
HOURS = range(24)

Parts = tuple[str, ...]  # of a local time: weekday, hour, both or none
Cell = tuple[int | None, int | None]  # weekday and hour; None where the parts don't tell


def parts_of(window: Window, days: float) -> Parts:
    """Answer what tells the cells of a rhythm apart over a span of so many days.

    Hours of the week (168 cells) from a week on, hours of the day (24) below; weekdays (7) for days; nothing beyond.
    """
    if window in {"15m", "hour"}:
        return ("weekday", "hour") if days > len(WEEKDAYS) - 1 else ("hour",)  # a week has 167 hours in spring
    return ("weekday",) if window == "day" else ()


def cells(parts: Parts) -> list[Cell]:
    """Answer all cells in order: Monday before Tuesday, and within a day by the hour."""
    weekdays = WEEKDAYS if "weekday" in parts else (None,)
    hours = HOURS if "hour" in parts else (None,)
    return list(product(weekdays, hours)) if parts else []


def with_cell(frame: pl.DataFrame, start: str, parts: Parts, tz: str) -> pl.DataFrame:
    """Add `weekday` and `hour` of the local time in the column `start`; null where the parts don't tell.

    An hour that comes twice when the clock is set back lies in one cell, as its other instance does.
    """
    local = pl.col(start).dt.convert_time_zone(tz)
    told = {"weekday": local.dt.weekday(), "hour": local.dt.hour()}
    return frame.with_columns(**{part: told[part] if part in parts else pl.lit(None, dtype=pl.Int8) for part in told})
