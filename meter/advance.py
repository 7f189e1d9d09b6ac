"""Fees that are invoiced before their period, and what of them was billed when the period is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from meter.agreement import Agreement
from meter.database import Connection
from meter.invoices import Sums
from meter.rating.charge import step, total
from meter.rating.document import Document, items_of, settle
from meter.rating.document.document import SettledLine, TaxTotal
from meter.rating.invoice import Rated
from meter.rating.line import Share, in_order
from meter.rating.money import exact
from meter.rating.periods import Period
from meter.rating.plan import Plan
from meter.rating.price import ADVANCE
from meter.rating.segments import rate_period
from sql import statement

KIND: Final = "advance"


class Billed(NamedTuple):
    """What an invoice billed of a period's fees before it: its lines as they were settled, and what its taxes were."""

    number: str
    lines: tuple[SettledLine, ...]
    taxes: tuple[TaxTotal, ...]


def owed(agreement: Agreement) -> tuple[Rated, Document]:
    """The fees of a period that are owed before it, by what is decided now; pure.

    Coupons of an amount wait for the invoice of the whole period, and so does what is agreed about all of it.
    """
    parts = tuple(part._replace(plan=_fees(part.plan)) for part in agreement.parts)
    segments = agreement._replace(parts=parts).segments([()] * len(parts))
    rated = replace(rate_period(segments, agreement.month, agreement.currency), period=agreement.period)
    coupons = tuple(coupon for coupon in agreement.terms.coupons if coupon.percent is not None)
    terms = replace(agreement.terms, coupons=coupons, commitment=None, spend=None)
    return rated, settle(items_of(rated), terms, rated.currency, agreement.month, agreement.served)


def _fees(plan: Plan) -> Plan:
    """Nothing but what is billed before the period."""
    prices = tuple(price for price in plan.prices if not price.counts and price.billed == ADVANCE)
    return replace(plan, base_fee=plan.base_fee if plan.billed == ADVANCE else plan.base_fee * 0, prices=prices)


async def billed(conn: Connection, team_id: int, period: Period) -> tuple[Billed, ...]:
    """What of a period's fees was billed before it."""
    asked = {"team_id": team_id, "period_from": period.start, "period_to": period.end}
    rows = await (await conn.execute(statement("list_advance_lines"), asked)).fetchall()
    return tuple(_billed(*row) for row in rows)


def _billed(number: str, sums: str, lines: Sequence[Any]) -> Billed:
    taxes = msgspec.json.decode(sums, type=Sums, strict=False).taxes
    return Billed(number, msgspec.convert(lines, tuple[SettledLine, ...], strict=False), taxes)


@exact()
def less(document: Document, billed: Iterable[Billed]) -> Document:
    """What is left to pay of a period by what was `billed` of it, as that was settled, coupons and taxes with it; pure.

    So both invoices together are what one would have been, whatever was decided in between.
    """
    for each in billed:
        document = _less(document, each)
    return document


def _less(document: Document, billed: Billed) -> Document:
    off = tuple(_taken_off(billed.number, line) for line in billed.lines)
    tax = document.tax + total(line.tax for line in off)
    to_pay = document.total + total(line.total for line in off)
    members = {share.member: share.amount for share in document.members}
    members[None] = members.get(None, to_pay * 0) + to_pay - document.total  # fees are nobody's
    facts = step(KIND, invoice=billed.number, amount=f"{to_pay - document.total:f}", total=f"{to_pay:f}")
    return replace(
        document,
        lines=(*document.lines, *off),
        subtotal=document.subtotal + total(line.line.amount for line in off),
        taxes=_taxes(document.taxes, billed.taxes),
        tax=tax,
        tax_included=document.tax_included + total(line.tax_included for line in off),
        net=to_pay - tax,
        total=to_pay,
        members=tuple(Share(member, members[member]) for member in in_order(members)),
        derivation=(*document.derivation, facts),
    )


def _taken_off(number: str, settled: SettledLine) -> SettledLine:
    line, nothing = settled.line, settled.discount * 0
    amount = settled.discount - line.amount
    return replace(
        settled,
        line=replace(
            line,
            kind=KIND,
            description=f"{line.description}, billed in advance",
            quantity=-line.quantity,
            billed_quantity=-line.billed_quantity,
            exact=amount,
            amount=amount,
            gross=amount,
            discounts=(),
            derivation=(step(KIND, invoice=number, amount=line.amount, discount=settled.discount or None),),
            members=(Share(None, amount),),
        ),
        discounts=(),
        discount=nothing,
        taxable=-settled.taxable,
        taxes=tuple(replace(each, exact=-each.exact) for each in settled.taxes),
        tax_exact=-settled.tax_exact,
        tax=-settled.tax,
        tax_included=-settled.tax_included,
        total=-settled.total,
    )


def _taxes(owed: Sequence[TaxTotal], billed: Iterable[TaxTotal]) -> tuple[TaxTotal, ...]:
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
