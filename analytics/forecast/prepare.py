"""A series made ready for models: holes filled from the past, centred and scaled, seasons that its length can show."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analytics.forecast.models.candidate import Bools, Floats, Past

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
    recent = values[begin:end]
    known = np.isfinite(recent)
    data = recent[known]
    centre = float(np.median(data))
    unit = 0.0 if data.min() == data.max() else float(np.abs(data - centre).mean())
    usable = tuple(season for season in seasons if len(recent) >= CYCLES_MIN * season)
    scaled = (recent - centre) / (unit or 1.0)
    return Prepared(Past(_filled(scaled, known, usable), known, usable), centre, unit, len(values) - end)


def _filled(values: Floats, known: Bools, seasons: tuple[int, ...]) -> Floats:
    """Answer the values with each hole filled as one long cycle ago, else one short cycle ago, else as just before.

    Only what lies before a hole fills it, so that a forecast from any origin may read all before that origin.
    """
    filled = values.copy()
    for at in np.flatnonzero(~known).tolist():
        back = next((season for season in reversed(seasons) if season <= at), 1)
        filled[at] = filled[at - back]
    return filled
