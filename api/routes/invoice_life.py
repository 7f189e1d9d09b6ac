"""/v1/invoices: a draft written anew, made final or discarded; and what becomes of an invoice that is final."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, post
from litestar.params import FromPath, JSONBody

from api.auth import may
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell
from api.idempotency import Retry, once
from api.invoice_view import InvoiceView, invoice_view, summary
from api.routes.invoices import found_invoice
from api.state import Shell
from meter import audit, bill, parties, teams
from meter.answers import Request
from meter.audit import Actor
from meter.database import Connection, lent
from meter.errors import (
    BodyTooLarge,
    Busy,
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidBody,
    InvoiceExists,
    InvoiceNumberTaken,
    InvoiceState,
    NoSubscription,
    NotFound,
    NotRateable,
    PeriodNotOver,
    RawDataGone,
    Unpriced,
    UnsupportedEncoding,
)
from meter.invoices import Invoice
from meter.invoicing import change, states
from meter.invoicing import final as finals
from meter.invoicing.states import Closed
from meter.model import Caller

LOST = "nothing was changed; send it again"
OF_A_CHANGE = (NotFound, InvoiceState, IdempotencyConflict, Busy)
OF_A_DRAFT = (
    *OF_A_CHANGE,
    InvoiceExists,
    InvoiceNumberTaken,
    PeriodNotOver,
    NoSubscription,
    CurrencyMismatch,
    Unpriced,
    NotRateable,
    RawDataGone,
)
OF_A_BODY = (InvalidBody, BodyTooLarge, UnsupportedEncoding)
DRAFTS: dict[str, Any] = {"guards": [may("generate_invoice")], "tags": ["invoices"], "status_code": 200}
CLOSING: dict[str, Any] = {
    "guards": [may("operate")],
    "responses": problems(*OF_A_CHANGE, *OF_A_BODY),
    "tags": ["invoices"],
    "status_code": 200,
}


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, or by what: a reason, a payment's reference. The team reads it."""

    note: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


@post("/v1/invoices/{invoice_id:uuid}/regenerate", responses=problems(*OF_A_DRAFT), **DRAFTS)
async def regenerate_invoice(
    invoice_id: FromPath[UUID], caller: TheCaller, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[InvoiceView]:
    """Write a draft anew, by the usage, plan and prices known now. What is final stays (`invoice_state`)."""
    return await _rewritten(shell, caller, invoice_id, actor, retry, final=False)


@post("/v1/invoices/{invoice_id:uuid}/finalize", responses=problems(*OF_A_DRAFT), **DRAFTS)
async def finalize_invoice(
    invoice_id: FromPath[UUID], caller: TheCaller, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[InvoiceView]:
    """Write a draft anew one last time, give it the next number and make it final."""
    return await _rewritten(shell, caller, invoice_id, actor, retry, final=True)


@delete(
    "/v1/invoices/{invoice_id:uuid}",
    guards=[may("generate_invoice")],
    responses=problems(NotFound, InvoiceState, Busy),
    tags=["invoices"],
)
async def discard_invoice(invoice_id: FromPath[UUID], caller: TheCaller, actor: TheActor, shell: TheShell) -> None:
    """Discard a draft. What is final stays (`invoice_state`)."""
    async with lent(shell.pool, LOST) as conn, conn.transaction():
        before = await _seen(conn, invoice_id, caller)
        await change.discard(conn, invoice_id, before.team_id)
        await _record(conn, actor, "invoice.discard", before, None)


@post("/v1/invoices/{invoice_id:uuid}/void", **CLOSING)
async def void_invoice(
    invoice_id: FromPath[UUID], data: JSONBody[Note], actor: TheActor, retry: Retry, shell: TheShell
) -> Response[InvoiceView]:
    """Void an invoice that is not paid. It keeps its number, and its period may be billed again."""
    return await _closed(shell, invoice_id, "void", data.note, actor, retry)


@post("/v1/invoices/{invoice_id:uuid}/paid", **CLOSING)
async def mark_invoice_paid(
    invoice_id: FromPath[UUID], data: JSONBody[Note], actor: TheActor, retry: Retry, shell: TheShell
) -> Response[InvoiceView]:
    """Say that an invoice was paid by other ways, also one that was given up."""
    return await _closed(shell, invoice_id, "paid", data.note, actor, retry)


@post("/v1/invoices/{invoice_id:uuid}/uncollectible", **CLOSING)
async def give_up_invoice(
    invoice_id: FromPath[UUID], data: JSONBody[Note], actor: TheActor, retry: Retry, shell: TheShell
) -> Response[InvoiceView]:
    """Give an open invoice up: nobody is reminded of it any more. It is owed all the same, and may still be paid."""
    return await _closed(shell, invoice_id, "uncollectible", data.note, actor, retry)


async def _rewritten(
    shell: Shell, caller: Caller, invoice_id: UUID, actor: Actor, retry: Request | None, *, final: bool
) -> Response[InvoiceView]:
    async with lent(shell.pool, LOST) as conn:
        there = await _seen(conn, invoice_id, caller)
        states.check_draft(there.status)
        team = await teams.get(conn, there.team)
        if team is None:
            raise NotFound("there is no such invoice")
        # Priced before the transaction that keeps the answer: no lock is held while usage is read.
        prepare = finals.prepare if final else bill.prepare
        prepared = await prepare(conn, team, there.period, actor.at, bill.reason_of(there))

        async def made() -> InvoiceView:
            locked = await change.lock(conn, invoice_id)
            states.check_draft(locked.status)
            seller, by_team = parties.seller(shell.settings), actor.kind != "operator"
            until = None if final else bill.Until(there.finalise_at)
            await bill.conclude(conn, prepared, seller, actor.at, by_team=by_team, draft=until)
            after = await found_invoice(conn, invoice_id, there.team_id)
            await _record(conn, actor, "invoice.finalize" if final else "invoice.regenerate", there, after)
            return invoice_view(after)

        return await _answered(conn, retry, made, actor)


async def _closed(
    shell: Shell, invoice_id: UUID, to: Closed, note: str, actor: Actor, retry: Request | None
) -> Response[InvoiceView]:
    async with lent(shell.pool, LOST) as conn:

        async def made() -> InvoiceView:
            before = await found_invoice(conn, invoice_id, None)
            changed = await change.close(conn, invoice_id, to, note, actor.at)
            after = await found_invoice(conn, invoice_id, None)
            if changed:
                await _record(conn, actor, f"invoice.{to}", before, after)
            return invoice_view(after)

        return await _answered(conn, retry, made, actor)


async def _answered(
    conn: Connection, retry: Request | None, made: Callable[[], Awaitable[InvoiceView]], actor: Actor
) -> Response[InvoiceView]:
    return await once(conn, retry, made, actor.at, status=200)


async def _seen(conn: Connection, invoice_id: UUID, caller: Caller) -> Invoice:
    return await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)


async def _record(conn: Connection, actor: Actor, action: str, before: Invoice, after: Invoice | None) -> None:
    team = await teams.get(conn, before.team)
    subject = audit.of(team, "invoice", before.public_id)
    await audit.record(conn, actor, action, subject, summary(before), None if after is None else summary(after))


HANDLERS = (
    regenerate_invoice,
    finalize_invoice,
    discard_invoice,
    void_invoice,
    mark_invoice_paid,
    give_up_invoice,
)
