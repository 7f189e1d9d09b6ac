"""Percent discount of a price: so much off of everything it comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.money import exact, quotient

if TYPE_CHECKING:
    from meter.rating.draft import Draft

KIND: Final = "percent"
HUNDRED: Final = Decimal(100)


@exact()
def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Take the price's percentage off each draft, exactly."""
    return tuple(_less(draft) if draft.price.discount and draft.exact else draft for draft in drafts)


def _less(draft: Draft) -> Draft:
    off = quotient(draft.exact * draft.price.discount, HUNDRED)
    facts = step("discount", percent=draft.price.discount, amount=draft.exact, off=off, left=draft.exact - off)
    return replace(
        draft, discounts=(*draft.discounts, (KIND, off)), exact=draft.exact - off, steps=(*draft.steps, facts)
    )
