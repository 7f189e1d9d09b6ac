"""Minimum charge per service and period: small usage is lifted to it, and shown as its own line (S2.6)."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec.structs import replace

from meter.rating.charge import step, total
from meter.rating.money import exact, quotient

if TYPE_CHECKING:
    from meter.rating.draft import Draft

KIND = "minimum"
STEP = "minimum"
_NOTHING = Decimal(0)


@exact()
def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Charge services whose part of the amount is below the minimum the minimum instead, when the period ends.

    A service's part is by its quantity, in all cells of the price together. The services below leave the usage lines
    and make a line of their own, so that all lines still read quantity times price; nothing is owed where free units
    cover everything. Usage of no service counts as one service.
    """
    minimum = drafts[0].price.minimum_per_service if drafts and drafts[0].ends else None
    billed = tuple(draft for draft in drafts if draft.billed)
    if minimum is None or not billed:
        return drafts
    low = {name for name, owed in _owed(billed).items() if owed < minimum}
    if not low:
        return drafts
    kept = tuple(each for draft in drafts for each in (_kept(draft, low) if draft.billed else (draft,)))
    return (*kept, _lifted(billed, low, minimum))


def _owed(drafts: tuple[Draft, ...]) -> dict[str | None, Fraction]:
    """What each service comes to, exactly."""
    owed: defaultdict[str | None, Fraction] = defaultdict(Fraction)
    for draft in drafts:
        services = _quantities(draft)
        whole = sum(services.values(), _NOTHING)
        for name, used in services.items():
            owed[name] += Fraction(draft.exact * used) / Fraction(whole)
    return dict(owed)


def _quantities(draft: Draft) -> dict[str | None, Decimal]:
    """Quantity per service as it was used; the draft's own may be converted since.

    Rows of zero never get here, so that a service named without usage owes nothing.
    """
    services: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for row in draft.rows:
        services[row.service] += row.quantity
    return dict(services)


def _kept(draft: Draft, low: set[str | None]) -> tuple[Draft, ...]:
    """The usage line without the services at the minimum, none if all are."""
    services = _quantities(draft)
    kept = sum((used for name, used in services.items() if name not in low), _NOTHING)
    if not kept:
        return ()
    moved = len(low & services.keys())
    return (_rest(draft, low, moved, kept, sum(services.values(), _NOTHING)),) if moved else (draft,)


def _rest(draft: Draft, low: set[str | None], moved: int, kept: Decimal, whole: Decimal) -> Draft:
    """Every figure of a draft by the part of the quantity that stays."""
    quantity, amount = quotient(draft.quantity * kept, whole), quotient(draft.exact * kept, whole)
    facts = step(STEP, services_moved=str(moved), quantity_moved=draft.quantity - quantity, amount=amount)
    return replace(
        draft,
        rows=tuple(row for row in draft.rows if row.service not in low),
        quantity=quantity,
        included=quotient(draft.included * kept, whole),
        billed=quotient(draft.billed * kept, whole),
        gross=quotient(draft.gross * kept, whole),
        discounts=tuple((kind, quotient(off * kept, whole)) for kind, off in draft.discounts),
        exact=amount,
        steps=(*draft.steps, facts),
    )


def _lifted(drafts: tuple[Draft, ...], low: set[str | None], minimum: Decimal) -> Draft:
    """The line of the services at the minimum: as many times the minimum as there are services."""
    first, services = drafts[0], Decimal(len(low))
    rows = tuple(row for draft in drafts for row in draft.rows if row.service in low)
    amount = minimum * services
    facts = step(STEP, services=services, quantity=total(row.quantity for row in rows), minimum=minimum, amount=amount)
    return replace(
        first,
        kind=KIND,
        description=f"{first.price.title}, minimum per service",
        unit="service",
        cell="",
        rows=rows,
        quantity=services,
        included=Decimal(0),
        billed=services,
        divisor=Decimal(1),
        unit_amount=minimum,
        per=Decimal(1),
        parts=(),
        gross=amount,
        discounts=(),
        exact=amount,
        steps=(*(each for draft in drafts for each in draft.steps), facts),
    )
