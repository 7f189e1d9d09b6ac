"""The latest value, and the mean of all: for histories too short to show a cycle, and for series that have none."""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """Both; they know no seasons."""
    del seasons
    return Candidate("last_value", 1, _last), Candidate("mean", 1, _mean)


def _last(past: Past, origins: Ints, horizon: int) -> Floats:
    return np.repeat(past.values[origins - 1][:, None], horizon, axis=1)


def _mean(past: Past, origins: Ints, horizon: int) -> Floats:
    means = np.cumsum(past.values)[origins - 1] / origins
    return np.repeat(means[:, None], horizon, axis=1)
