"""The answer: points with bands, the models behind them, and how wrong they were in back-tests."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from analytics.forecast.look import Look, look
from analytics.forecast.outlook import Outlook
from analytics.forecast.series import Series, ahead
from analytics.frames.number import statistic
from meter.past import Step


class ForecastPoint(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One window ahead: what is expected, and bands that hold it in 80 and 95 of 100 cases (null: can't be known)."""

    from_: datetime
    to: datetime
    mean: Decimal | None
    low80: Decimal | None
    high80: Decimal | None
    low95: Decimal | None
    high95: Decimal | None


class Share(msgspec.Struct, frozen=True):
    """A model and its weight in the average; weights add up to 1."""

    model: str
    weight: Decimal | None


class Forecast(msgspec.Struct, frozen=True):
    """What is expected of the windows from that of `as_of` on; no row from there on was read.

    `mase` is the back-tested error as a multiple of the error of "as one cycle ago", `coverage80` and `coverage95` the
    shares of back-tested values inside the bands; from `folds` forecasts of `fold_windows` windows, each made of what
    lay before it. Null: no back-test. `reason`: no_data (no points), short_history, constant; null when models were
    weighed by back-test.
    """

    as_of: datetime
    step: Step
    tz: str
    points: tuple[ForecastPoint, ...]
    models: tuple[Share, ...]
    mase: Decimal | None
    coverage80: Decimal | None
    coverage95: Decimal | None
    folds: int
    fold_windows: int
    observations: int
    reason: str | None


def forecast(history: Series, *, floor: float | None = None) -> Forecast:
    """Answer the forecast of a series over its grid's windows ahead; nothing below `floor`, where one is given."""
    return shown(look(history, floor=floor))


def shown(seen: Look, most: int | None = None) -> Forecast:
    """Answer a look as a forecast in decimals, of the first so many windows or (None) of all."""
    grid, found = seen.grid, seen.outlook
    if found is None:
        return Forecast(grid.as_of, grid.step, grid.tz, (), (), None, None, None, 0, 0, 0, "no_data")
    falling = sorted(found.weights.items(), key=lambda item: (-item[1], item[0]))
    coverage80, coverage95 = (statistic(share) for share in found.coverage)
    return Forecast(
        as_of=grid.as_of,
        step=grid.step,
        tz=grid.tz,
        points=_points(seen, found, most),
        models=tuple(Share(name, statistic(weight)) for name, weight in falling),
        mase=statistic(found.mase),
        coverage80=coverage80,
        coverage95=coverage95,
        folds=found.folds,
        fold_windows=found.fold_length,
        observations=found.observations,
        reason=found.reason,
    )


def _points(seen: Look, found: Outlook, most: int | None) -> tuple[ForecastPoint, ...]:
    edges, past = seen.grid.edges, seen.grid.past
    return tuple(
        ForecastPoint(edges[past + index], edges[past + index + 1], *_numbers(found, slot, seen.floor))
        for index, slot in enumerate(ahead(seen.grid)[:most].tolist())
    )


def _numbers(found: Outlook, slot: int, floor: float | None) -> tuple[Decimal | None, ...]:
    """Answer mean, low80, high80, low95, high95 of one slot."""
    mean = float(found.mean[slot])
    if found.half_widths is None:
        return statistic(mean), None, None, None, None
    lowest = float("-inf") if floor is None else floor
    bands = (
        edge for width in found.half_widths[:, slot].tolist() for edge in (max(lowest, mean - width), mean + width)
    )
    return statistic(mean), *(statistic(edge) for edge in bands)
