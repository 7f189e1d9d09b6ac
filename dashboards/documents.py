"""Documents people receive: the invoice as HTML and as PDF."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256

from markupsafe import Markup

from dashboards import assets, credit_note, invoice
from dashboards.pdf import TIMEOUT_S, render_pdf
from dashboards.render import render


def invoice_csp() -> str:
    """What a browser may load for that page: its own styles, by their hash, and pictures within it."""
    hashed = b64encode(sha256(_styles("invoice.css").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{hashed}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


@cache
def _styles(name: str) -> Markup:
    # our own file, put into a style element as it is: nothing a user wrote gets in here
    return Markup((assets.STATIC / name).read_text(encoding="utf-8"))  # noqa: S704


def invoice_html(document: invoice.InvoiceDocument, *, short: bool = False) -> str:
    """Answer the invoice as one self-contained page with its print styles; `short` adds very many lines up.

    Raises:
        invoice.DoesNotAddUpError: lines or member rows differ from the total.
        ValueError: an amount has more decimals than its currency.
    """
    return render("invoice.html", css=_styles("invoice.css"), **invoice.view(document, short=short))


def credit_note_html(document: credit_note.CreditNoteDocument, *, short: bool = False) -> str:
    """Answer a credit note as such a page; raises as ``invoice_html``."""
    return render("invoice.html", css=_styles("invoice.css"), **credit_note.view(document, short=short))


async def credit_note_pdf(document: credit_note.CreditNoteDocument, timeout_s: float = TIMEOUT_S) -> bytes:
    """Answer a credit note as PDF; raises as ``invoice_pdf``."""
    return await render_pdf(credit_note_html(document, short=True), timeout_s)


async def invoice_pdf(document: invoice.InvoiceDocument, timeout_s: float = TIMEOUT_S) -> bytes:
    """Answer the invoice as PDF, made in a child process; very many lines or members are added up, and it says so.

    Raises:
        invoice.DoesNotAddUpError: lines or member rows differ from the total.
        ValueError: an amount has more decimals than its currency.
        pdf.PdfError: it could not be made, or not in time.
    """
    return await render_pdf(invoice_html(document, short=True), timeout_s)
