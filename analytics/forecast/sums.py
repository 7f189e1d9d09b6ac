"""How far off may the sum of a forecast be? Errors of neighbouring hours go together, so bounds can't be added up.

Taken are the back-tested errors of sums: of the first hour, the first two … up to the longest fold, root mean square
over the folds, times Student's t for as many folds as do not overlap. Beyond, sums grow by the exponent seen (between
0.5, independent errors, and 1, one error over and over).
"""

from __future__ import annotations

import numpy as np

from analytics.forecast.intervals import LEVELS
from analytics.forecast.models.candidate import Floats
from analytics.forecast.student import student

FREEDOM_MIN = 2
GROWTH = (0.5, 1.0)


def sum_half_widths(errors: Floats, horizon: int, stride: int) -> Floats:
    """Answer [level, step]: how far the sum up to each step may be off, by errors [fold, step] (NaN counts nothing).

    `stride` is how many slots folds begin apart.
    """
    over = errors[np.isfinite(errors[:, -1])] if np.isfinite(errors[:, -1]).any() else errors
    folds, tried = over.shape
    sums = np.cumsum(np.where(np.isfinite(over), over, 0.0), axis=1)
    spread = np.maximum.accumulate(np.sqrt((sums**2).mean(axis=0)))
    if horizon > tried:
        beyond = np.arange(tried + 1, horizon + 1)
        spread = np.concatenate([spread, spread[-1] * (beyond / tried) ** _exponent(spread)])
    freedom = max(FREEDOM_MIN, round(folds * min(1.0, stride / tried)))
    return np.outer([student(level, freedom) for level in LEVELS], spread[:horizon])


def _exponent(spread: Floats) -> float:
    """Answer g of sums whose errors grow as step ** g, from the whole against half of the steps tried."""
    half = len(spread) // 2
    if not half or not spread[half - 1]:
        return GROWTH[1]
    return float(np.clip(np.log2(spread[-1] / spread[half - 1]) / np.log2(len(spread) / half), *GROWTH))
