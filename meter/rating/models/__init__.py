"""One file per pricing model: what does a quantity cost?

A model has a top-level ``price(terms, measured)``; it also says its ``NAME`` (what a book writes after ``model =``),
the ``KIND`` of line it makes, whether it is ``METERED``, and ``read``s its own fields from the book. ``price`` answers
for everything since the service period began: what a later part of the period adds is a difference (``split``). A new
model is one new file and one line here; one whose price differs by labels or time of day divides usage into cells, and
has a second line in ``DIVIDED``; one that is paid for changes of level by their time has one in ``LEVELS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meter.rating.models import (
    blocks,
    dynamic,
    flat,
    graduated,
    graduated_percentage,
    matrix,
    package,
    per_unit,
    percentage,
    seats,
    time_of_day,
    volume,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meter.rating.charge import Divide, Model

MODELS: Final[tuple[Model, ...]] = (
    flat,
    per_unit,
    package,
    graduated,
    volume,
    graduated_percentage,
    blocks,
    percentage,
    dynamic,
    matrix,
    time_of_day,
    seats,
)

DIVIDED: Final[Mapping[str, Divide]] = {matrix.NAME: matrix.divide, time_of_day.NAME: time_of_day.divide}

LEVELS: Final = frozenset({graduated.NAME, volume.NAME, seats.NAME})
