"""Maximum of a price per period: what comes above it is taken off again, and shown as a discount."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from meter.rating.adjust.bound import bound
from meter.rating.charge import step
from meter.rating.money import exact

if TYPE_CHECKING:
    from meter.rating.draft import Draft

KIND: Final = "maximum"


@exact()
def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Let drafts in their order fill the room up to the maximum; the rest of their amounts is a discount.

    The room is that of the whole period, so parts of it billed earlier have taken theirs already.
    """
    price = drafts[0].price if drafts else None
    if price is None or price.maximum is None:
        return drafts
    room = bound(price.maximum, drafts[0])
    going = []
    for draft in drafts:
        capped = _capped(draft, room)
        room -= capped.exact
        going.append(capped)
    return tuple(going)


def _capped(draft: Draft, room: Decimal) -> Draft:
    if draft.exact <= room:
        return draft
    off = draft.exact - room
    facts = step("maximum", amount=draft.exact, room=room, off=off, left=room)
    return replace(draft, discounts=(*draft.discounts, (KIND, off)), exact=room, steps=(*draft.steps, facts))
