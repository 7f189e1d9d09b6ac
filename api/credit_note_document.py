"""A credit note as it is printed: its numbers in the words of the page. Behind its HTML, PDF and CSV alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from api.invoice_document import document_of as invoice_document
from api.invoice_document import local_day, logo
from dashboards.credit_note import CreditNoteDocument
from dashboards.invoice import InvoiceDocument, InvoiceLine, MemberShare, Sum
from meter.credit_notes.store import CreditNote
from meter.invoices import Invoice
from meter.rating.line import in_order
from meter.settings import Settings

PATH = "/v1/credit-notes"


def document_of(note: CreditNote, invoice: Invoice, settings: Settings) -> CreditNoteDocument:
    """The document of a credit note, with the parties of its invoice."""
    of = invoice_document(invoice)
    shown = InvoiceDocument(
        seller=of.seller,
        team=of.team,
        number=note.number,
        status="paid",
        currency=note.currency,
        period_from=of.period_from,
        period_to=of.period_to,
        timezone=of.timezone,
        lines=tuple(_lines(note, of)),
        total=note.total,
        as_of=note.issued_at,
        issued_on=local_day(note.issued_at, ZoneInfo(of.timezone)),
        members=tuple(_members(note)),
        notes=invoice.seller.notes,
        locale=of.locale,
        sums=tuple(_taxes(note)),
        within=tuple(_went(note)),
        reference=of.reference,
        logo=logo(settings.seller_logo),
        path=f"{PATH}/{note.public_id}",
    )
    return CreditNoteDocument(shown, note.invoice_number, note.reason, note.note)


def _lines(note: CreditNote, of: InvoiceDocument) -> Iterator[InvoiceLine]:
    """What is credited of each line, without tax."""
    for each in note.lines:
        billed = of.lines[each.line - 1]
        yield InvoiceLine(
            each.description,
            each.net,
            detail=billed.detail,
            group=billed.group,
            key=billed.key,
            meter=billed.meter,
            price=billed.price,
            plan=billed.plan,
            price_version=billed.price_version,
            start=billed.start,
            end=billed.end,
            tax=each.tax,
            total=each.total,
        )


def _taxes(note: CreditNote) -> Iterator[Sum]:
    """Each rate by itself, whether prices contained it or not: lines are without."""
    for each in note.taxes:
        yield Sum(f"{each.name}, {each.percent:f} %", each.amount, "tax")


def _went(note: CreditNote) -> Iterator[Sum]:
    """Where the total went."""
    words = {
        f"Off what was to pay of {note.invoice_number}": (note.to_invoice, "to_invoice"),
        "Into your account": (note.to_balance, "to_balance"),
        "Refunded": (note.to_refund, "to_refund"),
    }
    for label, (amount, kind) in words.items():
        if amount:
            yield Sum(label, amount, kind)


def _members(note: CreditNote) -> Iterator[MemberShare]:
    """What each member's part is of all lines."""
    parts = defaultdict[str | None, Decimal](Decimal)
    for share in (share for line in note.lines for share in line.members):
        parts[share.member] += share.amount
    for member in in_order(parts):
        yield MemberShare(member, parts[member])
