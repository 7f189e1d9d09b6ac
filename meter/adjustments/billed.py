"""Differences of earlier invoices, on a later one: each of their lines stands there as one of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from meter.adjustments.difference import KIND, Delta
from meter.rating.charge import step
from meter.rating.document import Document
from meter.rating.document.added import taxes_less, with_lines
from meter.rating.document.document import TaxTotal
from meter.rating.money import exact


class Adjusted(NamedTuple):
    """A difference that was found, and the invoice that it is of."""

    id: int
    public_id: UUID
    number: str
    delta: Delta


@exact()
def more(document: Document, adjusted: Iterable[Adjusted]) -> Document:
    """A document with what earlier invoices asked for too little or too much; coupons and taxes are as they were there.

    So all invoices together are what they would have been had everything been known in time.
    """
    for each in adjusted:
        document = _more(document, each.number, each.delta)
    return document


def _more(document: Document, number: str, delta: Delta) -> Document:
    taxes = taxes_less(document.taxes, map(_turned, delta.taxes))
    facts = step(KIND, invoice=number, amount=f"{delta.total:f}", total=f"{document.total + delta.total:f}")
    return with_lines(document, delta.lines, taxes, delta.members, (facts,))


def _turned(tax: TaxTotal) -> TaxTotal:
    return replace(tax, base=-tax.base, exact=-tax.exact, amount=-tax.amount)
