"""Given usage and a plan, what is owed? Pure and exact: no clock, no database, no float.

A pricing model is a module of this folder with a top-level ``price(terms, measured)``; it also says its ``NAME``
(what a book writes after ``model =``), the ``KIND`` of line it makes, whether it is ``METERED``, and ``read``s its own
fields from the book. A new model is one new file and one line in ``MODELS``. Modules without ``price`` are no plug-ins:
they are the adjustments (``free_units``, ``minimum``) that ``invoice.ORDER`` lists, and helpers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meter.rating import base_fee, per_unit

if TYPE_CHECKING:
    from meter.rating.charge import Model

MODELS: Final[tuple[Model, ...]] = (
    base_fee,
    per_unit,
)
