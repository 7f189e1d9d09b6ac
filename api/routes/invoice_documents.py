"""/v1/invoices/{id}/csv and /html: all that an invoice says, for a spreadsheet and for a browser."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from api.auth import may
from api.errors import problems
from api.formats import MEDIA_TYPES, Value, csv_cell, written
from api.given import TheCaller, TheShell
from api.invoice_document import document_of, full_document
from api.line_view import digits
from api.routes.invoices import found_invoice
from dashboards.documents import invoice_csp, invoice_html
from dashboards.invoice import InvoiceDocument
from dashboards.invoice_csv import COLUMNS, rows
from meter.errors import NotFound

CSV = MEDIA_TYPES["csv"]
HTML = "text/html"


@get(
    "/v1/invoices/{invoice_id:uuid}/csv",
    guards=[may("view_billing")],
    media_type=CSV,
    responses=problems(NotFound),
    tags=["invoices"],
)
async def get_invoice_csv(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[str]:
    """Download all of an invoice as CSV: a row per line, sum and member, told apart by the column `row`.

    Rows `line` and of sums (coupons, taxes) add up to the row `total`, and so do rows `member`.
    """
    async with shell.readers.connection() as conn:
        found = await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)
    return csv_of(document_of(found))


def csv_of(document: InvoiceDocument) -> Response[str]:
    """A document as a CSV file under its number."""
    name = f"{document.number or 'draft'}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in row] for row in rows(document))
    return Response(text.getvalue(), media_type=CSV, headers=headers)


def _cell(value: Value) -> Value:
    """A number with all its digits, as the API has it; the rest as in every CSV of ours."""
    return digits(value) if isinstance(value, Decimal) else written(csv_cell(value))


@get(
    "/v1/invoices/{invoice_id:uuid}/html",
    guards=[may("view_billing")],
    media_type=HTML,
    responses=problems(NotFound),
    tags=["invoices"],
)
async def get_invoice_html(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[str]:
    """Show an invoice as one page that needs nothing else, with every line and member; it prints as the PDF does."""
    async with shell.readers.connection() as conn:
        found = await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)
        document = await full_document(conn, found, shell.settings)
    headers = {"Content-Security-Policy": invoice_csp()}
    return Response(invoice_html(document), media_type=HTML, headers=headers)


HANDLERS = (get_invoice_csv, get_invoice_html)
