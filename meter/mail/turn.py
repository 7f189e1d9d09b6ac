"""Sends what is due, one mail after the other.

Each is taken for a while first and marked afterwards: no transaction is open while the server is spoken to, and a
worker that dies in between costs one mail that is sent again, under the same id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from meter import invoices
from meter.database import Connection
from meter.invoices import Invoice
from meter.mail import outbox, pauses, words
from meter.mail.letter import CantBeWrittenError, Compose, Envelope, body, head, wire_address
from meter.mail.server import Sender, Server, sender_of, server_of
from meter.mail.smtp import AwayError, LaterError, RefusedError, Session
from meter.settings import Settings
from sql import statement

_log = logging.getLogger(__name__)

TURN_S = 120.0  # no mail is begun after it
MAIL_S = 180.0  # no mail takes longer, its PDF included
LEASE = timedelta(minutes=10)  # longer than both, or one mail might be sent by two
MOST_OVERDUE = 500
NO_SERVER = "no mail server is set (METER_SMTP_URL)"
SENT: Final = "sent"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"


class Post(NamedTuple):
    """How mail is sent: through which server, from whom, who is answered, and who writes it.

    `overdue_days`: how many days after an invoice was due each reminder goes out.
    """

    server: Server
    sender: Sender
    reply_to: str | None
    overdue_days: tuple[int, ...]
    compose: Compose


def post_of(settings: Settings, write: Callable[[Settings], Compose]) -> Post | None:
    """How mail is sent by these settings, None for not at all; `write` makes what writes it."""
    if settings.smtp_url is None or settings.mail_from is None or settings.public_url is None:
        return None
    return Post(
        server_of(settings.smtp_url),
        sender_of(settings.mail_from),
        settings.seller_email,
        settings.overdue_days,
        write(settings),
    )


class Taken(NamedTuple):
    """A mail that is ours to send until its lease ends. `asked`: somebody wants it, whatever the invoice's status."""

    id: int
    attempts: int
    kind: str
    asked: bool
    recipient: str
    subject: str
    queued_at: datetime
    message_id: str
    invoice: UUID
    status: str


class _Written(NamedTuple):
    """The letter written last: mails of an invoice follow each other, and its PDF takes a second."""

    about: tuple[UUID, str]
    invoice: Invoice
    body: bytes


async def turn(conn: Connection, post: Post | None, now: datetime) -> str | None:
    """Queues reminders that are due, and sends what waits, until nothing does or time is up; None when nothing was.

    Without a `post` nothing is sent, now or later, and the log says so. Raises AwayError where the server can't be
    used; what was not sent is tried again.
    """
    if post is None:
        skipped = (await conn.execute(statement("skip_all_mail"), {"error": NO_SERVER, "now": now})).rowcount
        return f"{skipped} mails not sent: {NO_SERVER}" if skipped else None
    await remind(conn, post.overdue_days, now)
    counts = {SENT: 0, FAILED: 0, SKIPPED: 0, "postponed": 0}
    async with Session(post.server) as session:
        sending = _Sending(conn, post, session, now)
        while monotonic() - sending.began < TURN_S:
            taken = await sending.take()
            if taken is None:
                break
            counts[await sending.send(taken)] += 1
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return f"mails: {said}" if said else None


async def remind(conn: Connection, days: tuple[int, ...], now: datetime) -> int:
    """Queues a reminder for each open invoice that is due so many days ago: once per step, the last that is over.

    Who was never sent the invoice is not told that it is overdue. Answers how many were queued.
    """
    if not days:
        return 0
    asked = {"steps": list(days), "now": now, "most": MOST_OVERDUE}
    queued = 0
    for invoice_id, team_id, step in await (await conn.execute(statement("list_overdue_invoices"), asked)).fetchall():
        async with conn.transaction():
            queued += await outbox.invoice(conn, invoice_id, team_id, words.overdue(step), now)
    return queued


class _Sending:
    """A turn under way."""

    def __init__(self, conn: Connection, post: Post, session: Session, now: datetime) -> None:
        self.began = monotonic()
        self._conn = conn
        self._post = post
        self._session = session
        self._now = now
        self._written: _Written | None = None

    @property
    def _at(self) -> datetime:
        return self._now + timedelta(seconds=monotonic() - self.began)

    async def take(self) -> Taken | None:
        asked = {"now": self._now, "until": self._at + LEASE, "domain": self._post.sender.domain}
        row = await (await self._conn.execute(statement("take_mail"), asked)).fetchone()
        return None if row is None else Taken._make(row)

    async def send(self, taken: Taken) -> str:
        """Sends it, and says what became of it. Raises AwayError; it is tried again all the same."""
        unwanted = _unwanted(taken)
        if unwanted is not None:
            return await self._close(taken, SKIPPED, unwanted)
        try:
            async with asyncio.timeout(MAIL_S):
                await self._deliver(taken)
        except (RefusedError, CantBeWrittenError) as error:
            return await self._close(taken, FAILED, str(error))
        except AwayError as error:
            await self._postpone(taken, str(error))
            raise
        except LaterError as error:
            return await self._postpone(taken, str(error))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with this one, the others go on
            _log.exception("mail %s could not be written", taken.message_id)
            return await self._postpone(taken, f"it could not be written ({type(error).__name__})")
        return await self._close(taken, SENT, None)

    async def _deliver(self, taken: Taken) -> None:
        recipient = wire_address(taken.recipient)
        invoice, letter = await self._letter(taken)
        sender = self._post.sender if self._post.sender.name else self._post.sender._replace(name=invoice.seller.name)
        envelope = Envelope(recipient, taken.subject, taken.message_id)
        before = head(envelope, sender, self._post.reply_to, self._at)
        await self._session.send(sender.address, recipient, before + letter)

    async def _letter(self, taken: Taken) -> tuple[Invoice, bytes]:
        about = (taken.invoice, taken.kind)
        if self._written is None or self._written.about != about:
            invoice = await invoices.get(self._conn, taken.invoice, None)
            if invoice is None:
                raise LookupError("the invoice is gone")
            letter = await self._post.compose(self._conn, invoice, taken.kind)
            self._written = _Written(about, invoice, body(letter))
        return self._written.invoice, self._written.body

    async def _postpone(self, taken: Taken, error: str) -> str:
        next_at = pauses.next_attempt(taken.attempts, taken.queued_at, self._at)
        if next_at is None:
            return await self._close(taken, FAILED, f"given up: {error}")
        row = {"id": taken.id, "attempts": taken.attempts, "next_at": next_at, "error": error}
        await self._conn.execute(statement("postpone_mail"), row)
        return "postponed"

    async def _close(self, taken: Taken, state: str, error: str | None) -> str:
        sent_at = self._at if state == SENT else None
        row = {"id": taken.id, "attempts": taken.attempts, "state": state, "error": error, "sent_at": sent_at}
        await self._conn.execute(statement("close_mail"), row)
        return state


def _unwanted(taken: Taken) -> str | None:
    """Why a mail is not sent any more, None where it is: nobody is reminded of what is paid meanwhile."""
    if taken.asked:
        return None
    if taken.status == "void" or (taken.kind.startswith(words.OVERDUE) and taken.status != "open"):
        return f"the invoice is {taken.status}"
    return None
