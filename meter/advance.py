"""Fees that are invoiced before their period, and what was billed of a period already when its invoice is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from meter import progressive
from meter.agreement import Agreement
from meter.database import Connection
from meter.invoices import Sums
from meter.invoicing.promotional import Promotion
from meter.rating.charge import Step, step, total
from meter.rating.document import Document, items_of, settle
from meter.rating.document.added import taxes_less, with_lines
from meter.rating.document.document import SettledLine, TaxTotal
from meter.rating.invoice import Rated
from meter.rating.line import Line, Share, shares
from meter.rating.money import exact
from meter.rating.periods import Period
from meter.rating.plan import Plan
from meter.rating.price import ADVANCE
from meter.rating.segments import rate_period
from sql import statement

KIND: Final = "advance"
KINDS: Final = (KIND, progressive.KIND)
_SAID: Final[Mapping[str, str]] = {KIND: ", billed in advance", progressive.KIND: ", billed before"}
_AGAIN: Final = ", put back"


class Billed(NamedTuple):
    """What an invoice billed of a period before its end: its lines as they were settled, and what its taxes were.

    Its `kind` is why it was made: of fees in advance, or of usage so far. `promotions` are what it took of grants.
    """

    number: str
    lines: tuple[SettledLine, ...]
    taxes: tuple[TaxTotal, ...]
    kind: str = KIND
    promotions: tuple[Promotion, ...] = ()


def owed(agreement: Agreement) -> tuple[Rated, Document]:
    """The fees of a period that are owed before it, by what is decided now; pure."""
    parts = tuple(part._replace(plan=_fees(part.plan)) for part in agreement.parts)
    segments = agreement._replace(parts=parts).segments([()] * len(parts))
    rated = replace(rate_period(segments, agreement.month, agreement.currency), period=agreement.period)
    return rated, settled(terms_of(agreement), rated)


def terms_of(agreement: Agreement) -> Agreement:
    """What is agreed about fees in advance.

    Coupons of an amount wait for the invoice of the whole period, and so does what is agreed about all of it.
    """
    coupons = tuple(coupon for coupon in agreement.terms.coupons if coupon.percent is not None)
    return agreement._replace(terms=replace(agreement.terms, coupons=coupons, commitment=None, spend=None))


def settled(agreement: Agreement, rated: Rated) -> Document:
    """What is to be paid for what was rated of a period, by what is agreed about all of it; pure."""
    return settle(items_of(rated), agreement.terms, rated.currency, agreement.month, agreement.served)


def _fees(plan: Plan) -> Plan:
    """Nothing but what is billed before the period."""
    prices = tuple(price for price in plan.prices if not price.counts and price.billed == ADVANCE)
    return replace(plan, base_fee=plan.base_fee if plan.billed == ADVANCE else plan.base_fee * 0, prices=prices)


async def billed(
    conn: Connection, team_id: int, period: Period, kinds: Sequence[str] = KINDS, *, voids: bool = False
) -> tuple[Billed, ...]:
    """What of a period was billed before its end, in the order it was; what was voided since only with `voids`."""
    asked = {
        "team_id": team_id,
        "period_from": period.start,
        "period_to": period.end,
        "reasons": list(kinds),
        "voids": voids,
    }
    rows = await (await conn.execute(statement("list_advance_lines"), asked)).fetchall()
    return tuple(_billed(*row) for row in rows)


def _billed(number: str, kind: str, sums: str, lines: Sequence[Any] | None) -> Billed:
    told = msgspec.json.decode(sums, type=Sums, strict=False)
    settled_lines = msgspec.convert(lines or (), tuple[SettledLine, ...], strict=False)
    return Billed(number, settled_lines, told.taxes, kind, told.promotions)


@exact()
def less(document: Document, billed: Iterable[Billed]) -> Document:
    """What is left to pay of a period by what was `billed` of it, as that was settled, coupons and taxes with it; pure.

    So all invoices together are what one would have been, whatever was decided or counted in between.
    """
    billed = tuple(billed)
    return _less(document, billed, _off(billed, document.currency)) if billed else document


def _off(billed: Sequence[Billed], currency: str) -> tuple[SettledLine, ...]:
    """The lines that take off what was billed and stands: fees, then usage."""
    fees = [(each, line) for each in billed if each.kind == KIND for line in each.lines]
    used = [(each.number, each.lines) for each in billed if each.kind == progressive.KIND]
    left = progressive.left(used, lambda each: _taken_off(each.number, each.line, progressive.KIND, currency))
    return (
        *(_taken_off(each.number, line, KIND, currency) for each, line in fees),
        *(_taken_off(each.number, each.line, progressive.KIND, currency) for each in left),
    )


def _less(document: Document, billed: Sequence[Billed], off: Sequence[SettledLine]) -> Document:
    taxes = document.taxes
    for each in billed:
        taxes = taxes_less(taxes, each.taxes)
    return with_lines(document, off, taxes, _members(document, off), _steps(document, billed))


def _members(document: Document, off: Iterable[SettledLine]) -> Iterator[Share]:
    """What is taken off what each member has to pay: fees are nobody's, usage is those's whose it was."""
    for each in off:
        yield from shares(_weights(each.line), each.total, document.currency)


def _weights(line: Line) -> dict[str | None, Decimal]:
    return {share.member: abs(share.amount) for share in line.members}


def _steps(document: Document, billed: Iterable[Billed]) -> Iterator[Step]:
    """What each invoice came to, and what it left."""
    to_pay = document.total
    for each in billed:
        amount = -total(line.total for line in each.lines)
        to_pay += amount
        yield step(each.kind, invoice=each.number, amount=f"{amount:f}", total=f"{to_pay:f}")


def _taken_off(number: str, settled: SettledLine, kind: str, currency: str) -> SettledLine:
    line, nothing = settled.line, settled.discount * 0
    amount = settled.discount - line.amount
    return replace(
        settled,
        line=replace(
            line,
            kind=kind,
            description=_named(line.description, _SAID[kind]),
            quantity=-line.quantity,
            billed_quantity=-line.billed_quantity,
            exact=amount,
            amount=amount,
            gross=amount,
            discounts=(),
            derivation=(step(kind, invoice=number, amount=line.amount, discount=settled.discount or None),),
            members=shares(_weights(line), amount, currency),
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


def _named(description: str, said: str) -> str:
    """A line that took off what an invoice billed is put back where that invoice is void."""
    if description.endswith(said):
        return description.removesuffix(said) + _AGAIN
    return description.removesuffix(_AGAIN) + said
