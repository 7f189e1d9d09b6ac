"""Grants that come again, in the database: how one does is kept with it, and each renewal booked once, at its time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.ledger.history import Transaction
from meter.ledger.recurring import Terms, following, renew
from meter.ledger.store import Entry, Kind, lock, write
from meter.ledger.wallet import ZERO, Burn, Wallet, taken
from meter.rating.money import exact
from sql import statement

RENEWAL = "renewal"
SLICE = 200
ROUNDS = 100
"""How many renewals of an account one turn makes at most; what was missed before that comes with the next turns."""


class Due(NamedTuple):
    """A renewal that is due: of which grant, when, and how it comes again by the clock of its zone."""

    account_id: int
    grant_id: int
    public_id: UUID
    description: str
    zone: ZoneInfo
    at: datetime
    terms: Terms

    def following(self) -> datetime | None:
        """When the grant is renewed next."""
        return following(self.terms, self.at, self.zone)


class Since(NamedTuple):
    """What was booked of a grant since it should have been renewed, and of debts by meter since its next renewal."""

    of_grant: Decimal
    owed: Mapping[str, Decimal]


async def keep(conn: Connection, grant_id: int, terms: Terms, zone: str) -> None:
    """Keeps how a grant comes again. It goes by the zone's clock for good, wherever its team is later."""
    row = terms._asdict() | {"grant_id": grant_id, "zone": zone}
    row["next_at"] = following(terms, terms.effective_at, ZoneInfo(zone))
    await conn.execute(statement("create_recurrence"), row)


async def stop(conn: Connection, grant_id: int, now: datetime, *, make_due: bool) -> bool:
    """Lets a grant come no more from now on, and answers whether it would have. The caller holds the wallet.

    `make_due`: what was due before now is still booked.
    """
    asked = {"grant_id": grant_id, "now": now, "make_due": make_due}
    ended = await conn.execute(statement("end_recurrence"), asked)
    return await ended.fetchone() is not None


def is_renewal(booked: Transaction) -> bool:
    """Whether a transaction is what a renewal gave, and not what a grant began with."""
    return booked.source.startswith(f"{RENEWAL}:{booked.grant}:")


async def turn(conn: Connection, now: datetime) -> int:
    """Books what is due on all accounts and answers how many renewals that were.

    Each in its turn, the earliest first, some accounts at a time, and each such slice in a transaction of its own.
    """
    made = 0
    for _ in range(ROUNDS):
        after, before = 0, made
        while due := await _due(conn, now, after, None):
            accounts = [each.account_id for each in due]
            made += await _booked(conn, accounts, now)
            after = accounts[-1]
        if made == before:
            break
    return made


async def _due(conn: Connection, now: datetime, after: int, accounts: list[int] | None) -> list[Due]:
    """The first renewal that is due on each account."""
    asked = {"now": now, "after": after, "accounts": accounts, "rows": SLICE}
    rows = await (await conn.execute(statement("list_due_renewals"), asked)).fetchall()
    return [_read(row) for row in rows]


def _read(row: Sequence[Any]) -> Due:
    account_id, grant_id, public_id, description, zone, at, *terms = row
    return Due(account_id, grant_id, public_id, description, ZoneInfo(zone), at, Terms._make(terms))


async def _booked(conn: Connection, accounts: list[int], now: datetime) -> int:
    async with conn.transaction():
        await lock(conn, accounts)
        due = await _due(conn, now, 0, accounts)  # as it is now that nobody else changes it
        before = await lock(conn, accounts, [each.grant_id for each in due])
        later = [each.following() for each in due]
        since = await _since(conn, due, later)
        after, entries = dict(before), list[Entry]()
        for each in due:
            after[each.account_id], made = renewed(before[each.account_id], each, since[each.account_id])
            entries += made
        await write(conn, before, after, entries, now)
        places = {"grants": [each.grant_id for each in due], "next": later}
        await conn.execute(statement("advance_recurrences"), places)
    return len(due)


async def _since(conn: Connection, due: Sequence[Due], later: Sequence[datetime | None]) -> Mapping[int, Since]:
    """What was booked since the renewals, by account."""
    asked = {
        "accounts": [each.account_id for each in due],
        "grants": [each.grant_id for each in due],
        "renewed": [each.at for each in due],
        "next": list(later),
    }
    of_grant: dict[int, Decimal] = {}
    owed: defaultdict[int, dict[str, Decimal]] = defaultdict(dict)
    for account, grant, meter, amount in await (await conn.execute(statement("sum_since_renewals"), asked)).fetchall():
        if grant is None:
            owed[account][meter] = amount
        else:
            of_grant[account] = amount
    return {each.account_id: Since(of_grant.get(each.account_id, ZERO), owed[each.account_id]) for each in due}


@exact()
def renewed(wallet: Wallet, due: Due, since: Since) -> tuple[Wallet, list[Entry]]:
    """A wallet after a renewal, and what is to be booked for that."""
    left = next(lot.left for lot in wallet.lots if lot.id == due.grant_id) - since.of_grant
    # Debts that were paid since, of whatever, need no paying again.
    owed = {meter: amount + min(ZERO, since.owed.get(meter, ZERO)) for meter, amount in wallet.owed.items()}
    after, lost, given = renew(wallet, due.grant_id, due.terms, due.at, left, owed)
    named = f"{due.public_id}:{due.at.isoformat()}"
    said = {"grant": str(due.public_id), "renewal": due.at.isoformat()}

    def entry(kind: Kind, burns: tuple[Burn, ...], source: str) -> Entry:
        return Entry(wallet.account_id, kind, None, -taken(burns), burns, due.at, due.description, said, source)

    parts: tuple[tuple[Kind, tuple[Burn, ...], str], ...] = (
        ("expiry", lost, f"lost:{named}"),
        ("credit_grant", given, f"{RENEWAL}:{named}"),
    )
    return after, [entry(*part) for part in parts if part[1]]
