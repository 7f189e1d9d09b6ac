"""Wallets in the database: found, locked, read, and written with what happened to them in one statement.

Whoever changes a wallet holds it from `lock` to the end of the transaction; values are written, not differences. The
statements of LOCKING need no answer in between, so they can go in one pipeline; so can WRITING.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from meter.database import Connection
from meter.ledger.wallet import Burn, Lot, Wallet, facts, holding, taken
from meter.rating.money import exact
from sql import statement

Kind = Literal[
    "credit_purchase", "credit_grant", "usage_deduction", "credit_adjustment", "refund", "expiry", "reversal"
]
Side = Literal["purchases", "usage", "adjustments", "refunds", "expired", "rounding"]
LOCKING = ("lock_wallets", "read_wallets")
"""Names of the statements whose rows `read` makes wallets of, in this order; both take `locking`'s parameters."""
WRITING = "write_ledger"
"""Name of the one statement that writes; it takes {"ledger": written(…)}."""

AGAINST: Mapping[Kind, Side] = {
    "credit_purchase": "purchases",
    "credit_grant": "adjustments",
    "credit_adjustment": "adjustments",
    "usage_deduction": "usage",
    "refund": "refunds",
    "expiry": "expired",
}
"""What stands against the wallet in a transaction of each kind; a reversal stands against what it reverses."""

_encode = msgspec.json.Encoder(decimal_format="string").encode


class Account(NamedTuple):
    """Whose a wallet is (no key: the team's), and how it is kept. See wallet.Wallet for the amounts."""

    id: int
    public_id: UUID
    team_id: int
    key_id: int | None
    key: UUID | None
    unit: str
    credit_price: Decimal | None
    floor: Decimal | None
    low_balance: Decimal | None
    recharge_below: Decimal | None
    recharge_amount: Decimal | None
    version: int
    created_at: datetime


class Entry(NamedTuple):
    """A transaction to be: `amount` as the wallet sees it, which is what the burns come to with the other sign.

    `source` is the fact it comes from, once in an account; `side` what stands against the wallet where the kind does
    not say. `reverses` is the inner id of another transaction.
    """

    account_id: int
    kind: Kind
    meter: str | None
    amount: Decimal
    burns: tuple[Burn, ...]
    at: datetime
    description: str
    metadata: Mapping[str, Any]
    source: str
    reverses: int | None = None
    side: Side | None = None
    public_id: UUID | None = None


async def find(conn: Connection, team_id: int) -> dict[int | None, Account]:
    """The accounts of a team by the key they are of; None is the team's own."""
    rows = await (await conn.execute(statement("list_accounts"), {"team_id": team_id})).fetchall()
    return {account.key_id: account for account in map(Account._make, rows)}


def locking(account_ids: Iterable[int], grant_ids: Iterable[int] = ()) -> dict[str, list[int]]:
    """The parameters of LOCKING: which accounts, and which of their grants beside those where anything is left."""
    return {"accounts": sorted(account_ids), "grants": sorted(grant_ids)}


async def lock(conn: Connection, account_ids: Iterable[int], grant_ids: Iterable[int] = ()) -> dict[int, Wallet]:
    """The wallets of some accounts, held until the transaction ends; accounts that do not exist are left out."""
    asked = locking(account_ids, grant_ids)
    standing, lots = [await (await conn.execute(statement(name), asked)).fetchall() for name in LOCKING]
    return read(standing, lots)


async def look(conn: Connection, account_id: int) -> Wallet:
    """A wallet as it stands, without holding it. Raises KeyError where there is none."""
    asked = locking([account_id])
    standing = await (await conn.execute(statement("find_standing"), {"account_id": account_id})).fetchall()
    lots = await (await conn.execute(statement("read_wallets"), asked)).fetchall()
    return read(standing, lots)[account_id]


def read(standing: Iterable[Sequence[Any]], lots: Iterable[Sequence[Any]]) -> dict[int, Wallet]:
    """The wallets that the rows of LOCKING tell of, by account."""
    terms: dict[int, Sequence[Any]] = {}
    found: dict[int, list[Lot]] = defaultdict(list)
    for row in lots:
        terms[row[0]] = row
        if row[7] is not None:
            lot_id, priority, effective_at, ends_at, meters, left, reserved = row[7:]
            found[row[0]].append(Lot(lot_id, priority, effective_at, ends_at, frozenset(meters), left, reserved))
    return {row[0]: _wallet(row, terms[row[0]], tuple(found[row[0]])) for row in standing if row[0] in terms}


