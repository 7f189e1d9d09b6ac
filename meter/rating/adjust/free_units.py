"""Free units: the part of a quantity that a plan includes (S1.3, S2.6, S2.7, S4.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.money import exact

if TYPE_CHECKING:
    from meter.rating.draft import Draft


@exact()
def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Take the included units off the quantity to be billed: ``billed = max(0, quantity - included)``.

    They belong to the team and period as one: services and members share them by their quantity. Cells use them up in
    the order of the book.
    """
    going, used = [], Decimal(0)
    for draft in drafts:
        freed = _freed(draft, used)
        used += freed.included  # cells of one price share their divisor
        going.append(freed)
    return tuple(going)


def _freed(draft: Draft, used: Decimal) -> Draft:
    allowance = draft.price.included
    if not draft.quantity or (allowance is not None and not allowance):
        return draft
    free = draft.billed if allowance is None else min(draft.billed, allowance * draft.divisor - used)
    facts = step(
        "free_units",
        allowance="unlimited" if allowance is None else allowance,
        quantity=draft.billed,
        free=free,
        billed=draft.billed - free,
    )
    return replace(draft, included=free, billed=draft.billed - free, steps=(*draft.steps, facts))
