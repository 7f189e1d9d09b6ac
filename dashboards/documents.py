"""Documents people receive: the invoice as HTML and as PDF."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

from dashboards import assets, invoice
from dashboards.pdf import TIMEOUT_S, render_pdf
from dashboards.render import render


@cache
def _styles(name: str) -> Markup:
    # our own file, put into a style element as it is: nothing a user wrote gets in here
    return Markup((assets.STATIC / name).read_text(encoding="utf-8"))  # noqa: S704


def invoice_html(document: invoice.InvoiceDocument) -> str:
    """Answer the invoice as one self-contained page with its print styles.

    Raises:
        invoice.DoesNotAddUpError: lines or member rows differ from the total.
        ValueError: an amount has more decimals than its currency.
    """
    return render("invoice.html", css=_styles("invoice.css"), **invoice.view(document))


async def invoice_pdf(document: invoice.InvoiceDocument, timeout_s: float = TIMEOUT_S) -> bytes:
    """Answer the invoice as PDF, made in a child process.

    Raises:
        invoice.DoesNotAddUpError: lines or member rows differ from the total.
        ValueError: an amount has more decimals than its currency.
        pdf.PdfError: it could not be made, or not in time.
    """
    return await render_pdf(invoice_html(document), timeout_s)
