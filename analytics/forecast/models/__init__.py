"""Which models compete for a series? One file each, and one line here.

Every one is the same whatever the unit and whatever constant is added: a series scaled or shifted is forecast scaled
or shifted; those of `ABOVE_FLOOR` when the floor is shifted with it, and they compete only where there is one.
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
    scaled_profile,
    seasonal_mean,
    seasonal_naive,
)
from analytics.forecast.models.candidate import Candidate

Maker = Callable[[tuple[int, ...]], tuple[Candidate, ...]]
MODELS: tuple[Maker, ...] = (
    plain.candidates,
    seasonal_naive.candidates,
    seasonal_mean.candidates,
    levelled_profile.candidates,
    nested_profile.candidates,
    damped_trend.candidates,
    autoregression.candidates,
    intermittent.candidates,
)

ABOVE_FLOOR: tuple[Maker, ...] = (scaled_profile.candidates,)


def candidates(seasons: tuple[int, ...], history: int, *, floored: bool = False) -> tuple[Candidate, ...]:
    """Answer every model set to these seasons that can forecast from so many slots, of a series with a floor or not."""
    makers = MODELS + ABOVE_FLOOR if floored else MODELS
    return tuple(made for maker in makers for made in maker(seasons) if made.needs <= history)
