"""/v1/invoices/…/verify, explain, members: is an invoice right, how did it come about, and whose is it?"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, QueryParameter

from api.auth import may
from api.errors import problems
from api.given import TheCaller, TheShell
from api.routes.invoices import found_invoice
from api.truth_view import (
    ExplanationView,
    StatementsView,
    VerdictView,
    explanation_view,
    statements_view,
    verdict_view,
)
from meter import teams
from meter.errors import InvalidParameter, NotFound
from meter.explain.invoice import altered, explain, truths_of
from meter.explain.statements import statements
from meter.verify.invoice import account_of, verify

LineNumber = Annotated[
    int | None, QueryParameter(name="line", ge=1, le=1_000_000, description="Only this line, counted from 1.")
]


@get(
    "/v1/invoices/{invoice_id:uuid}/verify",
    guards=[may("view_billing")],
    responses=problems(NotFound),
    tags=["invoices"],
)
async def verify_invoice(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> VerdictView:
    """Make an invoice again from raw events, as they stood when it was made, and compare it to the cent.

    No bucket is read for it. What came later, late events and corrections, is named in `since`, with what it would
    change, line by line. Where raw events of the period were dropped, or rewritten by late points of a stream, it says
    so: `unverifiable`.
    """
    async with shell.readers.connection() as conn:
        invoice = await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)
        team = await teams.get(conn, invoice.team)
        if team is None:
            raise NotFound("there is no such invoice")
        found = await verify(conn, team, invoice)
        return verdict_view(invoice, found, altered(invoice, await truths_of(conn, invoice)))


@get(
    "/v1/invoices/{invoice_id:uuid}/explain",
    guards=[may("view_billing")],
    responses=problems(NotFound, InvalidParameter),
    tags=["invoices"],
)
async def explain_invoice(
    invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell, line: LineNumber = None
) -> ExplanationView:
    """Tell how an invoice came about, step by step, in words and figures: from usage to each line, from lines to total.

    Of each line also whose it is, the largest hours and services behind it, how many events, and where to list them.
    What credit notes took back later is named, with their addresses.
    """
    async with shell.readers.connection() as conn:
        invoice = await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)
        return explanation_view(invoice, await explain(conn, invoice, line))


@get(
    "/v1/invoices/{invoice_id:uuid}/members",
    guards=[may("view_usage")],
    responses=problems(NotFound),
    tags=["invoices"],
)
async def get_invoice_members(invoice_id: FromPath[UUID], caller: TheCaller, shell: TheShell) -> StatementsView:
    """List what an invoice has of each member: the part of every line, of its discounts and taxes, to the cent.

    A row without a name is what belongs to nobody. A member sees the own statement.
    """
    async with shell.readers.connection() as conn:
        invoice = await found_invoice(conn, invoice_id, caller.team.id if caller.team else None)
    stored = account_of(invoice)
    found = statements(stored.lines, stored.settled, invoice.currency)
    return statements_view(invoice, found, caller.only_member)


HANDLERS = (verify_invoice, explain_invoice, get_invoice_members)
