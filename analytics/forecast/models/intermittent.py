"""Mostly nothing, now and then something: how often times how much (Teunter, Syntetos, Babai: EJOR 214, 2011).

"Nothing" is the series' own minimum so far, so that a series on a pedestal is forecast as one without. For a series
that is never at rest this is an exponentially weighted mean.
"""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past, fading

KEEP_RATE = 0.995  # per slot: how often is an average over some hundred slots
KEEP_SIZE = 0.95  # per demand: how much is an average over some twenty demands
NEEDS = 8


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """One; it knows no seasons."""
    del seasons

    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        levels = [_expected(past.values[:origin]) for origin in origins.tolist()]
        return np.repeat(np.array(levels)[:, None], horizon, axis=1)

    return (Candidate("intermittent", NEEDS, predict),)


def _expected(values: Floats) -> float:
    rest = float(values.min())
    demand = values > rest
    sizes = values[demand] - rest
    if not len(sizes):
        return rest
    rate = fading(len(values), KEEP_RATE) @ demand
    return rest + float(rate * (fading(len(sizes), KEEP_SIZE) @ sizes))
