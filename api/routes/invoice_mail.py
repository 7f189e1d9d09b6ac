"""/v1/invoices/{id}/send and /v1/mail: an invoice sent again, and what was sent to whom."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, QueryParameter

from api.auth import may, maybe_team
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell
from api.idempotency import Retry, once
from api.names import Email
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.routes.invoices import found_invoice
from meter import audit
from meter.audit import Subject
from meter.errors import (
    BodyTooLarge,
    IdempotencyConflict,
    InvalidBody,
    InvoiceState,
    NotFound,
    UnsupportedEncoding,
)
from meter.mail import outbox
from meter.mail.outbox import Mail
from meter.model import Team

ACCEPTED = 202
MOST = 20

OfInvoice = Annotated[UUID | None, QueryParameter(name="invoice", description="Only mail about this invoice.")]


class Sending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To whom an invoice is sent; without `to` it is the team's owners and the address its bills go to."""

    to: Annotated[list[Email], msgspec.Meta(min_length=1, max_length=MOST)] | None = None


class MailView(msgspec.Struct, frozen=True, kw_only=True):
    """Mail to one address. `kind` is `invoice`, `receipt`, `overdue_1`, `overdue_2`, … or `credit_note_1` of CN-000001.

    `state` is `queued`, `sent` (the mail server has it), `failed` or `skipped` (nobody wants it any more, or there
    is no mail server); `error` says why, also of the last attempt of one that is `queued` for another at `next_at`.
    """

    id: UUID
    team: UUID
    invoice: UUID
    number: str
    kind: str
    to: str
    subject: str
    state: str
    attempts: int
    error: str | None
    queued_at: datetime
    next_at: datetime | None
    sent_at: datetime | None
    message_id: str | None


class Queued(msgspec.Struct, frozen=True):
    """The mail that was queued, one per address."""

    items: list[MailView]


def mail_view(mail: Mail) -> MailView:
    """The mail as the API shows it."""
    return MailView(
        id=mail.public_id,
        team=mail.team,
        invoice=mail.invoice,
        number=mail.number,
        kind=mail.kind,
        to=mail.recipient,
        subject=mail.subject,
        state=mail.state,
        attempts=mail.attempts,
        error=mail.last_error,
        queued_at=mail.queued_at,
        next_at=mail.next_at,
        sent_at=mail.sent_at,
        message_id=mail.message_id,
    )


@post(
    "/v1/invoices/{invoice_id:uuid}/send",
    guards=[may("send_invoice")],
    status_code=ACCEPTED,
    response_description="The mail that was queued.",
    responses=problems(NotFound, InvalidBody, InvoiceState, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding),
    tags=["invoices"],
)
async def send_invoice(
    invoice_id: FromPath[UUID],
    caller: TheCaller,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
    data: JSONBody[Sending | None] = None,
) -> Response[Queued]:
    """Mail an invoice, sent before or not: to whom the team's bills go, or to those in `to`.

    A worker sends it within seconds; `GET /v1/mail` shows what became of it. Each request is sent anew, a retry with
    the same Idempotency-Key is not.
    """
    to = (data or Sending()).to
    async with shell.pool.connection() as conn:

        async def make() -> Queued:
            invoice = await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)
            if invoice.number is None:
                raise InvoiceState("it is a draft: it is sent when it is final")
            queued = await outbox.again(conn, invoice.id, invoice.team_id, to, actor.at)
            if not queued:
                raise InvalidBody("to: no owner of the team has an address, and it has no billing_email; name one")
            subject = Subject(invoice.team_id, f"invoice:{invoice.public_id}")
            sent = {"kind": queued[0].kind, "to": [each.recipient for each in queued]}
            await audit.record(conn, actor, "invoice.send", subject, None, sent)
            return Queued([mail_view(each) for each in queued])

        return await once(conn, retry, make, actor.at, status=ACCEPTED)


@get(
    "/v1/mail",
    guards=[may("view_billing")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound),
    tags=["invoices"],
)
async def list_mail(
    team: NamedDependency[Team | None],
    shell: TheShell,
    invoice: OfInvoice = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MailView]:
    """List mail, newest first: a team's, and all teams' with the operator's key alone."""
    async with shell.readers.connection() as conn:
        found = await outbox.listed(conn, team.id if team else None, invoice, row_of(cursor), limit + 1)
    return page(found, limit, mail_view, lambda each: each.id)


HANDLERS = (send_invoice, list_mail)
