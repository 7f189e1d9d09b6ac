"""What a pricing model takes and gives: the contract each model module of this folder keeps."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import msgspec

from meter.rating.money import plain

if TYPE_CHECKING:
    from meter.rating.table import Table


class Step(msgspec.Struct, frozen=True):
    """One step of a derivation: its name and the values that went in and came out, as text ready to show."""

    name: str
    facts: dict[str, str]


def step(name: str, **facts: Decimal | str) -> Step:
    """Write a step down; numbers are kept in full and in plain notation."""
    return Step(name, {key: f"{plain(fact):f}" if isinstance(fact, Decimal) else fact for key, fact in facts.items()})


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a price of some model says. Models extend it; ``unit_amount`` is None where there is no single list price.

    ``unit_amount`` (major units of the book's currency) buys ``per`` units: 0.015 per 1000.
    """

    unit_amount: Decimal | None = None
    per: Decimal = Decimal(1)


class Measured(msgspec.Struct, frozen=True):
    """The quantity to be priced, free units already taken off: ``quantity / divisor`` in the price's unit."""

    quantity: Decimal
    divisor: Decimal = Decimal(1)


class Charge(msgspec.Struct, frozen=True):
    """A model's answer: the exact amount, the list price it stands for (None if several) and how it came about."""

    exact: Decimal
    unit_amount: Decimal | None
    per: Decimal
    steps: tuple[Step, ...]


class Model(Protocol):
    """The shape of a pricing-model module, so that ``MODELS`` is typed."""

    NAME: str
    KIND: str
    METERED: bool
    price: Callable[..., Charge]

    def read(self, table: Table) -> Terms:
        """Read the model's own fields from a book's table."""
