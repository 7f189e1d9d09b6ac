"""A series made ready for models: spikes cut, holes filled, centred and scaled, with the seasons that it can show.

All of it looks back only: what a slot is made into depends on what lies before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analytics.forecast.backtest import AT_REST_SHARE
from analytics.forecast.models.candidate import Bools, Floats, Ints, Past

SLOTS_MAX = 2016  # twelve weeks of hours; what is older tells little and costs time
CYCLES_MIN = 2  # a season is believed once it was seen twice


class Prepared(NamedTuple):
    """What models see, and how to come back: value = model's value * `unit` + `centre`.

    It ends with the last known value, `stale` slots before the series does: so much further ahead must be forecast.
    """

    past: Past
    centre: float
    unit: float
    stale: int

    @property
    def constant(self) -> bool:
        """Whether every known value is the same."""
        return self.unit == 0


def prepare(values: Floats, seasons: tuple[int, ...]) -> Prepared | None:
    """Answer the known part of a series for models, or None when no value is known.

    It runs from its first known value, at most SLOTS_MAX back, to its last. Centre and unit are the median and the mean
    distance from it: taken of all the past, which gives no model an advantage, since all are indifferent to both.
    """
    present = np.flatnonzero(np.isfinite(values))
    if not len(present):
        return None
    end = int(present[-1]) + 1
    begin = present[present >= end - SLOTS_MAX][0]
    recent = _believed(values[begin:end], seasons[0] if seasons else 1)
    known = np.isfinite(recent)
    data = recent[known]
    centre = float(np.median(data))
    unit = 0.0 if data.min() == data.max() else float(np.abs(data - centre).mean())
    usable = tuple(season for season in seasons if len(recent) >= CYCLES_MIN * season)
    scaled = (recent - centre) / (unit or 1.0)
    return Prepared(Past(_filled(scaled, known, usable), known, usable), centre, unit, len(values) - end)


def _believed(values: Floats, cycle: int) -> Floats:
    """Answer the values, each at most as far outside of all before it as those reach from lowest to highest.

    One hour at fifty times the usual would otherwise be in every mean for weeks. What comes again is no record any more
    and is believed: a level that shifts costs its first slot, a weekly peak its first time. (Records before the end of
    the first cycle, and those of a series at rest, are left alone.)
    """
    highest, lowest = np.fmax.accumulate(values), np.fmin.accumulate(values)
    reach = (highest - lowest)[:-1]
    at_rest = _times_lowest(values, lowest) >= AT_REST_SHARE * np.cumsum(np.isfinite(values))
    believed = values.copy()
    cut = np.clip(values[1:], lowest[:-1] - reach, highest[:-1] + reach)
    believed[1:] = np.where(at_rest[:-1] | (reach == 0), values[1:], cut)
    believed[:cycle] = values[:cycle]
    return believed


def _times_lowest(values: Floats, lowest: Floats) -> Ints:
    """Answer how often each slot's lowest value so far has been there by then; a new low begins at one."""
    times = np.cumsum(values == lowest)
    fell = np.flatnonzero(np.diff(lowest, prepend=np.inf) < 0)
    before: Ints = np.concatenate(([0], times))[fell]
    found: Ints = times - np.repeat(before, np.diff(fell, append=len(values)))
    return found


def _filled(values: Floats, known: Bools, seasons: tuple[int, ...]) -> Floats:
    """Answer the values with each hole filled as one long cycle ago, else one short cycle ago, else as just before.

    Only what lies before a hole fills it, so that a forecast from any origin may read all before that origin.
    """
    filled = values.copy()
    for at in np.flatnonzero(~known).tolist():
        back = next((season for season in reversed(seasons) if season <= at), 1)
        filled[at] = filled[at - back]
    return filled
