"""The shape of past cycles on the level of the latest: follows a shift within one cycle and keeps the shape."""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past, cycles_before, fading, repeated

KEEP_SHAPE = 0.75  # the shape is remembered for long …
KEEP_LEVEL = 0.15  # … the level is nearly that of the last cycle


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """One, on the longest season."""
    return tuple(_candidate(season) for season in seasons[-1:])


def _candidate(season: int) -> Candidate:
    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        return np.stack([repeated(_profile(past.values, origin, season), horizon) for origin in origins.tolist()])

    return Candidate(f"levelled_profile_{season}", 2 * season, predict)


def _profile(values: Floats, origin: int, season: int) -> Floats:
    cycles = cycles_before(values, origin, season)
    means = cycles.mean(axis=1)
    shape: Floats = fading(len(cycles), KEEP_SHAPE) @ (cycles - means[:, None])
    level: float = fading(len(cycles), KEEP_LEVEL) @ means
    return np.add(shape, level)
