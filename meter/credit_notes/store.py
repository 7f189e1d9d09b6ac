"""Credit notes as they were made: written once, and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from meter.credit_notes.plan import Plan, PlannedLine
from meter.database import Connection
from meter.invoices import Invoice
from meter.rating.credit import RateTax
from meter.rating.line import Share
from sql import statement

_encode = msgspec.json.Encoder(decimal_format="string").encode


class CreditNote(NamedTuple):
    """What of an invoice was taken back: `net` and `tax` come to `total`, and so does where it went.

    `position` is its number as one. In a list the lines are left out. A preview has no ids, number and position.
    """

    id: int | None
    public_id: UUID | None
    team_id: int
    team: UUID
    invoice_id: int
    invoice: UUID
    invoice_number: str
    position: int | None
    number: str | None
    reason: str
    note: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    taxes: tuple[RateTax, ...]
    to_invoice: Decimal
    to_balance: Decimal
    to_refund: Decimal
    issued_at: datetime
    lines: tuple[PlannedLine, ...] = ()


class Which(NamedTuple):
    """Which credit notes: of one invoice, the one with that id, those before a position; None for any."""

    invoice: UUID | None = None
    public_id: UUID | None = None
    before: int | None = None


async def list_notes(conn: Connection, team_id: int | None, which: Which, rows: int | None) -> list[CreditNote]:
    """At most `rows` (None: all) credit notes of a team or of all, newest first, without their lines."""
    asked = {
        "team_id": team_id,
        "invoice_id": which.invoice,
        "public_id": which.public_id,
        "before": which.before,
        "rows": rows,
    }
    found = await (await conn.execute(statement("list_credit_notes"), asked)).fetchall()
    return [_note(row) for row in found]


async def get(conn: Connection, public_id: UUID, team_id: int | None) -> CreditNote | None:
    """The credit note with its lines, None where there is none or it is not of `team_id` (None: whosever it is)."""
    found = await list_notes(conn, team_id, Which(public_id=public_id), 1)
    if not found:
        return None
    asked = {"credit_note_id": found[0].id}
    rows = await (await conn.execute(statement("list_credit_note_lines"), asked)).fetchall()
    return found[0]._replace(lines=tuple(map(_line, rows)))


async def of_invoice(conn: Connection, invoice: UUID, team_id: int | None) -> tuple[CreditNote, ...]:
    """The credit notes of an invoice with their lines, the first first."""
    found = await list_notes(conn, team_id, Which(invoice=invoice), None)
    whole = [await get(conn, each.public_id, team_id) for each in reversed(found) if each.public_id is not None]
    return tuple(each for each in whole if each is not None)


async def numbered(conn: Connection, position: int) -> CreditNote | None:
    """The credit note with that number as one, with its lines; None where none has it."""
    found = await list_notes(conn, None, Which(before=position + 1), 1)
    note = found[0] if found else None
    return None if note is None or note.public_id is None else await get(conn, note.public_id, None)


async def is_credited(conn: Connection, invoice: UUID) -> str | None:
    """The number of the last credit note of an invoice, None for none."""
    found = await list_notes(conn, None, Which(invoice=invoice), 1)
    return found[0].number if found else None


async def write(conn: Connection, note: CreditNote) -> CreditNote:
    """Writes a credit note under the next number, in the caller's transaction."""
    row = note._asdict() | {"taxes": _encode(note.taxes).decode(), "now": note.issued_at}
    written = await (await conn.execute(statement("create_credit_note"), row)).fetchall()
    note_id, position, number = written[0]
    parts = {
        "credit_note_id": note_id,
        "invoice_id": note.invoice_id,
        "team_id": note.team_id,
        "lines": _encode(note.lines).decode(),
    }
    for name in ("create_credit_note_lines", "create_credit_note_shares"):
        await conn.execute(statement(name), parts)
    return note._replace(id=note_id, position=position, number=number)


def note_of(invoice: Invoice, plan: Plan, reason: str, note: str, now: datetime) -> CreditNote:
    """A credit note that is not written yet."""
    return CreditNote(
        id=None,
        public_id=None,
        team_id=invoice.team_id,
        team=invoice.team,
        invoice_id=invoice.id,
        invoice=invoice.public_id,
        invoice_number=invoice.number or "",
        position=None,
        number=None,
        reason=reason,
        note=note,
        currency=invoice.currency,
        net=plan.net,
        tax=plan.tax,
        total=plan.total,
        taxes=plan.taxes,
        to_invoice=plan.where.invoice,
        to_balance=plan.where.balance,
        to_refund=plan.where.refund,
        issued_at=now,
        lines=plan.lines,
    )


def _note(row: Sequence[Any]) -> CreditNote:
    note = CreditNote._make((*row, ()))
    return note._replace(taxes=_taxes(row[15]))


def _line(row: Sequence[Any]) -> PlannedLine:
    number, description, net, tax, whole, taxes, members = row
    shares = tuple(Share(member, Decimal(amount)) for member, amount in members or ())
    return PlannedLine(number, description, net, tax, whole, _taxes(taxes), shares)


def _taxes(stored: Sequence[Mapping[str, Any]]) -> tuple[RateTax, ...]:
    return msgspec.convert(stored, tuple[RateTax, ...], strict=False)
