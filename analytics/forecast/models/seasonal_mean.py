"""The mean of the same hour in past cycles, recent cycles counting more: calm where single values are noisy."""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past, cycles_before, fading, repeated

KEEP = 0.6  # of a cycle's weight, for the cycle before it: five cycles carry nine tenths


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """One for each season."""
    return tuple(_candidate(season) for season in seasons)


def _candidate(season: int) -> Candidate:
    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        return np.stack([repeated(_profile(past.values, origin, season), horizon) for origin in origins.tolist()])

    return Candidate(f"seasonal_mean_{season}", 2 * season, predict)


def _profile(values: Floats, origin: int, season: int) -> Floats:
    cycles = cycles_before(values, origin, season)
    return fading(len(cycles), KEEP) @ cycles
