"""A line in the making: what the steps of ``order`` hand to each other."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from meter.rating import proration
from meter.rating.charge import Cell, Cells, Part, Step, Terms, by_level, step, total
from meter.rating.models import DIVIDED, LEVELS
from meter.rating.money import exact
from meter.rating.periods import Period
from meter.rating.price import FREE_LEVEL, LEVEL_UNITS, Price, model_named
from meter.rating.proration import FULL, NEVER, Ratio
from meter.rating.split import Split
from meter.rating.usage import TOTAL, Usage, UsageError


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """Quantities are in base units (``/ divisor`` = the price's unit); money is before rounding.

    Everything counts from the beginning of the service period; ``ends`` tells whether it is over. ``rows`` are the
    usage it stands for, each already multiplied by what the price counts it as. ``gross`` is what the parts come to,
    ``exact`` is that less ``discounts``. ``cell`` names the cell of a price that has several.
    """

    price: Price
    terms: Terms
    kind: str
    description: str
    unit: str
    rows: tuple[Usage, ...]
    quantity: Decimal
    billed: Decimal
    ends: bool = True
    share: Ratio = FULL
    cell: str = ""
    divisor: Decimal = Decimal(1)
    included: Decimal = Decimal(0)
    unit_amount: Decimal | None = None
    per: Decimal = Decimal(1)
    parts: tuple[Part, ...] = ()
    gross: Decimal = Decimal(0)
    discounts: tuple[tuple[str, Decimal], ...] = ()
    exact: Decimal = Decimal(0)
    steps: tuple[Step, ...] = ()


@exact()
def start(price: Price, usage: tuple[Usage, ...], period: Period, split: Split, *, ends: bool) -> tuple[Draft, ...]:
    """Gather what ``price`` counts of ``usage`` into one draft for each cell (most prices have one).

    Raises UsageError when the meter was used but the measure the price needs is missing, given twice (peaks), in
    different base units, or when rows are changes of level and the price does not go by levels.
    """
    model, share = model_named(price.model), split.share_of(price.prorate, period)
    if not model.METERED:
        return (_fee(price, share, ends=ends),)
    # A peak is known when the period ends; what it is so far would be billed again, as it has nothing before.
    known = counted(price, usage) if ends or price.measure == TOTAL else ()
    _check_inside(price, known, period)
    rows = tuple(_served(row, price, period) for row in known)
    _check_levels(price, rows)
    return tuple(_draft(price, cell, share, ends=ends) for cell in cells_of(price, rows, period).cells)


def _fee(price: Price, share: Ratio, *, ends: bool) -> Draft:
    quantity = share.part * price.quantity
    facts = step("quantity", quantity=quantity, divisor=share.whole, unit=price.unit)
    return Draft(
        price=price,
        terms=price.terms,
        kind=model_named(price.model).KIND,
        description=price.title,
        unit=price.unit,
        rows=(),
        quantity=quantity,
        billed=quantity,
        ends=ends,
        share=share,
        divisor=share.whole,
        steps=(facts,),
    )


def _draft(price: Price, cell: Cell, share: Ratio, *, ends: bool) -> Draft:
    rows = cell.rows
    quantity = total(row.quantity for row in rows)
    divisor = rows[0].divisor if rows else Decimal(1)
    facts = step("quantity", quantity=quantity, divisor=divisor, unit=price.unit, groups=len(rows), cell=cell.label)
    return Draft(
        price=price,
        terms=cell.terms,
        kind=model_named(price.model).KIND,
        description=", ".join(filter(None, (price.title, cell.label))),
        unit=price.unit,
        rows=rows,
        quantity=quantity,
        billed=quantity,
        ends=ends,
        share=share,
        cell=cell.label or "",
        divisor=divisor,
        steps=(facts,),
    )


def _served(row: Usage, price: Price, period: Period) -> Usage:
    """A change of level inside the period is paid from then on."""
    known = row.prorated is not None or row.share is not None
    if price.model not in LEVELS or price.prorate == NEVER or row.at is None or known:
        return row
    if row.at >= period.end:
        raise UsageError(f"{price.id}: a level changes at {row.at.isoformat()}, when the period is over; leave it out")
    return msgspec.structs.replace(row, share=proration.share(row.at, period.end, period, price.prorate))


def _check_inside(price: Price, rows: tuple[Usage, ...], period: Period) -> None:
    """A level may be there since before the period; all else that says when it was used is of the period."""
    outside = next((row.at for row in rows if row.at is not None and row.at not in period), None)
    if outside is not None and price.model not in LEVELS:
        edges = f"{period.start.isoformat()} to {period.end.isoformat()}"
        raise UsageError(f"{price.id}: {outside.isoformat()} is not in the period, {edges}; leave that usage out")


def _check_levels(price: Price, rows: tuple[Usage, ...]) -> None:
    """What is paid for by its time is never billed as if it had been there all along."""
    if any(row.quantity < 0 and not by_level((row,)) for row in rows):
        said = f'write prorate = "{proration.TIME}" or "{proration.DAYS}", or say what is paid of each change'
        raise UsageError(f"{price.id}: a level went down, and nothing says what is paid of it; {said}")
    if not by_level(rows) or price.included is None:
        return
    if price.model not in LEVELS:
        said = f"choose one of {', '.join(sorted(LEVELS))}"
        raise UsageError(f"{price.id}: a {price.model} price does not go by changes of level; {said}")
    if price.by_units:
        raise UsageError(f"{price.id}: {LEVEL_UNITS}; {FREE_LEVEL}")


def counted(price: Price, usage: tuple[Usage, ...]) -> tuple[Usage, ...]:
    """Rows of the price's meters and measure, in the price's units. Raises UsageError as `start`."""
    weights = dict(price.counts)
    of_meter = [row for row in usage if row.meter in weights]
    rows = [row for row in of_meter if row.measure == price.measure]
    if missing := {row.meter for row in of_meter} - {row.meter for row in rows}:
        # Without this a tier's overage would be zero, silently, whenever a reader forgets to ask for the peak.
        said = "" if price.measure == TOTAL else f'; give a row with measure "{price.measure}", or its levels'
        names = ", ".join(sorted(missing))
        raise UsageError(f"{price.id} needs the {price.measure} of {names}, which is missing{said}")
    if price.measure != TOTAL and len(rows) > 1:
        said = f"the {price.measure} of {price.meter} is given {len(rows)} times; {price.measure}s do not add up"
        raise UsageError(f"{price.id}: {said}")
    if len({row.divisor for row in rows}) > 1:
        raise UsageError(f"{price.id}: usage comes in different base units (divisors)")
    return tuple(_weighted(row, weights[row.meter]) for row in rows)


def cells_of(price: Price, rows: tuple[Usage, ...], period: Period) -> Cells:
    """Sort rows, as `counted` gives them, into the cells of their price."""
    divide = DIVIDED.get(price.model)
    return Cells((Cell(None, price.terms, rows),)) if divide is None else divide(price.terms, rows, period)


@exact()
def _weighted(row: Usage, weight: Decimal) -> Usage:
    if weight == 1:
        return row
    prorated = None if row.prorated is None else row.prorated * weight
    return msgspec.structs.replace(row, quantity=row.quantity * weight, prorated=prorated)
