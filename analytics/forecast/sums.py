"""How far off may the sum of a forecast be? Errors of neighbouring hours go together, so bounds can't be added up.

Taken are the back-tested errors of sums: of the first hour, the first two … up to the longest fold, root mean square
over the folds that went so far. Long folds overlap, so few of them are fresh, and a few that happened to go well make
sums look surer than they are: where the sums of one stride, of which every fold has a fresh one, say that longer ones
should be further off, it is between the two. (A variance from few observations, drawn towards one from many, which then
counts as more degrees of freedom: G. K. Smyth, Statistical Applications in Genetics 3, 2004.) The band is Student's t
of those degrees of freedom. Beyond the longest fold sums grow by the exponent seen.
"""

from __future__ import annotations

import numpy as np

from analytics.forecast.intervals import FOLD_WORTH, LEVELS
from analytics.forecast.models.candidate import Floats
from analytics.forecast.student import student

PRIOR_FREEDOM = 2.5  # what all shorter sums together are worth, in degrees of freedom of the longest
PRIOR_FOLDS = 2.0  # fresh folds that growth from one stride on is worth
PRIOR_GROWTH = 0.75  # half way between independent errors (0.5) and one error over and over (1)
GROWTH = (0.75, 1.0)  # bounds of the exponent beyond the longest fold: levels are never known for sure


def sum_half_widths(errors: Floats, horizon: int, stride: int) -> Floats:
    """Answer [level, step]: how far the sum up to each step may be off, by errors [fold, step] (NaN counts nothing).

    `stride` is how many slots folds begin apart.
    """
    known = np.isfinite(errors)
    reach = np.where(known, np.arange(1, errors.shape[1] + 1), 0).max(axis=1)
    tried = int(reach.max())
    if not tried:
        return np.zeros((len(LEVELS), horizon))
    steps = np.arange(1, tried + 1)
    there = steps <= reach[:, None]
    sums = np.cumsum(np.where(known, errors, 0.0)[:, :tried], axis=1)
    folds = there.sum(axis=0)
    fresh = FOLD_WORTH * folds * np.minimum(1.0, stride / steps)
    spread = _spread((sums**2 * there).sum(axis=0) / folds, fresh, min(stride, tried))
    if horizon > tried:
        beyond = np.arange(tried + 1, horizon + 1)
        spread = np.concatenate([spread, spread[-1] * (beyond / tried) ** _exponent(spread)])
    freedom = float(fresh[-1]) + PRIOR_FREEDOM
    return np.outer([student(level, freedom) for level in LEVELS], spread[:horizon])


def _spread(squares: Floats, fresh: Floats, stride: int) -> Floats:
    """Answer the root of the mean squares of sums, drawn up to what one stride's would grow to; it never falls."""
    steps = np.arange(1, len(squares) + 1)
    grown = squares[stride - 1] * (steps / stride) ** (2 * PRIOR_GROWTH)
    prior = np.where((steps > stride) & (grown > squares), PRIOR_FOLDS, 0.0)
    return np.maximum.accumulate(np.sqrt((fresh * squares + prior * grown) / (fresh + prior)))


def _exponent(spread: Floats) -> float:
    """Answer g of sums whose errors grow as step ** g, from the whole against half of the steps tried."""
    half = len(spread) // 2
    if not half or not spread[half - 1]:
        return GROWTH[1]
    return float(np.clip(np.log2(spread[-1] / spread[half - 1]) / np.log2(len(spread) / half), *GROWTH))
