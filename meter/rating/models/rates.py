"""What the models with several rates have in common: how a rate is read, and the cells that usage is sorted into."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from meter.rating.charge import Cell, Cells
from meter.rating.models import per_unit
from meter.rating.table import Table
from meter.rating.usage import Usage


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A price per unit for some of the usage; ``label`` is what people call that usage, and unlike any other's."""

    label: str
    terms: per_unit.Terms


def read_rate(table: Table, label: str) -> Rate:
    """Read ``unit_amount``, ``per`` and ``title``, in place of which ``label`` stands. Raises BookError."""
    return Rate(label=table.text("title", label), terms=per_unit.read(table))


def refuse_twins(rates: Sequence[tuple[Table, Rate]]) -> None:
    """Lines are told apart, and parts of a period compared, by their labels. Raises BookError."""
    seen: set[str] = set()
    for table, rate in rates:
        if rate.label in seen:
            table.refuse("title", f"two rates are called {rate.label!r}", 'write title = "…", another for each')
        seen.add(rate.label)


def sort(rates: Sequence[Rate], rows: Sequence[Usage], choose: Callable[[Usage], int | None]) -> Cells:
    """Put each row into the cell of the rate chosen (its place among ``rates``), cells in the order of the rates.

    Where nothing was used, the first rate has a cell without rows: a price always has one to hang its minimum on.
    """
    chosen: dict[int, list[Usage]] = {}
    unpriced: list[Usage] = []
    for row in rows:
        place = choose(row)
        (unpriced if place is None else chosen.setdefault(place, [])).append(row)
    cells = tuple(Cell(rates[place].label, rates[place].terms, tuple(own)) for place, own in sorted(chosen.items()))
    return Cells(cells or (Cell(None, rates[0].terms, ()),), tuple(unpriced))
