"""The shape of a week times the level of the last hours: where twice as much means twice as much in every hour.

Usage that can't fall below a floor mostly grows and shrinks as a whole: peaks by more than nights. What is learnt of
the past is therefore only the share of each day in its week and of each hour in its day, whatever the level was then;
the level is what the latest slots used over what their shares would be (a ratio of sums, so that nights hardly count).
Shares of the week are medians: a week in which the level shifted is outvoted by the others. (Multiplicative seasonality
with a level of its own: P. R. Winters, Management Science 6, 1960.)

Scaled usage is forecast scaled. Shifted is only what is shifted with its floor, so it competes where there is one.
"""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past, cycles_before, fading, repeated

KEEP_SHAPE = 0.6  # of a long cycle's weight for the hours of a day, for the cycle before it
KEEP_LEVEL = {"fast": 0.05, "calm": 0.8}  # of a slot's weight for the level, for a slot a seventh of a cycle before it
USUAL_MIN = 0.2  # of a cycle's mean: slots that use less than that say little of the level, its last cycle the rest
CYCLES_OF_SHARES = 4  # whose median share counts: one with a shift in it is outvoted


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """Two, on the longest season: one that follows the level at once, one that waits some days."""
    if not seasons:
        return ()
    long = seasons[-1]
    short = seasons[0] if len(seasons) > 1 and long % seasons[0] == 0 else 1
    return tuple(_candidate(name, keep, short, long) for name, keep in KEEP_LEVEL.items())


def _candidate(name: str, keep: float, short: int, long: int) -> Candidate:
    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        floor = past.values.min() if past.floor is None else past.floor
        used = np.maximum(past.values - floor, 0.0)
        paths = [_scaled(used[:origin], keep, short, long, horizon) for origin in origins.tolist()]
        return np.stack(paths) + floor

    return Candidate(f"scaled_profile_{long}_{name}", 2 * long, predict)


def _scaled(used: Floats, keep: float, short: int, long: int, horizon: int) -> Floats:
    """Answer the profile, times the level of the latest slots."""
    profile = _profile(used, short, long)
    weights = fading(len(used), keep ** (7 / long))
    usual = float(weights @ np.resize(profile[::-1], len(used))[::-1])
    missing = max(0.0, USUAL_MIN - usual)
    level = (weights @ used + missing * used[-long:].mean()) / (usual + missing)
    path: Floats = level * repeated(profile, horizon)
    return path


def _profile(used: Floats, short: int, long: int) -> Floats:
    """Answer how much each slot of a cycle uses, 1 being the mean of a cycle; cycles without use tell nothing."""
    cycles = cycles_before(used, len(used), long)
    days = cycles.reshape(len(cycles), long // short, short)
    levels = days.mean(axis=2)
    weeks = levels.mean(axis=1)
    lively = np.flatnonzero(weeks > 0)[-CYCLES_OF_SHARES:]
    if len(lively) < 2:  # noqa: PLR2004 (one cycle may have begun anywhere in it)
        return np.ones(long)
    shares: Floats = np.median(levels[lively] / weeks[lively, None], axis=0)
    return np.repeat(shares, short) * _hours(days, levels).reshape(long)


def _hours(days: Floats, levels: Floats) -> Floats:
    """Answer [day, hour]: how much each hour uses of what its day does, 1 being the mean of the day."""
    weights = fading(len(days), KEEP_SHAPE)[:, None] * (levels > 0)
    shapes = days / np.where(levels > 0, levels, 1.0)[:, :, None]
    total = weights.sum(axis=0)[:, None]
    mean: Floats = (weights[:, :, None] * shapes).sum(axis=0) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, mean, 1.0)
