"""One price of a plan: what it counts, what is free, the model's terms, and what bounds the amount."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from meter.rating.charge import Model, Terms
from meter.rating.models import MODELS
from meter.rating.proration import NEVER
from meter.rating.usage import TOTAL

LEVEL_UNITS: Final = "changes of level are neither partly free nor converted, nor lifted to a minimum per service"
FREE_LEVEL: Final = 'leave that out; what is free may be a first tier at unit_amount = "0"'
ARREARS: Final = "arrears"
ADVANCE: Final = "advance"
BILLED: Final = (ARREARS, ADVANCE)
_BY_NAME: Final[dict[str, Model]] = {model.NAME: model for model in MODELS}


class Conversion(msgspec.Struct, frozen=True):
    """What turns measured units into those that are sold: ``operation`` by ``factor``, then ``rounding`` to whole ones.

    1,400 tokens divided by 1,000 and rounded up are 2 units.
    """

    operation: str
    factor: Decimal
    rounding: str


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """One price of a plan: what it counts, what is free, and the model's terms.

    ``counts`` pairs each meter with how many of the price's units one unit of it is; several make a pool that shares
    the free units, and ``meter`` is then the pool's own name (S4.4: credits). ``included`` is free per period in the
    price's unit, None is without limit. ``minimum_per_service`` is owed by each service with billed usage (S2.6).
    A flat price counts nothing. ``discount`` is percent off, ``maximum`` and ``minimum`` bound the money of a period.
    ``prorate`` says how a fee, a minimum or a change of level is reduced to the part of the period it was served:
    ``never``, by exact ``time`` or by whole ``days``. ``category`` is what taxes go by.

    A flat price with ``times`` is paid for each unit of the subscription's quantity of that name, e.g. seats, of which
    ``included`` are free. ``quantity`` is how many are paid: no file says it, ``Book.applied`` does; in a book's own
    plan it is none of them. ``billed`` says whether a fee is invoiced after its period or before.
    """

    id: str
    title: str
    meter: str
    unit: str
    model: str
    terms: Terms
    counts: tuple[tuple[str, Decimal], ...] = ()
    measure: str = TOTAL
    included: Decimal | None = Decimal(0)
    minimum_per_service: Decimal | None = None
    conversion: Conversion | None = None
    discount: Decimal = Decimal(0)
    maximum: Decimal | None = None
    minimum: Decimal | None = None
    prorate: str = NEVER
    category: str = ""
    times: str = ""
    quantity: Decimal = Decimal(1)
    billed: str = ARREARS

    @property
    def unit_amount(self) -> Decimal | None:
        """List price of ``per`` units in major units of the book's currency; None where a model has several."""
        return self.terms.unit_amount

    @property
    def by_units(self) -> bool:
        """Whether units are looked at by themselves: free, converted, a service's. Changes of level are not."""
        return bool(self.included) or self.conversion is not None or self.minimum_per_service is not None

    @property
    def per(self) -> Decimal:
        """How many units ``unit_amount`` buys."""
        return self.terms.per


def model_named(name: str) -> Model:
    """Return the pricing model a book calls ``name``. Raises KeyError when no module of ``MODELS`` has it."""
    return _BY_NAME[name]


def model_names() -> tuple[str, ...]:
    """Every name a book may write after ``model =``, in the order of ``MODELS``."""
    return tuple(_BY_NAME)
