"""A linear function of what came hours, a day and a week before, fed with its own answers step by step.

Coefficients are ridge regressions of each value on earlier ones, all taken as differences from the mean of the cycle
before: shifting a series shifts its forecast, and no intercept ties it to an old level. They are shrunk towards "as
one short cycle ago", so that little data gives the seasonal naive and much data what it shows. Only values before an
origin make its coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past

ROWS_PER_LAG = 2  # at least so many equations per coefficient
REFERENCE = 4  # slots whose mean is subtracted where there is no cycle
MULTIPLES_MAX = 7  # of the short season that the long order looks back to


class Order(NamedTuple):
    """Which earlier values are looked at, how strongly the ridge pulls, and after how many cycles a row counts half."""

    name: str
    lags: tuple[int, ...]
    ridge: float
    half_life: float | None = None


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """Three orders: near (few lags, forgets), wide, long (looks back a whole long cycle)."""
    orders = (
        Order("near", _near(seasons), 1e-5, half_life=10),
        Order("wide", _wide(seasons), 1e-4),
        Order("long", _long(seasons), 1e-4),
    )
    return tuple(_candidate(order, seasons) for order in orders)


def _near(seasons: tuple[int, ...]) -> tuple[int, ...]:
    return _ordered({1, 2, 3}, *({season, season + 1} for season in seasons))


def _wide(seasons: tuple[int, ...]) -> tuple[int, ...]:
    """Around each season, around two short ones, and around a long one less a short one."""
    centres = set(seasons)
    if seasons:
        centres |= {2 * seasons[0], seasons[-1] - seasons[0]} - {0}
    half = {seasons[0] // 2} if seasons else set[int]()
    return _ordered(range(1, 7), half, *(range(centre - 1, centre + 2) for centre in centres))


def _long(seasons: tuple[int, ...]) -> tuple[int, ...]:
    """All of a short cycle, and around each of its multiples up to the long one."""
    if not seasons:
        return _ordered(range(1, 13))
    short, long = seasons[0], seasons[-1]
    multiples = min(MULTIPLES_MAX, long // short) if long > short else 3
    around = (range(short * n - 1, short * n + 2) for n in range(2, multiples + 1))
    return _ordered(range(1, short + 3), *around)


def _ordered(*lags: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted({lag for some in lags for lag in some if lag > 0}))


def _candidate(order: Order, seasons: tuple[int, ...]) -> Candidate:
    reference = seasons[0] if seasons else REFERENCE
    start = max(order.lags[-1], reference)

    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        coefficients = _fitted(past, origins, order, reference)
        return _iterated(past.values, origins, coefficients, np.array(order.lags), reference, horizon)

    return Candidate(f"autoregression_{order.name}", start + ROWS_PER_LAG * len(order.lags), predict)


def _fitted(past: Past, origins: Ints, order: Order, reference: int) -> Floats:
    """Answer [origin, lag]: the coefficients, from normal equations that grow from origin to origin."""
    lags = np.array(order.lags)
    start = int(max(lags[-1], reference))
    at = np.arange(start, int(origins[-1]))
    sums: Floats = np.concatenate(([0.0], np.cumsum(past.values)))
    level = (sums[at] - sums[at - reference]) / reference
    weight = past.known[at].astype(np.float64)
    if order.half_life is not None:
        weight *= 2.0 ** ((at - at[-1]) / (order.half_life * reference))
    rows = (past.values[at[:, None] - lags] - level[:, None]) * np.sqrt(weight)[:, None]
    answers = (past.values[at] - level) * np.sqrt(weight)
    gram, moment = _growing(rows, answers, origins - start)
    toward = order.lags.index(reference) if reference in order.lags else 0
    return _solved(gram, moment, order.ridge, toward)


def _growing(rows: Floats, answers: Floats, ends: Ints) -> tuple[Floats, Floats]:
    """Answer the normal equations of the first rows up to each end: [end, lag, lag] and [end, lag]."""
    gram = np.empty((len(ends), rows.shape[1], rows.shape[1]))
    moment = np.empty((len(ends), rows.shape[1]))
    before = 0
    for index, end in enumerate(ends.tolist()):
        new = rows[before:end]
        gram[index] = new.T @ new
        moment[index] = new.T @ answers[before:end]
        before = end
    return np.cumsum(gram, axis=0), np.cumsum(moment, axis=0)


def _solved(gram: Floats, moment: Floats, ridge: float, toward: int) -> Floats:
    """Answer the ridge solutions, shrunk towards 1 at one lag and 0 at the others; the pull is relative to the data."""
    size = gram.shape[-1]
    strength = ridge * np.trace(gram, axis1=1, axis2=2) / size
    pull = np.where(strength > 0, strength, 1.0)  # all zero: no data to pull against, any will do
    moment = moment.copy()
    moment[:, toward] += pull
    solved = np.linalg.solve(gram + pull[:, None, None] * np.eye(size), moment[:, :, None])
    return np.asarray(solved[:, :, 0], dtype=np.float64)


def _iterated(values: Floats, origins: Ints, coefficients: Floats, lags: Ints, reference: int, horizon: int) -> Floats:
    """Answer the steps, each from those before it; held within one range of the past, so that none can run away."""
    start = int(max(lags[-1], reference))
    path = np.empty((len(origins), start + horizon))
    path[:, :start] = values[origins[:, None] + np.arange(-start, 0)]
    lowest = np.minimum.accumulate(values)[origins - 1]
    highest = np.maximum.accumulate(values)[origins - 1]
    floor, ceiling = 2 * lowest - highest, 2 * highest - lowest
    own = 1 - coefficients.sum(axis=1)  # what is left of the level once every lag has it taken away
    for at in range(start, start + horizon):
        level = path[:, at - reference : at].sum(axis=1) / reference
        step = own * level + (path[:, at - lags] * coefficients).sum(axis=1)
        path[:, at] = np.minimum(np.maximum(step, floor), ceiling)
    return path[:, start:]
