"""Differences of earlier invoices, on a later one: each of their lines stands there as one of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from meter.adjustments.difference import KIND, Delta
from meter.advance import taxes_less
from meter.rating.charge import step, total
from meter.rating.document import Document
from meter.rating.document.document import TaxTotal
from meter.rating.line import Share, in_order
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
    lines, members = delta.lines, {share.member: share.amount for share in document.members}
    for share in delta.members:
        members[share.member] = members.get(share.member, delta.total * 0) + share.amount
    tax = document.tax + total(line.tax for line in lines)
    to_pay = document.total + delta.total
    facts = step(KIND, invoice=number, amount=f"{delta.total:f}", total=f"{to_pay:f}")
    return replace(
        document,
        lines=(*document.lines, *lines),
        subtotal=document.subtotal + total(line.line.amount for line in lines),
        taxes=taxes_less(document.taxes, map(_turned, delta.taxes)),
        tax=tax,
        tax_included=document.tax_included + total(line.tax_included for line in lines),
        net=to_pay - tax,
        total=to_pay,
        members=tuple(Share(member, members[member]) for member in in_order(members)),
        derivation=(*document.derivation, facts),
    )


def _turned(tax: TaxTotal) -> TaxTotal:
    return replace(tax, base=-tax.base, exact=-tax.exact, amount=-tax.amount)
