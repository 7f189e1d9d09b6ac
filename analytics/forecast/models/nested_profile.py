"""The shape of each day of the week on the level of the latest day, which rises and falls from day to day as it does.

Where the level shifts, old and new days of the week are not mixed: only steps between days are learnt, by the median
of some weeks, so that a shift is followed after one day and does not come back a week later.
"""

from __future__ import annotations

import numpy as np

from analytics.forecast.models.candidate import Candidate, Floats, Ints, Past, cycles_before, fading, repeated

KEEP = 0.6  # of a long cycle's weight for shapes, for the cycle before it
CYCLES_OF_STEPS = 4  # whose median step counts: one shift among three is outvoted


def candidates(seasons: tuple[int, ...]) -> tuple[Candidate, ...]:
    """One, where a long season is made of short ones."""
    short, long = (seasons[0], seasons[-1]) if seasons else (1, 1)
    if short == long or long % short:
        return ()

    def predict(past: Past, origins: Ints, horizon: int) -> Floats:
        return np.stack([_nested(past.values, origin, short, long, horizon) for origin in origins.tolist()])

    return (Candidate(f"nested_profile_{long}", 2 * long, predict),)


def _nested(values: Floats, origin: int, short: int, long: int, horizon: int) -> Floats:
    cycles = cycles_before(values, origin, long)
    days = cycles.reshape(len(cycles), long // short, short)
    levels = days.mean(axis=2)
    shape: Floats = fading(len(days), KEEP) @ (days - levels[:, :, None]).reshape(len(days), long)
    ahead = levels[-1, -1] + np.cumsum(np.resize(_steps(levels), -(-horizon // short)))
    path: Floats = repeated(shape, horizon) + np.repeat(ahead, short)[:horizon]
    return path


def _steps(levels: Floats) -> Floats:
    """Answer from [cycle, day] how far each day's level lies from that of the day before, in all adding up to zero."""
    flat = levels.reshape(-1)
    steps = np.diff(flat, prepend=flat[0]).reshape(levels.shape)
    usual: Floats = np.median(steps[-CYCLES_OF_STEPS:], axis=0)
    usual -= usual.mean()
    return usual
