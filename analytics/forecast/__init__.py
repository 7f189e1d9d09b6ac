"""What will usage be? Forecasts with bands, their back-tested error beside them, totals and dates of exhaustion.

    grid = grid_of(first, as_of, horizon, "hour", "Europe/Paris")   which windows
    seen = look(series_of(rows, grid), floor=0)                     models weighed by back-test, averaged
    shown(seen), total(seen, until), exhaustion(seen, left, until)  what people ask

Pure: each series is forecast from its own rows before `as_of`, and from nothing else.
"""

from __future__ import annotations

from analytics.forecast.exhaust import Exhaustion, exhaustion
from analytics.forecast.forecast import Forecast, ForecastPoint, Share, forecast, shown
from analytics.forecast.look import Look, look
from analytics.forecast.series import Grid, Series, grid_of, series_by_group, series_of
from analytics.forecast.total import Total, total

__all__ = [
    "Exhaustion",
    "Forecast",
    "ForecastPoint",
    "Grid",
    "Look",
    "Series",
    "Share",
    "Total",
    "exhaustion",
    "forecast",
    "grid_of",
    "look",
    "series_by_group",
    "series_of",
    "shown",
    "total",
]
