"""What of an invoice is paid already, by credits or by what a credit note takes back, and what is still to pay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from meter.database import Connection
from meter.rating.money import exact
from sql import statement

Kind = Literal["charged", "credits", "credit_note", "carried"]


class Settlement(NamedTuple):
    """An amount in the invoice's currency that need not be paid any more; below zero where it was `carried`.

    `source` is the ledger transaction or the credit note behind it.
    """

    kind: Kind
    amount: Decimal
    description: str
    source: UUID
    at: datetime


class Expected(msgspec.Struct, frozen=True):
    """What would be settled of a draft if it became final now, in its currency; see Settlement."""

    kind: Kind
    amount: Decimal


async def read(conn: Connection, invoice_id: int) -> tuple[Settlement, ...]:
    """What of an invoice was settled, in the order in which it was."""
    rows = await (await conn.execute(statement("list_invoice_settlements"), {"invoice_id": invoice_id})).fetchall()
    return tuple(map(Settlement._make, rows))


async def add(conn: Connection, invoice_id: int, settlement: Settlement) -> None:
    """Settles a part of an invoice, in the caller's transaction, which holds the invoice; once per kind and source."""
    row = settlement._asdict() | {"invoice_id": invoice_id, "now": settlement.at}
    await conn.execute(statement("settle_invoice"), row)


@exact()
def to_pay(total: Decimal, settlements: Iterable[Settlement]) -> Decimal:
    """What is left to pay of a total."""
    return left(total, sum((each.amount for each in settlements), total * 0))


@exact()
def left(total: Decimal, settled: Decimal) -> Decimal:
    """What is left to pay of a total of which so much is settled."""
    return total - settled
