"""What a model is: a function that forecasts from several origins at once, each from what lies before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Past(NamedTuple):
    """Slots of equal length: `values` without holes (each hole filled from what lies before it), `known` = data.

    `seasons` are the lengths of its cycles in slots, the shortest first; none for a history shorter than two cycles.
    `floor` is what no value can fall below, where there is such a bound.
    """

    values: Floats
    known: Bools
    seasons: tuple[int, ...]
    floor: float | None = None


class Candidate(NamedTuple):
    """One model set to the seasons of a series.

    `predict(past, origins, horizon)` answers [origin, step]: the values of `horizon` slots from each origin on, made
    of nothing but `past.values[:origin]`. No origin lies before `needs`.
    """

    name: str
    needs: int
    predict: Callable[[Past, Ints, int], Floats]


def cycles_before(values: Floats, origin: int, length: int) -> Floats:
    """Answer the whole cycles that end at an origin as rows, the latest last."""
    count = origin // length
    return values[origin - count * length : origin].reshape(count, length)


def fading(count: int, keep: float) -> Floats:
    """Answer weights that add up to 1: the last is the largest, each before it is `keep` times the one after it."""
    weights: Floats = keep ** np.arange(count - 1, -1, -1, dtype=np.float64)
    scaled: Floats = weights / weights.sum()
    return scaled


def repeated(cycle: Floats, horizon: int) -> Floats:
    """Answer a cycle over and over until the horizon."""
    return np.resize(cycle, horizon)
