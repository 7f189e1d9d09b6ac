"""Whose is what a credit note takes back? Each member's part of what is credited of a line, less what went before.

So the parts of a line that is credited in steps come to what the invoice's statements say of it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from meter.rating.charge import total
from meter.rating.line import Share, in_order
from meter.rating.money import exact, minor_unit, share

Amounts = Mapping[str | None, Decimal]


@exact()
def parts(owed: Amounts, before: Amounts, amount: Decimal, currency: str) -> tuple[Share, ...]:
    """`amount`, of a line of which each member owes so much and got so much back `before`, in whole minor units.

    Largest remainder of all that is credited by then; nobody's part goes the other way, though remainders may.
    """
    unit, sign = minor_unit(currency), -1 if amount < 0 else 1
    weights = {member: abs(each) for member, each in owed.items()}
    so_far = share(total(before.values()) + amount, weights, unit)
    found = {member: sign * (each - before.get(member, 0)) for member, each in so_far.items()}
    over = -total(each for each in found.values() if each < 0)
    found = {member: max(each, amount * 0) for member, each in found.items()}
    while over > 0:
        most = max(in_order(found), key=lambda member: found[member])
        found[most] -= unit
        over -= unit
    return tuple(Share(member, sign * found[member] + 0) for member in in_order(found) if found[member])
