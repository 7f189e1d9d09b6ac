"""What a pricing model takes and gives: the contract each module of ``models`` keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import msgspec

from meter.rating.money import added, as_ratio, exact, plain, quotient, ratio_of
from meter.rating.usage import Usage

if TYPE_CHECKING:
    from meter.rating.table import Table


_ONE: Final = Decimal(1)


class Step(msgspec.Struct, frozen=True):
    """One step of a derivation: its name and the values that went in and came out, as text ready to show."""

    name: str
    facts: dict[str, str]


def step(name: str, **facts: Decimal | int | str | None) -> Step:
    """Write a step down; numbers are kept in full and in plain notation, and what is None is left out."""
    return Step(name, {key: _text(fact) for key, fact in facts.items() if fact is not None})


def _text(fact: Decimal | int | str) -> str:
    return f"{plain(fact):f}" if isinstance(fact, Decimal) else str(fact)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a price of some model says. Models extend it; ``unit_amount`` is None where there is no single list price.

    ``unit_amount`` (major units of the book's currency) buys ``per`` units: 0.015 per 1000.
    """

    unit_amount: Decimal | None = None
    per: Decimal = Decimal(1)


class Measured(msgspec.Struct, frozen=True):
    """What is to be priced since the service period began: ``quantity / divisor`` in the price's unit, none of it free.

    ``rows`` are the usage behind it, for models that look at single events or changes of level. ``ends`` says whether
    the period is over: what only its end can tell (a volume, a fee in arrears) is not owed before.
    """

    quantity: Decimal
    divisor: Decimal = Decimal(1)
    rows: tuple[Usage, ...] = ()
    ends: bool = True


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """So many of something at a price, within a charge: the units of a tier, its flat fee, packages, transactions.

    ``quantity / divisor`` times ``unit_amount`` for each ``per`` is ``amount``, exactly.
    """

    name: str
    quantity: Decimal
    unit_amount: Decimal
    amount: Decimal
    divisor: Decimal = Decimal(1)
    per: Decimal = Decimal(1)
    tier: int | None = None


@exact()
def part(
    name: str,
    quantity: Decimal,
    unit_amount: Decimal,
    *,
    divisor: Decimal = Decimal(1),
    per: Decimal = Decimal(1),
    tier: int | None = None,
) -> Part:
    """Price so many: products first and one division last, so nothing is lost."""
    amount = quotient(quantity * unit_amount, per * divisor)
    return Part(
        name=name, quantity=quantity, unit_amount=unit_amount, amount=amount, divisor=divisor, per=per, tier=tier
    )


class Charge(msgspec.Struct, frozen=True):
    """A model's answer: the parts of the amount, and the list price it stands for (None if there are several)."""

    parts: tuple[Part, ...]
    unit_amount: Decimal | None = None
    per: Decimal = Decimal(1)

    @property
    @exact()
    def exact(self) -> Decimal:
        """The sum of the parts, divided once: three tiers at a third each are one."""
        ratios: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
        for each in self.parts:
            ratios[each.per * each.divisor] += each.quantity * each.unit_amount
        return added(ratios)


@exact()
def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up without losing a digit."""
    return sum(amounts, Decimal(0))


def by_level(rows: Iterable[Usage]) -> bool:
    """Tell whether rows are changes of level, paid for as long as they are in force."""
    return any(row.prorated is not None or row.share is not None for row in rows)


@exact()
def paid(row: Usage) -> tuple[Decimal, Decimal]:
    """What is paid for of a row, as quantity and divisor besides the row's own; all of it unless it is prorated."""
    if row.prorated is not None:
        return row.prorated, _ONE
    if row.share is not None:
        return row.quantity * row.share.part, row.share.whole
    return row.quantity, _ONE


@exact()
def paid_together(rows: Iterable[Usage]) -> tuple[Decimal, Decimal]:
    """What is paid for of all rows, divided as late as that of one."""
    ratios: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    for row in rows:
        quantity, divisor = paid(row)
        ratios[divisor] += quantity
    return as_ratio(ratio_of(ratios))


class Cell(msgspec.Struct, frozen=True):
    """Rows that have one price, and what people call them; ``label`` is None where the price has no others."""

    label: str | None
    terms: Terms
    rows: tuple[Usage, ...]


class Cells(msgspec.Struct, frozen=True):
    """Every row of a price: in a cell, or ``unpriced`` where no cell is for it."""

    cells: tuple[Cell, ...]
    unpriced: tuple[Usage, ...] = ()


class Model(Protocol):
    """The shape of a pricing-model module, so that ``MODELS`` is typed.

    ``BY_ROW`` models look at single events or changes of level, so their quantity is neither converted nor partly free.
    """

    NAME: str
    KIND: str
    METERED: bool
    BY_ROW: bool
    price: Callable[..., Charge]

    def read(self, table: Table) -> Terms:
        """Read the model's own fields from a book's table."""


Divide: TypeAlias = Callable[..., Cells]
"""How a model with several prices sorts usage into its cells: of its own terms, rows, and the period."""
