"""What was booked on an account, and what was granted to it: rows of the ledger, as they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from meter.database import Connection
from meter.ledger.recurring import Every
from meter.ledger.store import Kind
from meter.ledger.wallet import Burn
from sql import statement


class Transaction(NamedTuple):
    """What was booked once; see the table ledger_transaction. `grant_id` is the grant it is about, or took first.

    Whose the usage was is told where it was asked for beforehand.
    """

    id: int
    public_id: UUID
    account_id: int
    kind: Kind
    amount: Decimal
    balance_after: Decimal
    at: datetime
    recorded_at: datetime
    description: str
    metadata: dict[str, Any]
    meter: str | None
    source: str
    reverses: UUID | None
    reversed_by: UUID | None
    grant_id: int | None
    grant: UUID | None
    service: str | None
    member: str | None
    key: UUID | None


class Recurrence(NamedTuple):
    """How a grant comes again; see the table grant_recurrence."""

    every: Every
    times: int
    zone: str
    anchor: datetime
    amount: Decimal
    keep_least: Decimal
    keep_most: Decimal | None
    next_at: datetime | None
    ended_at: datetime | None


class Grant(NamedTuple):
    """What was put in once or comes again, and what is left of it; see the table credit_grant."""

    id: int
    public_id: UUID
    account_id: int
    kind: Kind
    priority: int
    amount: Decimal
    paid: Decimal | None
    effective_at: datetime
    expires_at: datetime | None
    meters: list[str]
    description: str
    created_at: datetime
    voided_at: datetime | None
    remaining: Decimal
    reserved: Decimal
    recurrence: Recurrence | None = None


class Wanted(NamedTuple):
    """Which transactions are asked for: kinds (none: all), in [since, until), booked before a position."""

    kinds: tuple[Kind, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    public_id: UUID | None = None
    source: str | None = None


async def transactions(conn: Connection, account_id: int, wanted: Wanted, rows: int) -> list[Transaction]:
    """At most `rows` transactions of an account, the last booked first."""
    asked = wanted._asdict() | {"account_id": account_id, "kinds": list(wanted.kinds) or None, "rows": rows}
    found = await (await conn.execute(statement("list_ledger_transactions"), asked)).fetchall()
    return [Transaction._make(row) for row in found]


async def grants(
    conn: Connection, account_id: int, rows: int, *, public_id: UUID | None = None, before: int | None = None
) -> list[Grant]:
    """At most `rows` grants of an account, the last given first; one alone where it is named."""
    return await _grants(conn, {"account_id": account_id, "public_id": public_id, "before": before, "rows": rows})


async def standing_grants(conn: Connection, account_id: int, rows: int | None) -> list[Grant]:
    """At most `rows` (None: all) of the grants where anything is left or reserved, or that come again."""
    return await _grants(conn, {"account_id": account_id, "standing": True, "rows": rows})


async def _grants(conn: Connection, wanted: dict[str, object]) -> list[Grant]:
    asked = {"public_id": None, "before": None, "standing": False} | wanted
    found = await (await conn.execute(statement("list_grants"), asked)).fetchall()
    return [_grant(row) for row in found]


def _grant(row: Sequence[Any]) -> Grant:
    last = len(Grant._fields) - 1
    return Grant._make([*row[:last], Recurrence._make(row[last:]) if row[last] else None])


async def burns(conn: Connection, transaction_id: int) -> tuple[str, Sequence[Burn]]:
    """What a transaction took of grants and left owed, and what stands against it (empty: nothing)."""
    rows = await (await conn.execute(statement("list_postings"), {"transaction_id": transaction_id})).fetchall()
    against = next((side for side, *_ in rows if side != "customer"), "")
    return against, [Burn(lot, amount.copy_negate(), meter) for side, lot, meter, amount in rows if side == "customer"]


async def balance_at(conn: Connection, account_id: int, at: datetime) -> Decimal:
    """What was booked until an instant, itself included."""
    asked = {"account_id": account_id, "at": at}
    row = await (await conn.execute(statement("sum_transactions"), asked)).fetchone()
    return Decimal(row[0]) if row else Decimal(0)
