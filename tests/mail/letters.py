"""What tests of sending need: mail that waits, how it is sent, and a letter made without a PDF."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from meter.database import Connection, Pool
from meter.invoices import Invoice
from meter.mail import outbox
from meter.mail.letter import Compose, Letter
from meter.mail.outbox import Mail
from meter.mail.server import Sender, Server
from meter.mail.turn import Post, turn
from tests.billing.house import NOW, House

SENDER = Sender("", "billing@seller.example")
LATER = timedelta(minutes=2)


async def short(_: Connection, invoice: Invoice, kind: str) -> Letter:
    """Answer a letter at once."""
    return Letter(f"{kind} {invoice.number}\n", f"<p>{kind} {invoice.number}</p>", b"%PDF-", f"{invoice.number}.pdf")


def post(server: Server, compose: Compose = short, **changed: Any) -> Post:
    """Answer how mail is sent."""
    return Post(server, SENDER, None, (1, 7, 14), compose)._replace(**changed)


async def invoiced(house: House) -> Invoice:
    """Answer the team's invoice of October, of 15.00, without any mail that waits."""
    await house.used("tokens.input", "1000000", "alice")
    made = await house.invoice()
    async with house.pool.connection() as conn:
        await conn.execute("delete from mail")
    return made


async def mailed(house: House, kind: str = "invoice") -> Invoice:
    """Answer the team's invoice, with mail about it waiting."""
    invoice = await invoiced(house)
    async with house.pool.connection() as conn:
        await outbox.invoice(conn, invoice.id, house.team.id, kind, NOW)
    return invoice


async def log(pool: Pool) -> list[Mail]:
    """Answer all mail there is, oldest first."""
    async with pool.connection() as conn:
        return (await outbox.listed(conn, None, None, None, 2000))[::-1]


async def sent(pool: Pool, how: Post | None, now: datetime = NOW) -> str | None:
    """Take a turn."""
    async with pool.connection() as conn:
        return await turn(conn, how, now)


async def one(conn: Connection, question: str, *values: object) -> Any:
    """Answer the one value of a query."""
    row = await (await conn.execute(question.encode(), values)).fetchone()
    assert row is not None
    return row[0]
