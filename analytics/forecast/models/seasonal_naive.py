"""As one cycle ago: the value of the same hour yesterday, the same hour last week. What any other model must beat."""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """One for each season."""
    return tuple(_candidate(season) for season in seasons)


def _candidate(season: int) -> Candidate:
    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        found: Floats = past.values[origins[:, None] - season + np.arange(horizon) % season]
        return found

    return Candidate(f"seasonal_naive_{season}", season, predict)
