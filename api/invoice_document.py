"""An invoice as it is printed: the same numbers in the words of the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from dashboards.invoice import InvoiceDocument, InvoiceLine, MemberShare, Party, Usage
from dashboards.numbers import counted
from meter import invoices
from meter.invoices import Invoice, Sums
from meter.rating.line import Line


def document_of(invoice: Invoice) -> InvoiceDocument:
    """The document of an invoice; its dates are days of the team's zone."""
    zone = ZoneInfo(invoice.period.zone)
    return InvoiceDocument(
        seller=_party(invoice.seller),
        team=_party(invoice.customer),
        number=invoice.number,
        status=invoice.status,
        currency=invoice.currency,
        period_from=invoice.period.start,
        period_to=invoice.period.end,
        timezone=invoice.period.zone,
        lines=(*(_line(line) for line in invoice.lines), *_beneath(invoice.sums)),
        total=invoice.total,
        as_of=invoice.as_of or invoice.created_at,
        issued_on=local_day(invoice.issued_at, zone),
        due_on=local_day(invoice.due_at, zone),
        members=tuple(
            MemberShare(each.member, each.amount, _usage(each.usage, invoice.meters)) for each in invoice.members
        ),
        notes=(f"Plan {invoice.plan}, prices as of version {invoice.price_version}.",),
    )


def _party(party: invoices.Party) -> Party:
    return Party(party.name, party.lines)


def local_day(instant: datetime | None, zone: ZoneInfo) -> date | None:
    """The day of an instant in a zone, None for none."""
    return None if instant is None else instant.astimezone(zone).date()


def _line(line: Line) -> InvoiceLine:
    """A fee has an amount only; a price for nothing, where all is included, is not shown."""
    if line.kind == "base_fee":
        return InvoiceLine(line.description, line.amount)
    return InvoiceLine(
        line.description,
        line.amount,
        line.quantity,
        counted(line.unit, line.quantity),
        line.included or None,
        line.unit_amount or None,
        line.per,
    )


def _beneath(sums: Sums | None) -> Iterator[InvoiceLine]:
    """What is taken off of all lines, and the taxes that they do not contain."""
    if sums is None:
        return
    if sums.spend_discount:
        yield InvoiceLine("Above the most that was agreed", -sums.spend_discount)
    for coupon in sums.coupons:
        if coupon.amount:
            yield InvoiceLine(f"{coupon.kind.capitalize()} {coupon.name}", -coupon.amount)
    for tax in sums.taxes:
        if not tax.inclusive:
            yield InvoiceLine(f"{tax.name}, {tax.percent:f} %", tax.amount)


def _usage(usage: dict[str, Decimal], words: dict[str, tuple[str, str]]) -> tuple[Usage, ...]:
    named = [(*words.get(meter, (meter, "")), quantity) for meter, quantity in usage.items()]
    return tuple(Usage(title, quantity, counted(unit, Decimal(2))) for title, unit, quantity in named)
