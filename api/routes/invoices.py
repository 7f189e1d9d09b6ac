"""/v1/invoices: what was billed, as JSON and as PDF; and how an invoice is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from api.auth import may, maybe_team, path_team
from api.calculation_given import Instant
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.idempotency import Retry, answered, sent
from api.invoice_document import full_document
from api.invoice_view import InvoiceSummary, InvoiceView, foreseen_view, invoice_view, summary
from api.paging import Cursor, Limit, Page, page, position_of
from api.questions import instant_of
from api.routes.billing import edges_of
from dashboards.documents import invoice_pdf
from dashboards.invoice import InvoiceDocument
from dashboards.pdf import PdfTimeoutError
from meter import answers, audit, bill, invoices, parties
from meter.answers import Answer
from meter.database import Connection
from meter.errors import (
    BodyTooLarge,
    Busy,
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidBody,
    InvoiceExists,
    InvoiceNumberTaken,
    NoSubscription,
    NotFound,
    NotRateable,
    PeriodNotOver,
    RawDataGone,
    Unpriced,
    UnsupportedEncoding,
    UsageDiffers,
)
from meter.invoices import Invoice, State, Wanted
from meter.invoicing import final, foresee
from meter.model import Team
from meter.rating.periods import Period
from meter.subscriptions.current import running_period

States = Annotated[
    list[State] | None,
    QueryParameter(description="Only those in one of these states; what is `overdue` is open, and due before now."),
]
OfReason = Annotated[bill.Reason | None, QueryParameter(description="Only those made for this reason.")]
Since = Annotated[Instant | None, QueryParameter(name="from", description="Only of periods that begin then or later.")]
Until = Annotated[Instant | None, QueryParameter(name="to", description="Only of periods that begin before then.")]
FIRST = 10
CREATED, THERE = 201, 200
PDF = "application/pdf"


class NewInvoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Which period to bill, the team's last one unless both ends are given; `preview` shows it and stores nothing.

    A `draft` is kept without a number, and written anew each time it is asked for, until it is made final. For the
    reason `advance` it is the fees that are billed before their period, of the running one unless said.
    """

    from_: Instant | None = None
    to: Instant | None = None
    preview: bool = False
    draft: bool = False
    reason: Literal["period", "advance"] = bill.PERIOD


@post(
    "/v1/teams/{team_id:uuid}/invoices",
    guards=[may("generate_invoice")],
    dependencies={"team": Provide(path_team)},
    response_description="The new invoice.",
    responses={
        THERE: ResponseSpec(InvoiceView, generate_examples=False, description="It was there already, or a preview."),
        **problems(
            NotFound,
            InvalidBody,
            InvoiceExists,
            InvoiceNumberTaken,
            PeriodNotOver,
            NoSubscription,
            CurrencyMismatch,
            Unpriced,
            UsageDiffers,
            NotRateable,
            RawDataGone,
            IdempotencyConflict,
            BodyTooLarge,
            UnsupportedEncoding,
            Busy,
        ),
    },
    tags=["invoices"],
)
async def create_invoice(
    team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell, data: JSONBody[NewInvoice | None] = None
) -> Response[InvoiceView]:
    """Bill a period that is over: price its usage, give the invoice the next number, make it final.

    Answers 201 with the new invoice, and 200 with the same one whenever the period is asked for again, with or without
    an Idempotency-Key. A period that shares a moment with another invoice's is refused (`invoice_exists`), and so is
    usage that has no price (`unpriced_usage`). On a plan with free units the operator alone bills a second part of a
    month: each part gets all of them. Fees that were billed in advance are taken off again. With `preview` it answers
    200 with what the invoice would be by now, for a period that is not over too, and stores nothing.
    """
    asked = data or NewInvoice()
    now = actor.at
    async with shell.pool.connection() as conn:
        if asked.preview:
            draft = await bill.price(conn, team, await _period(conn, team, asked, now), asked.reason)
            return Response(foreseen_view(await foresee.foreseen(conn, draft, now)), status_code=THERE)
        answer = await answered(conn, retry, now)
        if answer is None:
            # Priced before the transaction that keeps the answer: no lock is held while usage is read.
            prepare = bill.prepare if asked.draft else final.prepare
            prepared = await prepare(conn, team, await _period(conn, team, asked, now), now, asked.reason)

            async def make() -> Answer:
                seller, by_team = parties.seller(shell.settings), actor.kind != "operator"
                until = bill.Until(None) if asked.draft else None
                made = await bill.conclude(conn, prepared, seller, now, by_team=by_team, draft=until)
                invoice = await found_invoice(conn, made.public_id, team.id)
                if made.created:
                    subject = audit.of(team, "invoice", made.public_id)
                    await audit.record(conn, actor, "invoice.create", subject, None, summary(invoice))
                shown = invoice_view(invoice)
                return Answer(CREATED if made.created else THERE, msgspec.json.encode(shown))

            answer = await answers.once(conn, retry, make, now)
    return sent(answer)


