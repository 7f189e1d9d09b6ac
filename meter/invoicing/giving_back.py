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
from meter.invoicing import held
from meter.invoicing.booking import Named, promoted, undone
from meter.invoicing.promotional import Promotion
from meter.ledger import acts
from meter.ledger.acts import Said
from meter.ledger.store import Account, find, lock, write
from meter.ledger.wallet import Wallet
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

    What was taken comes back first, so that it is there where what was put in is taken. What others of its period gave
    back to grants of what it took does not come back once more.
    """
    last = await (await conn.execute(statement("find_last_adjustment"), {"invoice_id": invoice_id})).fetchone()
    asked = {"team_id": team_id, "sources": Named(public_id, "").sources(last[0] if last else 0)}
    rows = await (await conn.execute(statement("list_invoice_bookings"), asked)).fetchall()
    if not rows:
        return
    found = await (await conn.execute(statement("list_teams_by_id"), {"ids": [team_id]})).fetchall()
    team, named = Team(*found[0]), Named(public_id, "")
    bookings = sorted(map(Booked._make, rows), key=lambda each: each.amount > 0)
    account = (await find(conn, team_id)).get(None)
    if account is not None and await _is_partly_back(conn, invoice_id, named, account, now):
        bookings = [each for each in bookings if not each.source.startswith(named.promotions)]
    for booked in bookings:
        await _reverse(conn, team, booked, now)


async def hold(conn: Connection, team: Team, promotions: Sequence[Promotion]) -> Wallet:
    """The team's wallet with some grants, held until the transaction ends."""
    account = (await find(conn, team.id))[None]
    return (await lock(conn, [account.id], [each.lot for each in promotions]))[account.id]


async def grants_back(
    conn: Connection, before: Wallet, invoice: Named, promotions: Sequence[Promotion], source: str, now: datetime
) -> None:
    """Gives grants of a wallet that is held back what less usage of an invoice needs of them."""
    booking = promoted(before, promotions, invoice, now, source)
    if booking.entry is not None:
        await write(conn, {before.account_id: before}, {before.account_id: booking.wallet}, [booking.entry], now)


async def _is_partly_back(conn: Connection, invoice_id: int, named: Named, account: Account, now: datetime) -> bool:
    """Gives grants back what an invoice holds of them alone; False where that is all that is booked for it."""
    await lock(conn, [account.id])  # who else books for its period holds this, too
    own = [each for each in await held.of_period(conn, invoice_id) if each.own]
    if all(each.given_if_void == each.own for each in own):
        return False
    wallet = (await lock(conn, [account.id], [each.lot for each in own]))[account.id]
    booking = undone(wallet, {each.lot: each.given_if_void for each in own}, named, now)
    if booking.entry is not None:
        await write(conn, {account.id: wallet}, {account.id: booking.wallet}, [booking.entry], now)
    return True


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
