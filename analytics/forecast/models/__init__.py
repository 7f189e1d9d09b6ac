"""Which models compete for a series? One file each, and one line here.

Every one is the same whatever the unit and whatever constant is added: a series scaled or shifted is forecast scaled
or shifted.
"""

from __future__ import annotations

from collections.abc import Callable

from analytics.forecast.models import (
    autoregression,
    damped_trend,
    intermittent,
    levelled_profile,
    nested_profile,
    plain,
    seasonal_mean,
    seasonal_naive,
)
from analytics.forecast.models.candidate import Candidate

MODELS: tuple[Callable[[tuple[int, ...]], tuple[Candidate, ...]], ...] = (
    plain.candidates,
    seasonal_naive.candidates,
    seasonal_mean.candidates,
    levelled_profile.candidates,
    nested_profile.candidates,
    damped_trend.candidates,
    autoregression.candidates,
    intermittent.candidates,
)


def candidates(seasons: tuple[int, ...], history: int) -> tuple[Candidate, ...]:
    """Answer every model set to these seasons that can forecast from so many slots."""
    return tuple(made for model in MODELS for made in model(seasons) if made.needs <= history)
