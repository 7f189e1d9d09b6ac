"""Free units: the part of a quantity that a plan includes (S1.3, S2.6, S2.7, S4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.money import exact

if TYPE_CHECKING:
    from meter.rating.draft import Draft


@exact()
def apply(draft: Draft) -> tuple[Draft, ...]:
    """Take the included units off the quantity to be billed: ``billed = max(0, quantity - included)``.

    They belong to the team and period as one: services and members share them by their quantity.
    """
    allowance = draft.price.included
    if allowance is not None and not allowance:
        return (draft,)
    free = draft.billed if allowance is None else min(draft.billed, allowance * draft.divisor)
    facts = step(
        "free_units",
        allowance="unlimited" if allowance is None else allowance,
        quantity=draft.billed,
        free=free,
        billed=draft.billed - free,
    )
    return (replace(draft, included=free, billed=draft.billed - free, steps=(*draft.steps, facts)),)
