"""Minimum charge per service and period: small usage is lifted to it, and shown as its own line (S2.6)."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

from meter.rating.charge import step
from meter.rating.money import exact, quotient

if TYPE_CHECKING:
    from meter.rating.draft import Draft

KIND = "minimum"
STEP = "minimum"


@exact()
def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Charge services whose part of the amount is below the minimum the minimum instead, when the period ends.

    A service's part is by its quantity. The services below leave the usage line and make a line of their own, so that
    both lines still read quantity times price; nothing is owed where free units cover everything. Usage of no service
    counts as one service.
    """
    return tuple(lifted for draft in drafts for lifted in _apply(draft))


def _apply(draft: Draft) -> tuple[Draft, ...]:
    minimum = draft.price.minimum_per_service
    if minimum is None or not draft.billed or not draft.ends:
        return (draft,)
    services = _quantities(draft)
    low = {name for name, used in services.items() if draft.exact * used < minimum * draft.quantity}
    if not low:
        return (draft,)
    lifted = sum((services[name] for name in low), Decimal(0))
    kept = () if len(low) == len(services) else (_rest(draft, low, draft.quantity - lifted),)
    return (*kept, _lifted(draft, low, minimum, lifted))


def _quantities(draft: Draft) -> dict[str | None, Decimal]:
    """Quantity per service; rows of zero never get here, so that a service named without usage owes nothing."""
    services: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for row in draft.rows:
        services[row.service] += row.quantity
    return dict(services)


def _rest(draft: Draft, low: set[str | None], kept: Decimal) -> Draft:
    """The usage line without the services at the minimum: every figure by the part of the quantity that stays."""
    amount = quotient(draft.exact * kept, draft.quantity)
    facts = step(STEP, services_moved=str(len(low)), quantity_moved=draft.quantity - kept, amount=amount)
    return replace(
        draft,
        rows=tuple(row for row in draft.rows if row.service not in low),
        quantity=kept,
        included=quotient(draft.included * kept, draft.quantity),
        billed=quotient(draft.billed * kept, draft.quantity),
        gross=quotient(draft.gross * kept, draft.quantity),
        discounts=tuple((kind, quotient(off * kept, draft.quantity)) for kind, off in draft.discounts),
        exact=amount,
        steps=(*draft.steps, facts),
    )


def _lifted(draft: Draft, low: set[str | None], minimum: Decimal, quantity: Decimal) -> Draft:
    """The line of the services at the minimum: as many times the minimum as there are services."""
    services = Decimal(len(low))
    amount = minimum * services
    facts = step(STEP, services=services, quantity=quantity, minimum=minimum, amount=amount)
    return replace(
        draft,
        kind=KIND,
        description=f"{draft.price.title}, minimum per service",
        unit="service",
        rows=tuple(row for row in draft.rows if row.service in low),
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
        steps=(*draft.steps, facts),
    )
