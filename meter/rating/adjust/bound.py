"""A minimum or maximum of a whole period, reduced to the share of it that was served where the price is prorated."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from meter.rating.money import quotient

if TYPE_CHECKING:
    from meter.rating.draft import Draft


def bound(amount: Decimal, draft: Draft) -> Decimal:
    """The price's bound for the share of the period its drafts stand for."""
    return quotient(amount * draft.share.part, draft.share.whole)
