"""What the tests of tiered models ask: a price from its fields, its amount alone, and its lines in a part of March."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from meter.rating.charge import Measured, total
from meter.rating.invoice import lines_of
from meter.rating.price import model_named
from meter.rating.price_table import read_price
from meter.rating.split import Split
from meter.rating.table import Table
from meter.rating.usage import Usage
from tests.rating.cast import MARCH

if TYPE_CHECKING:
    from meter.rating.charge import Charge
    from meter.rating.line import Line
    from meter.rating.price import Price

PART = {
    "single": (True, True),
    "first": (True, False),
    "mid": (False, False),
    "last": (False, True),
}


def priced(model: str, **fields: Any) -> Price:
    """A price of some model on the meter `m`, as a book would write it."""
    common = {"title": "P", "meter": "m", "unit": "unit", "model": model}
    return read_price("p", Table("x.toml", "plans.a.prices.p", {**common, **fields}), "USD")


def tier(up_to: object, unit_amount: str | None = None, flat: str | None = None, **more: object) -> dict[str, object]:
    """A row of a table of tiers; what is None is not written."""
    fields = {"up_to": up_to, "unit_amount": unit_amount, "flat": flat}
    return {name: value for name, value in fields.items() if value is not None} | more


def charge(price: Price, quantity: str | int, divisor: int = 1, *, ends: bool = True) -> Charge:
    """What the model alone answers for a quantity."""
    return model_named(price.model).price(price.terms, Measured(Decimal(quantity), Decimal(divisor), (), ends))


def charge_rows(price: Price, *rows: Usage) -> Charge:
    """What the model alone answers for rows."""
    return model_named(price.model).price(price.terms, Measured(total(row.quantity for row in rows), rows=rows))


def parts(charged: Charge) -> list[str]:
    """The parts of a charge, as `1 units 5 x 0.5 = 2.5`."""
    return [f"{part.tier} {part.name} {part.quantity} x {part.unit_amount} = {part.amount}" for part in charged.parts]


def lines(
    price: Price, quantity: str | int = 0, before: str | int = 0, part: str = "single", billed: str | None = None
) -> tuple[Line, ...]:
    """The lines of one part of March: `before` is what earlier parts used, `billed` what they were asked for."""
    first, last = PART[part]
    split = Split(first=first, last=last, billed={} if billed is None else {price.id: Decimal(billed)})
    return lines_of(price, (Usage("m", Decimal(quantity), before=Decimal(before)),), MARCH, "USD", split)


def discounted(line: Line) -> str:
    """A line's amount and how it came about, as `22.00 - 12.00 = 10.00`."""
    (off,) = line.discounts
    return f"{line.gross} - {off.amount} = {line.amount}"


def owed(of: tuple[Line, ...]) -> str:
    """The sum of some lines."""
    return f"{total(line.amount for line in of).normalize():f}"


def changes(*rows: tuple[str, str]) -> tuple[Usage, ...]:
    """Changes of level with what is paid of each."""
    return tuple(Usage("m", Decimal(quantity), prorated=Decimal(paid)) for quantity, paid in rows)
