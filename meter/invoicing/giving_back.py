"""A void invoice gives an account back what that paid of it, and takes what was carried: each once, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from meter.audit import Actor
from meter.database import Connection
from meter.errors import CreditsRefused
from meter.invoicing.booking import Named, promoted
from meter.invoicing.promotional import Promotion
from meter.ledger import acts
from meter.ledger.acts import Said
from meter.ledger.store import find, lock, write
from meter.model import Team
from sql import statement


class Booked(NamedTuple):
    """A transaction for an invoice that stands: on whose account (None: the team's own), and what it did to it."""

    public_id: UUID
    key_id: int | None
    kind: str
    amount: Decimal
    source: str


async def is_paid_from_account(conn: Connection, invoice_id: int) -> bool:
    """Whether nobody paid anything of an invoice but the team's account."""
    row = await (await conn.execute(statement("is_paid_from_account"), {"invoice_id": invoice_id})).fetchone()
    return bool(row and row[0])


async def give_back(conn: Connection, invoice_id: int, public_id: UUID, team_id: int, now: datetime) -> None:
    """Reverses what is booked for an invoice, in the transaction that holds it and makes it void.

    What was taken comes back first, so that it is there where what was put in is taken.
    """
    last = await (await conn.execute(statement("find_last_adjustment"), {"invoice_id": invoice_id})).fetchone()
    asked = {"team_id": team_id, "sources": Named(public_id, "").sources(last[0] if last else 0)}
    rows = await (await conn.execute(statement("list_invoice_bookings"), asked)).fetchall()
    if not rows:
        return
    found = await (await conn.execute(statement("list_teams_by_id"), {"ids": [team_id]})).fetchall()
    for booked in sorted(map(Booked._make, rows), key=lambda each: each.amount > 0):
        await _reverse(conn, Team(*found[0]), booked, now)


async def grants_back(
    conn: Connection, team: Team, invoice: Named, promotions: Sequence[Promotion], source: str, now: datetime
) -> None:
    """Gives grants back what less usage of an invoice needs of them, in the caller's transaction."""
    account = (await find(conn, team.id))[None]
    before = (await lock(conn, [account.id], [each.lot for each in promotions]))[account.id]
    booking = promoted(before, promotions, invoice, now, source)
    if booking.entry is not None:
        await write(conn, {account.id: before}, {account.id: booking.wallet}, [booking.entry], now)


async def _reverse(conn: Connection, team: Team, booked: Booked, now: datetime) -> None:
    """What was put in may be used by now: then it is taken of what else there is, or owed."""
    account, actor = (await find(conn, team.id))[booked.key_id], Actor("system", now)
    said = Said("The invoice is void", {}, f"{booked.source}/void")
    try:
        await acts.reverse(conn, team, account, booked.public_id, said, actor)
    except CreditsRefused:
        if booked.amount <= 0:
            raise
        await acts.take_out(conn, team, account, booked.amount, said, actor)
