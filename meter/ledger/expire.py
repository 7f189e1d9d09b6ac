"""Takes what is left of grants that have ended, and pays what is owed of grants that came free or into effect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from meter.database import Connection
from meter.ledger.store import Entry, Kind, lock, write
from meter.ledger.wallet import Burn, Lot, Wallet, end, repay, taken
from meter.rating.money import exact
from sql import statement

SLICE = 200


class Done(NamedTuple):
    """How many grants ended, and how many accounts had debts paid."""

    ended: int
    repaid: int


async def turn(conn: Connection, now: datetime) -> Done:
    """Books what is due on all accounts, some at a time, each slice in a transaction of its own."""
    after, ended, repaid = 0, 0, 0
    while True:
        asked = {"now": now, "after": after, "rows": SLICE}
        due = [row[0] for row in await (await conn.execute(statement("list_due_accounts"), asked)).fetchall()]
        if not due:
            return Done(ended, repaid)
        entries = await _booked(conn, due, now)
        ended += sum(entry.kind == "expiry" for entry in entries)
        repaid += sum(entry.kind == "credit_adjustment" for entry in entries)
        after = due[-1]


async def _booked(conn: Connection, accounts: list[int], now: datetime) -> list[Entry]:
    async with conn.transaction():
        before = await lock(conn, accounts)
        after: dict[int, Wallet] = {}
        entries: list[Entry] = []
        for account_id, wallet in before.items():
            after[account_id], due = settled(wallet, now)
            entries += due
        await write(conn, before, after, entries, now)
    return entries


@exact()
def settled(wallet: Wallet, now: datetime) -> tuple[Wallet, list[Entry]]:
    """A wallet after what is due on it, and what is to be booked for that."""
    entries: list[Entry] = []

    def book(kind: Kind, burns: tuple[Burn, ...], at: datetime, words: str, source: str) -> None:
        entries.append(Entry(wallet.account_id, kind, None, -taken(burns), burns, at, words, {}, source))

    for lot in _ended(wallet, now):
        wallet, burns = end(wallet, lot.id)
        book("expiry", burns, lot.expires_at or now, "", f"expiry:{lot.id}:{now.isoformat()}")
    wallet, paid = repay(wallet, now)
    if paid:
        book("credit_adjustment", paid, now, "what was owed, paid of a grant", f"repay:{now.isoformat()}")
    return wallet, entries


def _ended(wallet: Wallet, now: datetime) -> Iterator[Lot]:
    """The lots that have ended and have something that is not reserved, the first to end first."""
    found = [lot for lot in wallet.lots if lot.expires_at is not None and lot.expires_at <= now]
    found.sort(key=lambda lot: (lot.expires_at or now, lot.id))
    return (lot for lot in found if lot.left > lot.reserved)
