"""A line in the making: what the steps of ``invoice.ORDER`` hand to each other."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from meter.rating.book import Price, model_named
from meter.rating.charge import Step, step
from meter.rating.money import exact
from meter.rating.usage import PEAK, Usage, UsageError


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """Quantities are in base units (``/ divisor`` = the price's unit); ``exact`` is money before rounding.

    ``rows`` are the usage it stands for, each already multiplied by what the price counts it as.
    """

    price: Price
    kind: str
    description: str
    unit: str
    rows: tuple[Usage, ...]
    quantity: Decimal
    billed: Decimal
    divisor: Decimal = Decimal(1)
    included: Decimal = Decimal(0)
    unit_amount: Decimal | None = None
    per: Decimal = Decimal(1)
    exact: Decimal = Decimal(0)
    steps: tuple[Step, ...] = ()


@exact()
def start(price: Price, usage: tuple[Usage, ...]) -> tuple[Draft, ...]:
    """Gather what ``price`` counts of ``usage`` into one draft; none if nothing was used; a flat price always has one.

    Raises UsageError when the meter was used but the measure the price needs is missing, given twice (peaks), or in
    different base units.
    """
    model = model_named(price.model)
    rows = _counted(price, usage)
    quantity = sum((row.quantity for row in rows), Decimal(0)) if model.METERED else Decimal(1)
    if not quantity:
        return ()
    divisor = rows[0].divisor if rows else Decimal(1)
    facts = step("quantity", quantity=quantity, divisor=divisor, unit=price.unit, groups=str(len(rows)))
    return (
        Draft(
            price=price,
            kind=model.KIND,
            description=price.title,
            unit=price.unit,
            rows=rows,
            quantity=quantity,
            billed=quantity,
            divisor=divisor,
            steps=(facts,),
        ),
    )


def _counted(price: Price, usage: tuple[Usage, ...]) -> tuple[Usage, ...]:
    """Rows of the price's meters and measure, in the price's units."""
    weights = dict(price.counts)
    of_meter = [row for row in usage if row.meter in weights]
    rows = [row for row in of_meter if row.measure == price.measure]
    if missing := {row.meter for row in of_meter} - {row.meter for row in rows}:
        # Without this a tier's overage would be zero, silently, whenever a reader forgets to ask for the peak.
        raise UsageError(f"{price.id} needs the {price.measure} of {', '.join(sorted(missing))}, which is missing")
    if price.measure == PEAK and len(rows) > 1:
        raise UsageError(f"{price.id}: the peak of {price.meter} is given {len(rows)} times; peaks do not add up")
    if len({row.divisor for row in rows}) > 1:
        raise UsageError(f"{price.id}: usage comes in different base units (divisors)")
    return tuple(_weighted(row, weights[row.meter]) for row in rows)


def _weighted(row: Usage, weight: Decimal) -> Usage:
    return row if weight == 1 else msgspec.structs.replace(row, quantity=row.quantity * weight)