async def _period(conn: Connection, team: Team, asked: NewInvoice, now: datetime) -> Period:
    edges = edges_of(asked.from_, asked.to, team.timezone)
    if edges is not None:
        return bill.period_between(*edges, team.timezone)
    if asked.reason == bill.ADVANCE:
        return await running_period(conn, team, now)
    return await bill.default_period(conn, team, now)


async def found_invoice(conn: Connection, public_id: UUID, team_id: int | None) -> Invoice:
    """The invoice, of that team or (None) of any. Raises NotFound."""
    found = await invoices.get(conn, public_id, team_id)
    if found is None:
        raise NotFound("there is no such invoice")
    return found


@get(
    "/v1/invoices",
    guards=[may("view_billing")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound),
    tags=["invoices"],
)
async def list_invoices(  # noqa: PLR0913, PLR0917 (a query parameter each)
    team: NamedDependency[Team | None],
    shell: TheShell,
    limit: Limit = FIRST,
    cursor: Cursor = None,
    status: States = None,
    reason: OfReason = None,
    since: Since = None,
    until: Until = None,
) -> Page[InvoiceSummary]:
    """List invoices, newest first, without their lines: a team's, and all teams' with the operator's key alone."""
    before = position_of(cursor, UUID)
    zone = ZoneInfo(team.timezone if team else "UTC")
    wanted = Wanted(
        tuple(status) if status else None,
        shell.clock(),
        reason,
        None if since is None else instant_of("from", since, zone, shell.clock()),
        None if until is None else instant_of("to", until, zone, shell.clock()),
    )
    async with shell.readers.connection() as conn:
        found = await invoices.list_invoices(conn, team.id if team else None, before, limit + 1, wanted)
    return page(found, limit, summary, lambda invoice: invoice.public_id)


@get("/v1/invoices/{invoice_id:uuid}", guards=[may("view_billing")], responses=problems(NotFound), tags=["invoices"])
async def get_invoice(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> InvoiceView:
    """Show an invoice with its lines, how each came about, and what each member costs and used."""
    async with shell.readers.connection() as conn:
        return invoice_view(await found_invoice(conn, invoice_id, caller.team.id if caller.team else None))


@get(
    "/v1/invoices/{invoice_id:uuid}/pdf",
    guards=[may("view_billing")],
    media_type=PDF,
    responses=problems(NotFound),
    tags=["invoices"],
)
async def get_invoice_pdf(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> Response[bytes]:
    """Download an invoice as PDF, under its number. Very many lines or members are added up there, and it says so."""
    async with shell.readers.connection() as conn:
        found = await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)
        document = await full_document(conn, found, shell.settings)
    return await as_pdf(document)


async def as_pdf(document: InvoiceDocument) -> Response[bytes]:
    """An invoice as a file under its number. Raises Busy when it takes too long to make."""
    try:
        pdf = await invoice_pdf(document)
    except PdfTimeoutError as error:
        raise Busy("the PDF took too long to make; ask again") from error
    name = f"{document.number or 'draft'}.pdf"
    return Response(pdf, media_type=PDF, headers={"Content-Disposition": f'attachment; filename="{name}"'})


HANDLERS = (create_invoice, list_invoices, get_invoice, get_invoice_pdf)
