"""Minimum of a price per period: what its usage falls short of it is a line of its own, when the period ends."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from meter.rating.adjust.bound import bound
from meter.rating.charge import step, total
from meter.rating.money import exact

if TYPE_CHECKING:
    from meter.rating.draft import Draft

KIND: Final = "minimum"
CELL: Final = "minimum"


@exact()
def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Add the shortfall of the whole period, whatever parts of it were billed before; before its end nothing is due."""
    minimum = drafts[0].price.minimum if drafts and drafts[0].ends else None
    if minimum is None:
        return drafts
    least, owed = bound(minimum, drafts[0]), total(draft.exact for draft in drafts)
    return drafts if owed >= least else (*drafts, _shortfall(drafts, least, owed))


def _shortfall(drafts: tuple[Draft, ...], least: Decimal, owed: Decimal) -> Draft:
    missing = least - owed
    facts = step("minimum", minimum=least, owed=owed, amount=missing)
    return replace(
        drafts[0],
        kind=KIND,
        description=f"{drafts[0].price.title}, minimum",
        unit="period",
        cell=CELL,
        rows=(),  # nobody used what is missing
        quantity=Decimal(1),
        included=Decimal(0),
        billed=Decimal(1),
        divisor=Decimal(1),
        unit_amount=None,
        per=Decimal(1),
        parts=(),
        gross=missing,
        discounts=(),
        exact=missing,
        steps=(facts,),
    )
