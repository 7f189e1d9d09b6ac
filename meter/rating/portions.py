"""Which tiers, packages and fees did this part of a period enter, and how much of each was taken off again?"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meter.rating.adjust import cap, discount, minimum_per_service
from meter.rating.charge import Part, Step, step
from meter.rating.money import displayed, exact, quotient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meter.rating.draft import Draft
    from meter.rating.order import Owed

NAME: Final = "portion"
_NOTHING: Final = Decimal(0)
_Key = tuple[str, int | None, Decimal, Decimal]
_Sums = tuple[Decimal, Decimal, Decimal]


@exact()
def portions(pair: Owed) -> tuple[Step, ...]:
    """A step for each part of a price that this part of the period adds to, less what was taken off of it.

    None for a whole period without discounts, where the steps of the price say it all; and none where parts left the
    line, as those of services at their minimum.
    """
    after, before = pair
    if before is None and not after.discounts:
        return ()
    sums = _sums(after, 1)
    for key, earlier in (_sums(before, -1) if before else {}).items():
        sums[key] = _plus(sums[key], earlier)
    return tuple(_step(key, each) for key, each in sums.items() if any(each))


def _sums(draft: Draft, sign: int) -> defaultdict[_Key, _Sums]:
    """Quantity, amount and what was taken off, for each part of a price; equal parts are one."""
    sums: defaultdict[_Key, _Sums] = defaultdict(lambda: (_NOTHING, _NOTHING, _NOTHING))
    if any(each.name == minimum_per_service.STEP for each in draft.steps):
        return sums  # services left the line, and its parts are still those of all
    for part, off in _less(draft):
        key = (part.name, part.tier, part.unit_amount, part.per)
        quantity = displayed(part.quantity, part.divisor)
        sums[key] = _plus(sums[key], (sign * quantity, sign * part.amount, sign * off))
    return sums


def _less(draft: Draft) -> Iterator[tuple[Part, Decimal]]:
    """Each part with what was taken off: its percentage, and what did not fit below the maximum, parts in order."""
    room = draft.exact if any(kind == cap.KIND for kind, _ in draft.discounts) else None
    for part in draft.parts:
        off = quotient(part.amount * draft.price.discount, discount.HUNDRED)
        if room is not None:
            kept = min(part.amount - off, room)
            room -= kept
            off = part.amount - kept
        yield part, off


def _plus(one: _Sums, other: _Sums) -> _Sums:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _step(key: _Key, sums: _Sums) -> Step:
    name, tier, unit_amount, per = key
    quantity, amount, off = sums
    facts = {"quantity": quantity, "unit_amount": unit_amount, "per": per, "amount": amount, "off": off}
    return step(NAME, of=name, tier=tier, **facts)
