"""The pages of a team's invoices: the list, each one beside the month before, and their files for who is signed in."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import litestar
from litestar import Response, get
from litestar.di import Provide
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from api.given import TheCaller, TheShell, TheTeam
from api.invoice_document import document_of, full_document, local_day
from api.paging import cursor_of, position_of
from api.routes.invoice_documents import csv_of
from api.routes.invoices import as_pdf, found_invoice
from api.routes.pages import html
from api.session import SignInNeeded, page_team, signed_in, to_sign_in
from dashboards.pages import invoices as page
from dashboards.pages import statement
from dashboards.pages.invoices import InvoiceRow
from dashboards.pages.statement import Links
from meter import invoices
from meter.database import Connection
from meter.invoices import Invoice
from meter.model import Caller

AnyRequest = litestar.Request[Any, Any, Any]
ROWS = 24
OF_A_TEAM: dict[str, Any] = {
    "guards": [signed_in],
    "dependencies": {"team": Provide(page_team)},
    "exception_handlers": {SignInNeeded: to_sign_in},
    "include_in_schema": False,
}
OF_AN_INVOICE: dict[str, Any] = {name: value for name, value in OF_A_TEAM.items() if name != "dependencies"}


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


@get(statement.PATH, **OF_AN_INVOICE)
async def show_statement(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[str]:
    """Show one of them beside the one before: what was, what is, and what changed."""
    async with shell.readers.connection() as conn:
        found = await _found(conn, invoice_id, caller)
        this = await full_document(conn, found, shell.settings)
        before = await invoices.before(conn, found)
    links = Links(
        pdf=f"{page.PATH}/{found.public_id}/pdf",
        csv=f"{page.PATH}/{found.public_id}/csv",
        invoices=page.PATH,
        before=f"{page.PATH}/{before.public_id}" if before else "",
    )
    last = document_of(before) if before else None
    shown = statement.context(team_name=found.customer.name, this=this, last=last, links=links)
    return html(statement.TEMPLATE, shown)


@get(statement.SHORT_PATH, **OF_AN_INVOICE)
async def lead_to_statement(invoice_id: FromPath[UUID]) -> Redirect:
    """Lead to that page, as letters name it."""
    return Redirect(f"{page.PATH}/{invoice_id}", status_code=307)


@get(page.PATH + "/{invoice_id:uuid}/pdf", media_type="application/pdf", **OF_AN_INVOICE)
async def show_pdf(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[bytes]:
    """Download one of them."""
    async with shell.readers.connection() as conn:
        document = await full_document(conn, await _found(conn, invoice_id, caller), shell.settings)
    return await as_pdf(document)


@get(page.PATH + "/{invoice_id:uuid}/csv", media_type="text/csv", **OF_AN_INVOICE)
async def show_csv(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[str]:
    """Download one of them with all its rows."""
    async with shell.readers.connection() as conn:
        found = await _found(conn, invoice_id, caller)
    return csv_of(document_of(found))


async def _found(conn: Connection, invoice_id: UUID, caller: Caller) -> Invoice:
    """The invoice, for the operator that of any team. Raises NotFound."""
    return await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)


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
        page_url=f"{page.PATH}/{invoice.public_id}",
    )


HANDLERS = (show_invoices, show_statement, lead_to_statement, show_pdf, show_csv)
