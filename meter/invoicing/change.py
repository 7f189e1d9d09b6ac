"""What becomes of an invoice, changed under its lock: closed once it is final, discarded while it is a draft."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from meter.adjustments import store as adjustments
from meter.credit_notes import store as credit_notes
from meter.database import Connection
from meter.errors import InvoiceState, NotFound
from meter.invoices import Status
from meter.invoicing import giving_back, states
from meter.invoicing.states import Closed
from meter.mail import outbox
from sql import statement


class Locked(NamedTuple):
    """An invoice that nobody else changes until the transaction ends."""

    id: int
    team_id: int
    status: Status


async def lock(conn: Connection, public_id: UUID, team_id: int | None = None) -> Locked:
    """Holds an invoice, of that team or (None) of any. Raises NotFound."""
    asked = {"public_id": public_id, "team_id": team_id}
    row = await (await conn.execute(statement("lock_invoice"), asked)).fetchone()
    if row is None:
        raise NotFound("there is no such invoice")
    return Locked(*row)


async def close(
    conn: Connection, public_id: UUID, to: Closed, note: str, now: datetime, *, receipt: bool = True
) -> bool:
    """Says what became of a final invoice, in the caller's transaction; False where that was said before.

    Who paid gets a `receipt`. Of a void one an account has back what it paid; one that was paid by nobody else may be
    void, too. Raises NotFound, and InvoiceState where it can't become that any more.
    """
    there = await lock(conn, public_id)
    if there.status == to:
        return False
    await _check(conn, there, to)
    if to == "void":
        await _refuse_credited(conn, public_id)
    await conn.execute(statement("close_invoice"), {"invoice_id": there.id, "status": to, "note": note, "now": now})
    if to == "void":
        await adjustments.give_back(conn, there.id)
        await giving_back.give_back(conn, there.id, public_id, there.team_id, now)
    if to == "paid" and receipt:
        await outbox.invoice(conn, there.id, there.team_id, "receipt", now)
    return True


async def _check(conn: Connection, there: Locked, to: Closed) -> None:
    """What the account paid may be void, as it has all of it back. Raises InvoiceState."""
    if to == "void" and there.status == "paid" and await giving_back.is_paid_from_account(conn, there.id):
        return
    states.check(there.status, to)


async def _refuse_credited(conn: Connection, public_id: UUID) -> None:
    """What a credit note took back of it can't be taken back twice. Raises InvoiceState."""
    number = await credit_notes.is_credited(conn, public_id)
    if number is not None:
        raise InvoiceState(f"{number} takes a part of it back; credit what is left instead, then nothing is to be paid")


async def discard(conn: Connection, public_id: UUID, team_id: int | None) -> None:
    """Takes a draft away, in the caller's transaction. Raises NotFound, and InvoiceState for what is final."""
    there = await lock(conn, public_id, team_id)
    states.check_draft(there.status)
    for name in ("erase_invoice_parts", "discard_invoice"):
        await conn.execute(statement(name), {"invoice_id": there.id})
