"""Unit conversion: what is measured becomes what is sold, e.g. bytes to whole gigabytes, rounded up."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.money import exact, whole

if TYPE_CHECKING:
    from meter.rating.draft import Draft
    from meter.rating.price import Conversion

DIVIDE: Final = "divide"
MULTIPLY: Final = "multiply"
OPERATIONS: Final = (DIVIDE, MULTIPLY)
NONE: Final = "none"
ROUNDINGS: Final = {"ceiling": ROUND_CEILING, "floor": ROUND_FLOOR, "half_up": ROUND_HALF_UP}


def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Convert the quantity that was used since the period began, and round that once to whole units.

    So parts of a period never round twice: 1,400 and then 1,300 tokens are 3 thousands, not 4.
    """
    return tuple(
        draft if draft.price.conversion is None else _convert(draft, draft.price.conversion) for draft in drafts
    )


@exact()
def converted(conversion: Conversion, quantity: Decimal, divisor: Decimal) -> tuple[Decimal, Decimal]:
    """Answer quantity and divisor in units that are sold."""
    if conversion.operation == MULTIPLY:
        quantity *= conversion.factor
    else:
        divisor *= conversion.factor
    if conversion.rounding == NONE:
        return quantity, divisor
    return whole(quantity, divisor, ROUNDINGS[conversion.rounding]), Decimal(1)


def _convert(draft: Draft, conversion: Conversion) -> Draft:
    quantity, divisor = converted(conversion, draft.quantity, draft.divisor)
    facts = step(
        "convert",
        operation=conversion.operation,
        factor=conversion.factor,
        rounding=conversion.rounding,
        quantity=quantity,
        divisor=divisor,
    )
    return replace(draft, quantity=quantity, billed=quantity, divisor=divisor, steps=(*draft.steps, facts))
