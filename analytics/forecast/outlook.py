"""The forecast in plain numbers: models weighed, averaged, and surrounded by what their back-test got wrong."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from analytics.forecast.backtest import HISTORY_MIN, Backtest, backtest, folds_of, seen_before
from analytics.forecast.intervals import FOLDS_MIN, LEVELS, coverage, half_widths
from analytics.forecast.models import candidates
from analytics.forecast.models.candidate import Floats
from analytics.forecast.prepare import Prepared, prepare
from analytics.forecast.student import student
from analytics.forecast.sums import sum_half_widths

# Matrices are small here, and several threads take four times as long. It finds what numpy has loaded by now.
_BLAS = ThreadpoolController()
Reason = Literal["no_data", "short_history", "constant"]


class Outlook(NamedTuple):
    """Per slot ahead: the `mean`, and the half widths [level, step] of its bands, `sum_half_widths` those of sums.

    Widths are None where they can't be known. `weights` names the models used. `coverage` is the share of values inside
    each level's band, in folds whose bands were made of earlier folds; `mase` the scaled error of the weighed average;
    `folds` of them were scored, `fold_length` slots each. `observations` counts the known values; `reason` says why no
    models were weighed.
    """

    mean: Floats
    half_widths: Floats | None
    sum_half_widths: Floats | None
    weights: dict[str, float]
    observations: int
    reason: Reason | None
    mase: float | None = None
    coverage: tuple[float | None, ...] = (None,) * len(LEVELS)
    folds: int = 0
    fold_length: int = 0


OBSERVATIONS_MIN = 3  # known values, before anything can be said about how they vary


def outlook(values: Floats, seasons: tuple[int, ...], horizon: int, *, floor: float | None = None) -> Outlook | None:
    """Answer the outlook of a series of slots (NaN = no data) for so many slots ahead; None when nothing is known.

    `floor` is a value below which nothing is forecast (usage is not negative); it counts in the back-test too. Without
    one, scaling or shifting the series scales or shifts the outlook.
    """
    prepared = prepare(values, seasons)
    if prepared is None:
        return None
    reach = prepared.stale + horizon
    with _BLAS.limit(limits=1, user_api="blas"):
        found = _constant(prepared, reach) if prepared.constant else _weighed(prepared, reach, floor)
    mean = found.mean if floor is None else np.maximum(found.mean, floor)
    return _from(found._replace(mean=mean), prepared.stale)


def _from(found: Outlook, stale: int) -> Outlook:
    """Answer an outlook without its first steps, which are over by now, though nothing is known of them.

    A sum that begins later is off by as much more as its steps are.
    """
    if not stale or found.half_widths is None or found.sum_half_widths is None:
        return found._replace(mean=found.mean[stale:])
    widths, horizon = found.half_widths[:, stale:], len(found.mean) - stale
    at_once = found.half_widths[:, :horizon]
    later = np.maximum(1.0, np.cumsum(widths, axis=1) / np.maximum(np.cumsum(at_once, axis=1), 1e-300))
    sums = found.sum_half_widths[:, :horizon] * later
    return found._replace(mean=found.mean[stale:], half_widths=widths, sum_half_widths=sums)


def _weighed(prepared: Prepared, horizon: int, floor: float | None) -> Outlook:
    """Answer the average of all models that the history can feed, weighed by back-test."""
    past = prepared.past
    folds = folds_of(len(past.values), past.seasons, horizon)
    if folds is None or past.known.sum() < HISTORY_MIN:
        return _short(prepared, horizon)
    competing = candidates(past.seasons, int(folds.origins[0]), floored=floor is not None)
    origins = np.append(folds.origins, len(past.values))
    lowest = None if floor is None else (floor - prepared.centre) / prepared.unit
    bounded = past._replace(floor=lowest)
    paths = np.array([model.predict(bounded, origins, horizon) for model in competing])
    if lowest is not None:
        paths = np.maximum(paths, lowest)
    tested = backtest(past, folds, paths[:, :-1, : folds.length])
    return _tested(prepared, tested, paths[:, -1], [model.name for model in competing])


def _tested(prepared: Prepared, tested: Backtest, paths: Floats, names: list[str]) -> Outlook:
    """Answer the weighed average of the models' paths [model, step], in the series' own unit."""
    past, unit = prepared.past, prepared.unit
    season = past.seasons[0] if past.seasons else 1
    horizon = paths.shape[1]
    return Outlook(
        mean=tested.weights @ paths * unit + prepared.centre,
        half_widths=half_widths(tested.errors, horizon, season) * unit,
        sum_half_widths=sum_half_widths(tested.errors, horizon, tested.stride) * unit,
        weights={name: float(weight) for name, weight in zip(names, tested.weights, strict=True) if weight > 0},
        observations=int(past.known.sum()),
        reason=None,
        mase=_mase(tested.errors, prepared, season),
        coverage=_coverage(tested, season),
        folds=len(tested.errors),
        fold_length=tested.errors.shape[1],
    )


def _mase(errors: Floats, prepared: Prepared, season: int) -> float | None:
    """Mean absolute error over that of "as one cycle ago" in the history (Hyndman, Koehler 2006); None over zero."""
    past = prepared.past
    both = past.known[season:] & past.known[:-season]
    change = np.abs(past.values[season:] - past.values[:-season])[both]
    missed = np.abs(errors[np.isfinite(errors)])
    if not len(missed) or not len(change) or not change.any():
        return None
    return float(missed.mean() / change.mean())


def _coverage(tested: Backtest, season: int) -> tuple[float | None, ...]:
    """The share of values inside the bands that were known when each fold began."""
    length = tested.errors.shape[1]
    inside = np.full((len(LEVELS), *tested.errors.shape), np.nan)
    for index in range(FOLDS_MIN, len(tested.errors)):
        widths = half_widths(seen_before(tested.errors, tested.origins, index), length, season)
        missed = tested.errors[index]
        inside[:, index] = np.where(np.isfinite(missed), np.abs(missed) <= widths, np.nan)
    return tuple(coverage(level) for level in inside)


def _constant(prepared: Prepared, horizon: int) -> Outlook:
    """What never changed is forecast unchanged, without a band once it was seen often enough to have one."""
    observations = int(prepared.past.known.sum())
    mean = np.full(horizon, prepared.centre)
    if observations < OBSERVATIONS_MIN:
        return Outlook(mean, None, None, {"mean": 1.0}, observations, "short_history")
    widths = np.zeros((len(LEVELS), horizon))
    return Outlook(mean, widths, widths, {"mean": 1.0}, observations, "constant")


def _short(prepared: Prepared, horizon: int) -> Outlook:
    """Too few slots for a back-test: their mean, with the normal-theory band of new values (Student's t)."""
    data = prepared.past.values[prepared.past.known] * prepared.unit + prepared.centre
    count = len(data)
    mean = np.full(horizon, data.mean())
    if count < OBSERVATIONS_MIN:
        return Outlook(mean, None, None, {"mean": 1.0}, count, "short_history")
    spread = float(data.std(ddof=1))
    steps = np.arange(1, horizon + 1)
    quantiles = [student(level, count - 1) for level in LEVELS]
    widths = np.outer(quantiles, np.full(horizon, spread * (1 + 1 / count) ** 0.5))
    sums = np.outer(quantiles, spread * np.sqrt(steps + steps**2 / count))  # own noise, and the mean's error each time
    return Outlook(mean, widths, sums, {"mean": 1.0}, count, "short_history")
