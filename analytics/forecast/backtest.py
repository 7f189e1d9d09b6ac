"""How good would each model have been? Forecasts from origins inside the history, held against what then came.

Nothing looks ahead: a model sees what lies before its origin, and the weights used at an origin come from errors that
were known by then. The errors reported are therefore those that this very procedure would have made. (Rolling origin:
L. J. Tashman, International Journal of Forecasting 16, 2000; inverse-error weights: Bates and Granger 1969.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analytics.forecast.models.candidate import Bools, Floats, Ints, Past

FOLDS_MAX = 12
FOLDS_UNSCORED = 3  # the first folds only weigh the models …
HISTORY_MIN = 8  # slots; below there is nothing to learn from
POWER = 5  # weight = (best error / error) ** POWER: near ties share, a third worse gets a quarter
HALF_LIFE = 4  # folds, after which a fold counts half
EASY = 0.03  # of the median fold's best error: a fold that was easier than that counts as if it were that
WEIGHT_MIN = 0.03  # below, a model is left out
AT_REST_SHARE = 0.5  # of values equal to the minimum, from which a series counts as intermittent


class Folds(NamedTuple):
    """Where forecasts begin, how many slots apart, and how many slots each is held against."""

    origins: Ints
    stride: int
    length: int


class Backtest(NamedTuple):
    """The weights of the models for a forecast from now, and the errors of their average along the scored folds.

    `errors` is [fold, step], forecast minus value, NaN where nothing was known; `origins` and `stride` as in Folds.
    """

    weights: Floats
    errors: Floats
    origins: Ints
    stride: int


def folds_of(slots: int, seasons: tuple[int, ...], horizon: int) -> Folds | None:
    """Answer the folds of a history of so many slots, or None where it is too short.

    Folds are as long as the horizon, at most a quarter of the history, and leave half of it to learn from. They begin
    a short cycle apart where there is room, so that a step is always the same hour of the day. After those that are
    over by now comes one more, a stride before the end and as far as it goes: it is what shows a recent shift.
    """
    if slots < HISTORY_MIN:
        return None
    length = min(horizon, slots // 4)
    latest, earliest = slots - length, slots // 2
    season = seasons[0] if seasons else 1
    stride = season if latest - earliest >= FOLDS_UNSCORED * season else 1 + (latest - earliest) // FOLDS_MAX
    origins = np.arange(latest, earliest - 1, -stride, dtype=np.int64)[:FOLDS_MAX][::-1]
    if stride < length:
        origins = np.append(origins, slots - stride)
    return Folds(origins, stride, length)


def backtest(past: Past, folds: Folds, forecasts: Floats) -> Backtest:
    """Answer weights and errors, given [model, fold, step] forecasts from the folds' origins."""
    slots = len(past.values)
    at = folds.origins[:, None] + np.arange(folds.length)
    there = np.minimum(at, slots - 1)
    misses = np.where(past.known[there] & (at < slots), forecasts - past.values[there], np.nan)
    squares = misses**2
    scored = min(FOLDS_UNSCORED, len(folds.origins) // 2)
    errors = np.empty((len(folds.origins) - scored, folds.length))
    for index, origin in enumerate(folds.origins[scored:].tolist()):
        weights = weighed(np.where(at < origin, squares, np.nan), pooled=is_intermittent(past, origin))
        errors[index] = weights @ misses[:, scored + index]
    weights = weighed(squares, pooled=is_intermittent(past, slots))
    return Backtest(weights, errors, folds.origins[scored:], folds.stride)


def weighed(squares: Floats, *, pooled: bool) -> Floats:
    """Answer the weight of each model by its squared errors [model, fold, step], NaN = not known (yet).

    Squares, so that models with the right mean win, not those with the right median: sums are what is asked for.
    Each fold counts by how many times its best model the others were off, so that one with a level shift inside, in
    which all were, does not outweigh the one after it; recent folds count more, and the last, which is over in part,
    as a whole one. None of this if `pooled`: then each square counts the same.
    """
    known = np.isfinite(squares[0])
    count = known.sum(axis=1)
    folds = count > 0
    if not folds.any():
        return np.full(len(squares), 1 / len(squares))
    means = np.where(known, squares, 0.0).sum(axis=2)[:, folds] / count[folds]
    errors = np.sqrt(means @ (count[folds] if pooled else _worth(means)))
    best = errors.min()
    if best <= 1e-9 * errors.max():  # a model without error: alone, or with its likes
        weights = (errors <= 1e-9 * errors.max()).astype(np.float64)
    else:
        weights = (best / errors) ** POWER
    weights /= weights.sum()
    weights[weights < min(WEIGHT_MIN, weights.max())] = 0
    scaled: Floats = weights / weights.sum()
    return scaled


def is_intermittent(past: Past, origin: int) -> bool:
    """Whether half of what lies before an origin is at its minimum: calm folds then say little about demand."""
    data = past.values[:origin][past.known[:origin]]
    return bool((data == data.min()).mean() >= AT_REST_SHARE)


def _worth(means: Floats) -> Floats:
    """Answer what each fold's squared errors count: half after HALF_LIFE folds, less where even the best was off."""
    best = means.min(axis=0)
    least = max(EASY * float(np.median(best)), 1e-300)
    worth: Floats = least / np.maximum(best, least) * 2.0 ** (np.arange(1 - len(best), 1) / HALF_LIFE)
    return worth


def seen_before(errors: Floats, origins: Ints, index: int) -> Floats:
    """Answer the errors of the folds before one that were known when it began, the others NaN."""
    over: Bools = origins[:index, None] + np.arange(errors.shape[1]) < origins[index]
    return np.where(over, errors[:index], np.nan)
