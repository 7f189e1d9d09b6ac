"""What is to be mailed to whom? Queued in the caller's transaction, so it is there exactly when the fact is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from meter.database import Connection
from meter.mail import words
from sql import statement


class Mail(NamedTuple):
    """A row of the outbox, which is its log too. `next_at` is None once nothing more is tried."""

    id: int
    public_id: UUID
    team: UUID
    invoice: UUID
    number: str
    kind: str
    recipient: str
    subject: str
    queued_at: datetime
    state: str
    attempts: int
    next_at: datetime | None
    last_error: str | None
    sent_at: datetime | None
    message_id: str | None


class About(NamedTuple):
    """What a mail is: its kind, and the number of the credit note that it is of."""

    kind: str
    note: str = ""


async def invoice(conn: Connection, invoice_id: int, team_id: int, kind: str, now: datetime) -> int:
    """Queues mail about an invoice that has its number: to the team's owners and to where its bills go.

    `kind` is `invoice`, `receipt` or `overdue_1`, `overdue_2`, …; each address gets one of a kind, however often this
    is called. Answers how many were queued now.
    """
    return await _queue(conn, invoice_id, team_id, About(kind), now)


async def credit_note(conn: Connection, invoice_id: int, team_id: int, note: tuple[int, str], now: datetime) -> int:
    """Queues mail about a credit note, by its number as one and as it is printed; to whom an invoice goes, once."""
    position, number = note
    return await _queue(conn, invoice_id, team_id, About(words.credit_note(position), number), now)


async def again(conn: Connection, invoice_id: int, team_id: int, to: Sequence[str] | None, now: datetime) -> list[Mail]:
    """Queues an invoice because somebody asks for it, sent before or not: to those named, or (None) to the usual."""
    request = uuid7()
    await _queue(conn, invoice_id, team_id, About(words.INVOICE), now, request=request, to=to)
    return await _list(conn, request=request)


async def listed(
    conn: Connection, team_id: int | None, invoice: UUID | None, before: int | None, rows: int
) -> list[Mail]:
    """At most `rows` mails queued before the one named, newest first: of a team or all, of one invoice or any."""
    return await _list(conn, team_id=team_id, invoice=invoice, before=before, rows=rows)


async def _queue(
    conn: Connection,
    invoice_id: int,
    team_id: int,
    about: About,
    now: datetime,
    *,
    request: UUID | None = None,
    to: Sequence[str] | None = None,
) -> int:
    named = await (await conn.execute(statement("find_mail_subject"), {"invoice_id": invoice_id})).fetchone()
    if named is None or named[0] is None:
        raise ValueError("an invoice without a number is not mailed")
    row = {
        "invoice_id": invoice_id,
        "team_id": team_id,
        "kind": about.kind,
        "request": request,
        "recipients": None if to is None else list(to),
        "subject": words.subject(about.kind, named[0], named[1], about.note),
        "now": now,
    }
    return (await conn.execute(statement("queue_mail"), row)).rowcount


async def _list(conn: Connection, **asked: object) -> list[Mail]:
    question = {"team_id": None, "invoice": None, "request": None, "before": None, "rows": None} | asked
    found = await (await conn.execute(statement("list_mail"), question)).fetchall()
    return [Mail._make(row) for row in found]
