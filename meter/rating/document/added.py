"""A settled document with lines that others settled: what was billed before taken off, or what changed since put on.

Coupons and taxes of such lines are as they were where they come from; nothing is rounded anew. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from meter.rating.charge import Step, total
from meter.rating.document.document import Document, SettledLine, TaxTotal
from meter.rating.line import Share, in_order


def with_lines(
    document: Document,
    lines: Sequence[SettledLine],
    taxes: tuple[TaxTotal, ...],
    shares: Iterable[Share],
    steps: Iterable[Step],
) -> Document:
    """The document with more lines, and `taxes` in all by then; `shares` is whose the totals of these lines are."""
    tax = document.tax + total(line.tax for line in lines)
    to_pay = document.total + total(line.total for line in lines)
    return replace(
        document,
        lines=(*document.lines, *lines),
        subtotal=document.subtotal + total(line.line.amount for line in lines),
        taxes=taxes,
        tax=tax,
        tax_included=document.tax_included + total(line.tax_included for line in lines),
        net=to_pay - tax,
        total=to_pay,
        members=_members(document, shares),
        derivation=(*document.derivation, *steps),
    )


def _members(document: Document, shares: Iterable[Share]) -> tuple[Share, ...]:
    owed = {share.member: share.amount for share in document.members}
    for share in shares:
        owed[share.member] = owed.get(share.member, document.total * 0) + share.amount
    return tuple(Share(member, owed[member]) for member in in_order(owed))


def taxes_less(owed: Sequence[TaxTotal], billed: Iterable[TaxTotal]) -> tuple[TaxTotal, ...]:
    """Each rate less what it brought already."""
    left = list(owed)
    for each in billed:
        kind = (each.name, each.percent, each.inclusive)
        at = next((n for n, other in enumerate(left) if (other.name, other.percent, other.inclusive) == kind), None)
        if at is None:
            left.append(replace(each, base=-each.base, exact=-each.exact, amount=-each.amount))
        else:
            there = left[at]
            left[at] = replace(
                there,
                base=there.base - each.base,
                exact=there.exact - each.exact,
                amount=there.amount - each.amount,
            )
    return tuple(left)
