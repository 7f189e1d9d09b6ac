"""How far off may a forecast be? Bands that back-tested errors would have stayed within, level by level.

Split conformal: errors of folds, which no model was fitted to, are divided by how large errors of their step are, and
the quantile of those ratios is the half width in that measure. (Vovk, Gammerman, Shafer 2005; Lei et al., JASA 113,
2018.) Errors of one fold resemble each other, so what counts is how many folds there are: with few, bands are wider.
"""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Bools, Floats
from analytics.forecast.student import normal, student

LEVELS = (0.80, 0.95)
FOLDS_MIN = 3  # earlier folds, before a band is held against a fold
PRIOR_FOLDS = 4.0  # what errors of neighbouring steps count for in the measure of a step
FOLD_WORTH = 0.75  # of a degree of freedom, each: folds overlap
FREEDOM_MIN = 2
GROWTH = (0.15, 1.0)  # bounds of the exponent with which errors grow beyond the longest step tried


def half_widths(errors: Floats, horizon: int, season: int) -> Floats:
    """Answer [level, step]: how far above and below the forecast each level's band reaches.

    `errors` is [fold, step], NaN = not known. Steps beyond those tried repeat the last cycle, growing.
    """
    known = np.isfinite(errors)
    sizes = np.where(known, np.abs(errors), 0.0)
    measure = _measure(sizes, known, season)
    if not measure.any():
        return np.zeros((len(LEVELS), horizon))
    ratios = (sizes / measure)[known]
    folds = int(known.any(axis=1).sum())
    quantiles = np.array([_quantile(ratios, level, folds) for level in LEVELS])
    widths: Floats = np.outer(quantiles, extended(measure, horizon, season))
    return widths


def coverage(inside: Floats) -> float | None:
    """Answer the share of ones among ones, zeros and NaN (not known)."""
    known = np.isfinite(inside)
    return float(inside[known].mean()) if known.any() else None


def extended(measure: Floats, horizon: int, season: int) -> Floats:
    """Answer the measure of errors for every step of a horizon: as tried, then the last cycle over again, growing."""
    tried = len(measure)
    if horizon <= tried:
        return measure[:horizon].copy()
    cycle = measure[-min(season, tried) :]
    beyond = np.arange(tried, horizon)
    growth = ((beyond + 1) / tried) ** _exponent(measure)
    longer: Floats = np.concatenate([measure, np.resize(cycle, horizon - tried) * growth])
    return longer


def _measure(sizes: Floats, known: Bools, season: int) -> Floats:
    """Answer how large errors are at each step: its own mean, drawn towards that of the steps around it."""
    count, total = known.sum(axis=0), sizes.sum(axis=0)
    width = min(season, len(count)) | 1
    around = np.ones(width)
    pad = width // 2
    near = np.convolve(np.pad(total, pad), around, "valid") / np.maximum(
        np.convolve(np.pad(count, pad), around, "valid"), 1
    )
    near = np.maximum.accumulate(near)  # what lies further ahead is not better known
    measure: Floats = (total + PRIOR_FOLDS * near) / (count + PRIOR_FOLDS)
    least: float = 1e-9 * measure.max()  # a step without errors is no reason to divide by zero
    return np.maximum(measure, least)


def _quantile(ratios: Floats, level: float, folds: int) -> float:
    """Answer the quantile of the ratios, wider by as much as Student's t is where so few folds made it."""
    freedom = max(FREEDOM_MIN, round(FOLD_WORTH * folds))
    return float(np.quantile(ratios, level)) * student(level, freedom) / normal(level)


def _exponent(measure: Floats) -> float:
    """Answer g of errors that grow as step ** g, from the mean of the steps' later half against the earlier one."""
    half = len(measure) // 2
    if not half:
        return 0.5  # a random walk's
    ratio = measure[-half:].mean() / measure[:half].mean()
    return float(np.clip(np.log2(1 + ratio) - 1, *GROWTH))
