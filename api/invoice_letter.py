"""An invoice as mail: what its page and its PDF say, in a letter."""

from __future__ import annotations

from functools import partial

from api.invoice_document import full_document
from dashboards.documents import invoice_pdf
from dashboards.letters import letter_html, letter_text
from dashboards.pages.invoices import PATH
from meter.database import Connection
from meter.invoices import Invoice
from meter.mail.letter import Compose, Letter
from meter.settings import Settings


def composer(settings: Settings) -> Compose:
    """What writes letters with links to the service at its public address.

    It raises PdfError where the PDF can't be made, and ValueError for an invoice that does not add up.
    """
    return partial(_letter, settings)


async def _letter(settings: Settings, conn: Connection, invoice: Invoice, kind: str) -> Letter:
    document = await full_document(conn, invoice, settings)
    url = f"{settings.public_url or ''}{PATH}/{invoice.public_id}"
    pdf = await invoice_pdf(document)
    return Letter(letter_text(document, kind, url), letter_html(document, kind, url), pdf, f"{invoice.number}.pdf")
