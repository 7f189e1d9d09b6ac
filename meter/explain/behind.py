"""Which usage is behind a line: how many events, of which meters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from meter.agreement import Agreement, Part
from meter.rating.draft import cells_of, counted
from meter.rating.line import Line
from meter.rating.periods import Period
from meter.rating.price import Price
from meter.rating.usage import TOTAL, Usage

USAGE: Final = "usage"


def price_of(agreement: Agreement, line: Line) -> Price | None:
    """The price of a line for usage, as it was at the end of the line's time; None for fees and what is added."""
    if line.kind != USAGE or line.start is None or line.end is None:
        return None
    found = [price for part in _parts(agreement, line) for price in part.plan.prices if price.id == line.price]
    return found[-1] if found and found[-1].counts else None


def meters_of(price: Price) -> tuple[str, ...]:
    """The meters that a price counts."""
    return tuple(meter for meter, _ in price.counts)


def events_of(agreement: Agreement, usage: Sequence[tuple[Usage, ...]], line: Line) -> int:
    """How many events a line's quantity is made of; of a level those of its meter. None are behind a fee."""
    price = price_of(agreement, line)
    if price is None:
        return 0
    own = set(_parts(agreement, line))
    rows = tuple(row for part, there in zip(agreement.parts, usage, strict=True) if part in own for row in there)
    return sum(row.events or 0 for row in _counted(price, rows, line, agreement.month))


def _counted(price: Price, rows: tuple[Usage, ...], line: Line, period: Period) -> Iterable[Usage]:
    totals = tuple(row for row in rows if row.measure == TOTAL)
    if price.measure != TOTAL:
        return [row for row in totals if row.meter in meters_of(price)]
    cells = cells_of(price, counted(price, totals), period).cells
    return [row for cell in cells if (cell.label or "") == line.cell for row in cell.rows]


def _parts(agreement: Agreement, line: Line) -> list[Part]:
    start, end = line.start, line.end
    if start is None or end is None:
        return []
    return [part for part in agreement.parts if start <= part.span.start and part.span.end <= end]
