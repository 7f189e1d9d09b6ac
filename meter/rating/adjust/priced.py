"""The price itself: the model is asked what the billed quantity costs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec.structs import replace

from meter.rating.charge import Measured, Part, Step, step
from meter.rating.price import model_named

if TYPE_CHECKING:
    from meter.rating.draft import Draft


def apply(drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """Price each draft by its terms; every part of the answer is a step."""
    return tuple(_priced(draft) for draft in drafts)


def _priced(draft: Draft) -> Draft:
    model = model_named(draft.price.model)
    charge = model.price(draft.terms, Measured(draft.billed, draft.divisor, draft.rows, draft.ends))
    # A fee that is not due yet counts no period.
    owed = draft if model.METERED or charge.parts else replace(draft, quantity=Decimal(0), billed=Decimal(0))
    steps = (*draft.steps, *(_step(model.NAME, part) for part in charge.parts))
    return replace(
        owed,
        parts=charge.parts,
        gross=charge.exact,
        exact=charge.exact,
        unit_amount=charge.unit_amount,
        per=charge.per,
        steps=steps,
    )


def _step(model: str, part: Part) -> Step:
    return step(
        "price",
        model=model,
        of=part.name,
        tier=part.tier,
        quantity=part.quantity,
        divisor=part.divisor,
        unit_amount=part.unit_amount,
        per=part.per,
        amount=part.amount,
    )
