"""/v1/credit-notes: what was taken back of invoices that are final; and how a credit note is made."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from api.auth import may, maybe_team
from api.credit_note_document import document_of
from api.credit_note_given import NewCreditNote, wanted_of
from api.credit_note_view import (
    CreditNoteSummary,
    CreditNoteView,
    MemberPartsView,
    note_view,
    parts_view,
    summary,
)
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell
from api.idempotency import Retry, once
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.routes.invoice_documents import CSV, HTML, csv_of
from api.routes.invoices import PDF, found_invoice
from api.state import Shell
from dashboards.credit_note import CreditNoteDocument
from dashboards.documents import credit_note_html, credit_note_pdf, invoice_csp
from dashboards.pdf import PdfTimeoutError
from meter.credit_notes import make, store
from meter.credit_notes.store import CreditNote, Which
from meter.database import Connection, lent
from meter.errors import (
    BodyTooLarge,
    Busy,
    CreditRefused,
    CreditsRefused,
    IdempotencyConflict,
    InvalidBody,
    InvoiceState,
    NotFound,
    UnsupportedEncoding,
)
from meter.model import Caller, Team

LOST = "nothing was credited; send it again"
PREVIEWED = 200
OfInvoice = Annotated[UUID | None, QueryParameter(name="invoice", description="Only those of this invoice.")]


@post(
    "/v1/invoices/{invoice_id:uuid}/credit",
    guards=[may("operate")],
    response_description="The new credit note.",
    responses={
        PREVIEWED: ResponseSpec(CreditNoteView, generate_examples=False, description="A preview."),
        **problems(
            NotFound,
            InvalidBody,
            InvoiceState,
            CreditRefused,
            CreditsRefused,
            IdempotencyConflict,
            BodyTooLarge,
            UnsupportedEncoding,
            Busy,
        ),
    },
    tags=["credit notes"],
)
async def credit_invoice(
    invoice_id: FromPath[UUID], data: JSONBody[NewCreditNote], actor: TheActor, retry: Retry, shell: TheShell
) -> Response[CreditNoteView]:
    """Take back a part of a final invoice, or all of it, by a credit note with a number of its own.

    The tax of each line goes back with it, by its own rates: all of a line comes to exactly its tax. Never more than
    is left. An invoice of which nothing is left to pay is `paid`. Owners and the billing address get it by mail.
    """
    async with lent(shell.pool, LOST) as conn:
        if data.preview:
            async with conn.transaction():
                wanted = wanted_of(data, await found_invoice(conn, invoice_id, None))
                return Response(note_view(await make.preview(conn, wanted, actor)), status_code=PREVIEWED)

        async def made() -> CreditNoteView:
            wanted = wanted_of(data, await found_invoice(conn, invoice_id, None))
            return note_view((await make.make(conn, wanted, actor)).note)

        return await once(conn, retry, made, actor.at)


@get(
    "/v1/credit-notes",
    guards=[may("view_billing")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound),
    tags=["credit notes"],
)
async def list_credit_notes(
    team: NamedDependency[Team | None],
    shell: TheShell,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    invoice: OfInvoice = None,
) -> Page[CreditNoteSummary]:
    """List credit notes, newest first, without their lines: a team's, and all teams' with the operator's key alone."""
    which = Which(invoice=invoice, before=row_of(cursor))
    async with shell.readers.connection() as conn:
        found = await store.list_notes(conn, team.id if team else None, which, limit + 1)
    return page(found, limit, summary, lambda note: note.position or 0)


@get(
    "/v1/credit-notes/{note_id:uuid}",
    guards=[may("view_billing")],
    responses=problems(NotFound),
    tags=["credit notes"],
)
async def get_credit_note(note_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> CreditNoteView:
    """Show a credit note with its lines, their taxes and whose they are."""
    async with shell.readers.connection() as conn:
        return note_view(await _found(conn, note_id, caller))


@get(
    "/v1/credit-notes/{note_id:uuid}/members",
    guards=[may("view_usage")],
    responses=problems(NotFound),
    tags=["credit notes"],
)
async def get_credit_note_members(note_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> MemberPartsView:
    """List whose a credit note is, line by line, tax included. A member sees the own parts."""
    async with shell.readers.connection() as conn:
        return parts_view(await _found(conn, note_id, caller), caller.only_member)


@get(
    "/v1/credit-notes/{note_id:uuid}/pdf",
    guards=[may("view_billing")],
    media_type=PDF,
    responses=problems(NotFound),
    tags=["credit notes"],
)
async def get_credit_note_pdf(note_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[bytes]:
    """Download a credit note as PDF, under its number."""
    document = await _document(shell, note_id, caller)
    try:
        pdf = await credit_note_pdf(document)
    except PdfTimeoutError as error:
        raise Busy("the PDF took too long to make; ask again") from error
    headers = {"Content-Disposition": f'attachment; filename="{document.shown.number}.pdf"'}
    return Response(pdf, media_type=PDF, headers=headers)


@get(
    "/v1/credit-notes/{note_id:uuid}/csv",
    guards=[may("view_billing")],
    media_type=CSV,
    responses=problems(NotFound),
    tags=["credit notes"],
)
async def get_credit_note_csv(note_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[str]:
    """Download a credit note as CSV, in the columns of an invoice's; where it went are rows `to_…`."""
    return csv_of((await _document(shell, note_id, caller)).shown)


@get(
    "/v1/credit-notes/{note_id:uuid}/html",
    guards=[may("view_billing")],
    media_type=HTML,
    responses=problems(NotFound),
    tags=["credit notes"],
)
async def get_credit_note_html(note_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[str]:
    """Show a credit note as one page that needs nothing else."""
    document = await _document(shell, note_id, caller)
    headers = {"Content-Security-Policy": invoice_csp()}
    return Response(credit_note_html(document), media_type=HTML, headers=headers)


async def _document(shell: Shell, note_id: UUID, caller: Caller) -> CreditNoteDocument:
    async with shell.readers.connection() as conn:
        note = await _found(conn, note_id, caller)
        invoice = await found_invoice(conn, note.invoice, note.team_id)
    return document_of(note, invoice, shell.settings)


async def _found(conn: Connection, note_id: UUID, caller: Caller) -> CreditNote:
    """The credit note, for the operator that of any team. Raises NotFound."""
    found = await store.get(conn, note_id, caller.team.id if caller.team else None)
    if found is None:
        raise NotFound("there is no such credit note")
    return found


HANDLERS = (
    credit_invoice,
    list_credit_notes,
    get_credit_note,
    get_credit_note_members,
    get_credit_note_pdf,
    get_credit_note_csv,
    get_credit_note_html,
)
