"""What becomes of an invoice, changed under its lock: closed once it is final, discarded while it is a draft."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from meter.database import Connection
from meter.errors import NotFound
from meter.invoices import Status
from meter.invoicing import states
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


async def close(conn: Connection, public_id: UUID, to: Closed, note: str, now: datetime) -> bool:
    """Says what became of a final invoice, in the caller's transaction; False where that was said before.

    Raises NotFound, and InvoiceState where it can't become that any more.
    """
    there = await lock(conn, public_id)
    if there.status == to:
        return False
    states.check(there.status, to)
    await conn.execute(statement("close_invoice"), {"invoice_id": there.id, "status": to, "note": note, "now": now})
    if to == "paid":
        await outbox.invoice(conn, there.id, there.team_id, "receipt", now)
    return True


async def discard(conn: Connection, public_id: UUID, team_id: int | None) -> None:
    """Takes a draft away, in the caller's transaction. Raises NotFound, and InvoiceState for what is final."""
    there = await lock(conn, public_id, team_id)
    states.check_draft(there.status)
    for name in ("erase_invoice_parts", "discard_invoice"):
        await conn.execute(statement(name), {"invoice_id": there.id})
