"""An invoice as mail: what its page and its PDF say, in a letter."""

from __future__ import annotations

from functools import partial

from api.credit_note_document import document_of as credit_note_document
from api.invoice_document import full_document
from dashboards import credit_note
from dashboards.documents import credit_note_pdf, invoice_pdf
from dashboards.letters import letter_html, letter_text
from dashboards.pages.invoices import PATH
from meter.credit_notes import store as credit_notes
from meter.database import Connection
from meter.invoices import Invoice
from meter.mail import words
from meter.mail.letter import Compose, Letter
from meter.settings import Settings


def composer(settings: Settings) -> Compose:
    """What writes letters with links to the service at its public address.

    It raises PdfError where the PDF can't be made, and ValueError for an invoice that does not add up.
    """
    return partial(_letter, settings)


async def _letter(settings: Settings, conn: Connection, invoice: Invoice, kind: str) -> Letter:
    url = f"{settings.public_url or ''}{PATH}/{invoice.public_id}"
    position = words.position_of(kind)
    if position is not None:
        return await _credit_note(settings, conn, invoice, position, url)
    document = await full_document(conn, invoice, settings)
    pdf = await invoice_pdf(document)
    return Letter(letter_text(document, kind, url), letter_html(document, kind, url), pdf, f"{invoice.number}.pdf")


async def _credit_note(settings: Settings, conn: Connection, invoice: Invoice, position: int, url: str) -> Letter:
    note = await credit_notes.numbered(conn, position)
    if note is None or note.invoice_id != invoice.id:
        raise LookupError("the credit note is gone")
    document = credit_note_document(note, invoice, settings)
    kind = words.credit_note(position)
    text, html = (credit_note.letter(document, kind, url, form) for form in ("txt", "html"))
    return Letter(text, html, await credit_note_pdf(document), f"{note.number}.pdf")
