"""What does each rate of tax bring of each line? Whole minor units that add up along lines and along rates; pure.

An invoice rounds the tax of each line and of each rate, each for itself. What one rate brings of one line is not said
there, so it is found once, the same way each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from meter.invoices import Settled
from meter.rating.charge import total
from meter.rating.credit import RateTax
from meter.rating.document.document import LineTax, TaxTotal
from meter.rating.document.parts import NOTHING, apportion
from meter.rating.money import exact, minor_unit


class Rate(NamedTuple):
    """A rate as invoices name it."""

    name: str
    percent: Decimal
    inclusive: bool


class Taxed(NamedTuple):
    """A line: what was made of it, and what each rate asks of it, not rounded."""

    settled: Settled
    taxes: tuple[LineTax, ...]


@exact()
def cells(lines: Sequence[Taxed], totals: Iterable[TaxTotal], currency: str) -> list[tuple[RateTax, ...]]:
    """The taxes of each line by rate: they add up to the line's tax, and those of a rate to what it brings in all."""
    owed = _by_rate((Rate(each.name, each.percent, each.inclusive), each.amount) for each in totals)
    found: list[dict[Rate, Decimal]] = [{} for _ in lines]
    for inclusive in (False, True):
        brings = {rate: amount for rate, amount in owed.items() if rate.inclusive is inclusive}
        rates = list(brings)
        asked = [_asked(line, rates) for line in lines]
        first = rates[0] if rates else Rate("Tax", Decimal(0), inclusive)
        rows = [
            _row(_tax(line.settled, inclusive=inclusive), each, currency, first)
            for line, each in zip(lines, asked, strict=True)
        ]
        _level(rows, asked, brings, minor_unit(currency))
        for at, row in enumerate(rows):
            found[at] |= row
    return [tuple(RateTax(*rate, amount) for rate, amount in row.items() if amount) for row in found]


def _by_rate(amounts: Iterable[tuple[Rate, Decimal]]) -> dict[Rate, Decimal]:
    """Rates of one name and percentage are one rate here, whatever they are for."""
    found: dict[Rate, Decimal] = {}
    for rate, amount in amounts:
        found[rate] = found.get(rate, amount * 0) + amount
    return found


def _tax(settled: Settled, *, inclusive: bool) -> Decimal:
    """The tax of a line that its price contains, or that comes on top."""
    return settled.tax_included if inclusive else settled.tax - settled.tax_included


def _asked(line: Taxed, rates: Sequence[Rate]) -> dict[Rate, Fraction]:
    exactly = dict.fromkeys(rates, NOTHING)
    for each in line.taxes:
        rate = Rate(each.name, each.percent, each.inclusive)
        if rate in exactly:
            exactly[rate] += Fraction(each.exact)
    return {rate: amount for rate, amount in exactly.items() if amount}


def _row(tax: Decimal, asked: dict[Rate, Fraction], currency: str, otherwise: Rate) -> dict[Rate, Decimal]:
    """The tax of a line among its rates; what rounding left of rates that are gone is with the first."""
    if not asked:
        return {otherwise: tax} if tax else {}
    amounts = apportion(list(asked.values()), ["\t".join(map(str, rate)) for rate in asked], tax, currency)
    row = dict(zip(asked, amounts, strict=True))
    row[next(iter(row))] += tax - total(amounts)
    return row


def _level(
    rows: Sequence[dict[Rate, Decimal]], asked: Sequence[dict[Rate, Fraction]], owed: dict[Rate, Decimal], unit: Decimal
) -> None:
    """Moves minor units from rate to rate within lines, until each rate has what it brings in all.

    Lines and rates are rounded apart, so a line may get a unit of a rate that is not its own where no other can.
    """

    def short(at: int, rate: Rate) -> Fraction:
        return asked[at].get(rate, NOTHING) - Fraction(rows[at].get(rate, 0))

    while True:
        over = {rate: sum((row.get(rate, amount * 0) for row in rows), -amount) for rate, amount in owed.items()}
        moves = [
            (there in row, short(at, there) - short(at, here), at, here, there)
            for at, row in enumerate(rows)
            for here in row
            for there in owed
            if over.get(here, 0) > 0 > over[there]
        ]
        if not moves:
            return
        *_, at, here, there = max(moves)
        rows[at][here] -= unit
        rows[at][there] = rows[at].get(there, unit * 0) + unit
