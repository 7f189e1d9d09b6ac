"""The page that lists a team's invoices, and their PDFs for who is signed in."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import litestar
from litestar import Response, get
from litestar.di import Provide
from litestar.params import FromPath, QueryParameter

from api.given import TheShell, TheTeam
from api.invoice_document import local_day
from api.paging import cursor_of, position_of
from api.routes.invoices import as_pdf, found_invoice
from api.routes.pages import html
from api.session import SignInNeeded, page_team, signed_in, to_sign_in
from dashboards.pages import invoices as page
from dashboards.pages.invoices import InvoiceRow
from meter import invoices
from meter.invoices import Invoice

AnyRequest = litestar.Request[Any, Any, Any]
ROWS = 24
OF_A_TEAM: dict[str, Any] = {
    "guards": [signed_in],
    "dependencies": {"team": Provide(page_team)},
    "exception_handlers": {SignInNeeded: to_sign_in},
    "include_in_schema": False,
}


@get(page.PATH, **OF_A_TEAM)
async def show_invoices(
    team: TheTeam, shell: TheShell, cursor: Annotated[str | None, QueryParameter()] = None
) -> Response[str]:
    """Show a team's invoices, newest first."""
    async with shell.readers.connection() as conn:
        found = await invoices.list_invoices(conn, team.id, position_of(cursor, UUID), ROWS + 1)
    more = urlencode({"cursor": cursor_of(found[ROWS - 1].public_id)}) if len(found) > ROWS else ""
    next_url = f"{page.PATH}?{more}" if more else ""
    return html(
        page.TEMPLATE, page.context(team_name=team.name, rows=[_row(each) for each in found[:ROWS]], next_url=next_url)
    )


@get(page.PATH + "/{invoice_id:uuid}/pdf", media_type="application/pdf", **OF_A_TEAM)
async def show_pdf(invoice_id: FromPath[UUID], team: TheTeam, shell: TheShell) -> Response[bytes]:
    """Download one of them."""
    async with shell.readers.connection() as conn:
        found = await found_invoice(conn, invoice_id, team.id)
    return await as_pdf(found)


def _row(invoice: Invoice) -> InvoiceRow:
    zone = ZoneInfo(invoice.period.zone)
    return InvoiceRow(
        number=invoice.number,
        status=invoice.status,
        period_from=invoice.period.start,
        period_to=invoice.period.end,
        timezone=invoice.period.zone,
        total=invoice.total,
        currency=invoice.currency,
        issued_on=local_day(invoice.issued_at, zone),
        due_on=local_day(invoice.due_at, zone),
        pdf_url=f"{page.PATH}/{invoice.public_id}/pdf",
    )


HANDLERS = (show_invoices, show_pdf)