def _wallet(standing: Sequence[Any], terms: Sequence[Any], lots: tuple[Lot, ...]) -> Wallet:
    account_id, balance, reserved, spent, owed, told = standing
    _, unit, credit_price, floor, low_balance, recharge_below, recharge_amount = terms[:7]
    return Wallet(
        account_id=account_id,
        unit=unit,
        credit_price=credit_price,
        floor=floor,
        balance=balance,
        reserved=reserved,
        owed={meter: Decimal(amount) for meter, amount in owed.items()},
        lots=lots,
        spent=spent,
        low_balance=low_balance,
        recharge_below=recharge_below,
        recharge_amount=recharge_amount,
        told=frozenset(told),
    )


async def write(
    conn: Connection, before: Mapping[int, Wallet], after: Mapping[int, Wallet], entries: Sequence[Entry], now: datetime
) -> None:
    """Writes down entries, and the wallets after them. Raises UniqueViolation where a source was booked before."""
    await conn.execute(statement(WRITING), {"ledger": written(before, after, entries, now)})


@exact()
def written(before: Mapping[int, Wallet], after: Mapping[int, Wallet], entries: Sequence[Entry], now: datetime) -> str:
    """What WRITING takes: entries in their order, the wallets that changed, and what is to be told of them.

    Raises ValueError for an entry whose burns don't come to its amount.
    """
    balances = {account_id: wallet.balance for account_id, wallet in before.items()}
    transactions, postings = [], []
    for number, entry in enumerate(entries):
        if entry.amount != -taken(entry.burns):
            raise ValueError(f"{entry.source}: the burns don't come to {entry.amount}")
        public_id = entry.public_id or uuid7()
        balances[entry.account_id] += entry.amount
        transactions.append(_transaction(number, public_id, entry, balances[entry.account_id], now))
        postings += _postings(public_id, entry)
    changed = {key: wallet for key, wallet in after.items() if wallet != before[key]}
    ledger = {
        "transactions": transactions,
        "postings": postings,
        "standings": [_standing(wallet, now) for wallet in changed.values()],
        "lots": [lot for key, wallet in changed.items() for lot in _lots(before[key], wallet)],
        "facts": [
            {"account_id": key, "at": now, **fact._asdict()}
            for key, wallet in changed.items()
            for fact in facts(before[key], wallet, now)
        ],
    }
    return _encode(ledger).decode()


def _transaction(number: int, public_id: UUID, entry: Entry, balance: Decimal, now: datetime) -> dict[str, Any]:
    return {
        "number": number,
        "public_id": public_id,
        "account_id": entry.account_id,
        "kind": entry.kind,
        "amount": entry.amount,
        "balance_after": balance,
        "at": entry.at,
        "recorded_at": now,
        "description": entry.description,
        "metadata": dict(entry.metadata),
        "meter": entry.meter,
        "source": entry.source,
        "reverses": entry.reverses,
    }


def _postings(public_id: UUID, entry: Entry) -> list[dict[str, Any]]:
    """Both sides of an entry; together they come to nothing."""
    side = entry.side or AGAINST[entry.kind]
    sides = [("customer", burn.lot_id, burn.meter, -burn.amount) for burn in entry.burns if burn.amount]
    if entry.amount:
        sides.append((side, None, entry.meter or "", -entry.amount))
    return [
        {"transaction": public_id, "position": at, "side": name, "grant_id": lot, "meter": meter, "amount": amount}
        for at, (name, lot, meter, amount) in enumerate(sides)
    ]


def _standing(wallet: Wallet, now: datetime) -> dict[str, Any]:
    return {
        "account_id": wallet.account_id,
        "balance": wallet.balance,
        "reserved": wallet.reserved,
        "spent": wallet.spent,
        "owed": dict(wallet.owed),
        "told": sorted(fact.kind for fact in holding(wallet, now)),
    }


def _lots(before: Wallet, after: Wallet) -> list[dict[str, Any]]:
    were = {lot.id: lot for lot in before.lots}
    return [
        {"grant_id": lot.id, "remaining": lot.left, "reserved": lot.reserved}
        for lot in after.lots
        if lot != were.get(lot.id)
    ]
