"""A line through the means of past cycles, flattening out, and a cycle's shape on it: steady growth or decline."""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past, cycles_before, fading, repeated

KEEP = 0.85  # of a cycle's weight, for the cycle before it
DAMPING = (
    0.9  # of the slope, from each cycle ahead to the next: growth does not go on for ever (Gardner, McKenzie 1985)
)
CYCLES_MIN = 4  # fewer make a line of noise


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """One, on the season; without one, on single slots. What has two seasons is left to autoregression."""
    if len(seasons) > 1:
        return ()
    season = seasons[0] if seasons else 1

    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        return np.stack([_line(past.values, origin, season, horizon) for origin in origins.tolist()])

    return (Candidate("damped_trend", CYCLES_MIN * season, predict),)


def _line(values: Floats, origin: int, season: int, horizon: int) -> Floats:
    """Weighted least squares of cycle means on their number, the latest being 0; then damped ahead."""
    cycles = cycles_before(values, origin, season)
    means = cycles.mean(axis=1)
    weights = fading(len(means), KEEP)
    ordinal = np.arange(1 - len(means), 1, dtype=np.float64)
    from_mean = ordinal - weights @ ordinal
    slope = (weights * from_mean) @ means / (weights @ from_mean**2)
    level = weights @ means - slope * (weights @ ordinal)
    ahead = np.repeat(np.cumsum(DAMPING ** np.arange(-(-horizon // season), dtype=np.float64)), season)[:horizon]
    shape = weights @ (cycles - means[:, None])
    path: Floats = repeated(shape, horizon) + level + slope * ahead
    return path
