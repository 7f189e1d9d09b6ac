"""One file per pricing model: what does a quantity cost?

A model has a top-level ``price(terms, measured)``; it also says its ``NAME`` (what a book writes after ``model =``),
the ``KIND`` of line it makes, whether it is ``METERED``, and ``read``s its own fields from the book. ``price`` answers
for everything since the service period began: what a later part of the period adds is a difference (``split``). A new
model is one new file and one line here; one whose price differs by labels or time of day divides usage into cells, and
has a second line in ``DIVIDED``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meter.rating.models import flat, per_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meter.rating.charge import Divide, Model

MODELS: Final[tuple[Model, ...]] = (
    flat,
    per_unit,
)

DIVIDED: Final[Mapping[str, Divide]] = {}
