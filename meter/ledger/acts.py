"""What is done to accounts on purpose: credits put in, taken, refunded, voided, and bookings reversed. Each is audited.

Every act is one transaction of the caller's, holds the wallet first, and happens once for its `source`, which is the
fact behind it (a payment, a ticket); said again with the same amount it answers what was booked then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from meter import audit
from meter.audit import Actor
from meter.database import Connection
from meter.errors import CreditsRefused, NotFound
from meter.ledger import history, recurring, renewing
from meter.ledger.history import Grant, Transaction, Wanted
from meter.ledger.store import Account, Entry, Kind, Side, lock, write
from meter.ledger.wallet import Burn, Lot, Wallet, add, charge, end, take, taken
from meter.model import Team
from meter.rating.money import exact, quotient, round_money
from sql import statement

PutKind = Literal["credit_purchase", "credit_grant", "credit_adjustment"]
PRIORITY = 100
LASTING: tuple[Kind, ...] = ("expiry", "reversal")
"""Kinds that are not reversed: a grant that has ended would end again, and a reversal is undone by booking anew."""


class Said(NamedTuple):
    """What goes along with a booking: words for people, data for programs, the fact it comes from (None: itself)."""

    description: str = ""
    metadata: Mapping[str, Any] = {}
    source: str | None = None


class Deposit(NamedTuple):
    """Credits to put in. `paid` is money; no meters: good for all; without `effective_at` from now on.

    `recurrence` says how they come again, by the clock of the team's zone; from the same instants on as the rest says.
    """

    kind: PutKind
    amount: Decimal
    paid: Decimal | None = None
    priority: int = PRIORITY
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    meters: tuple[str, ...] = ()
    recurrence: recurring.Terms | None = None


class Made(NamedTuple):
    """What was booked, and whether that was before: its source came again."""

    transaction: Transaction
    again: bool = False


async def put_in(conn: Connection, team: Team, account: Account, deposit: Deposit, said: Said, actor: Actor) -> Made:
    """Puts credits in, and pays of them what is owed. Raises CreditsRefused where the source stands for another act."""
    wallet = await _held(conn, account)
    known = await _known(conn, account, said.source, deposit.kind, deposit.amount)
    if known:
        return known
    public_id, starts = uuid7(), deposit.effective_at or actor.at
    row = deposit._asdict() | {"effective_at": starts, "meters": list(deposit.meters), "public_id": public_id}
    row |= {"account_id": account.id, "description": said.description, "now": actor.at}
    found = await (await conn.execute(statement("create_grant"), row)).fetchone()
    lot_id: int = found[0] if found else 0
    if deposit.recurrence is not None:
        await renewing.keep(conn, lot_id, deposit.recurrence, team.timezone)
    lot = Lot(lot_id, deposit.priority, starts, deposit.expires_at, frozenset(deposit.meters), deposit.amount)
    after, burns = add(wallet, lot, actor.at)
    empty = wallet._replace(lots=(*wallet.lots, lot._replace(left=Decimal(0))))
    metadata = dict(said.metadata) | ({} if deposit.paid is None else {"paid": str(deposit.paid)})
    entry = _entry(account, deposit.kind, burns, starts, said._replace(metadata=metadata))
    return await _booked(conn, team, empty, after, entry, actor)


async def take_out(conn: Connection, team: Team, account: Account, amount: Decimal, said: Said, actor: Actor) -> Made:
    """Takes an amount by an adjustment, of all grants in their order; what they lack is owed."""
    wallet = await _held(conn, account)
    known = await _known(conn, account, said.source, "credit_adjustment", amount.copy_negate())
    if known:
        return known
    after, burns = charge(wallet, amount, actor.at)
    return await _booked(conn, team, wallet, after, _entry(account, "credit_adjustment", burns, actor.at, said), actor)


async def refund(
    conn: Connection, team: Team, account: Account, purchase: UUID, amount: Decimal | None, said: Said, actor: Actor
) -> Made:
    """Takes back of a purchase what is left of its grant, or an amount of it; the metadata say how much money that is.

    Raises NotFound, and CreditsRefused where it is no purchase, or less is left.
    """
    bought = await _transaction(conn, account, purchase)
    if bought.kind != "credit_purchase" or bought.grant_id is None:
        raise CreditsRefused("only a purchase is refunded; reverse or void what was given", reason="no_purchase")
    wallet = await _held(conn, account, bought.grant_id)
    known = await _known(conn, account, said.source, "refund", None if amount is None else amount.copy_negate())
    if known:
        return known
    after, burns = end(wallet, bought.grant_id, amount)
    back = taken(burns)
    if not back or (amount is not None and back < amount):
        raise CreditsRefused(f"{back} of this purchase are neither used nor reserved", reason="not_left")
    money = await _money_back(conn, account, team, bought, back)
    metadata = {**said.metadata, "purchase": str(purchase)} | ({} if money is None else {"money": str(money)})
    entry = _entry(account, "refund", burns, actor.at, said._replace(metadata=metadata))
    return await _booked(conn, team, wallet, after, entry, actor)


async def _money_back(
    conn: Connection, account: Account, team: Team, bought: Transaction, back: Decimal
) -> Decimal | None:
    """What was paid for a part of a purchase: rounded so that the parts of the whole add up to the whole."""
    [grant] = await history.grants(conn, account.id, 1, public_id=bought.grant)
    row = await (await conn.execute(statement("sum_refunds"), {"grant_id": grant.id})).fetchone()
    if grant.paid is None:
        return None
    currency = team.currency if account.credit_price is not None else account.unit
    return _part_paid(grant, Decimal(row[0] if row else 0), back, currency)


@exact()
def _part_paid(grant: Grant, before: Decimal, back: Decimal, currency: str) -> Decimal:
    paid = grant.paid or Decimal(0)
    until = round_money(quotient(paid * (before + back), grant.amount), currency)
    return until - round_money(quotient(paid * before, grant.amount), currency)


async def void(conn: Connection, team: Team, account: Account, grant: UUID, said: Said, actor: Actor) -> Made | None:
    """Ends a grant now; what is reserved of it may still be used. None where there is nothing to take.

    Raises NotFound, and CreditsRefused where it is voided already.
    """
    await _held(conn, account)
    found = await history.grants(conn, account.id, 1, public_id=grant)
    if not found:
        raise NotFound("this account has no such grant")
    if found[0].voided_at is not None:
        raise CreditsRefused("it needs no second time", reason="voided")
    wallet = await _held(conn, account, found[0].id)
    await conn.execute(statement("void_grant"), {"grant_id": found[0].id, "now": actor.at})
    await renewing.stop(conn, found[0].id, actor.at, make_due=False)
    await audit.record(conn, actor, "credits.void", audit.of(team, "grant", grant), None, {"reason": said.description})
    after, burns = end(wallet, found[0].id)
    if not burns:
        return None
    metadata = {**said.metadata, "grant": str(grant), "voided": True}
    entry = _entry(account, "expiry", burns, actor.at, said._replace(metadata=metadata))
    return await _booked(conn, team, wallet, after, entry, actor)


async def stop(conn: Connection, team: Team, account: Account, grant: UUID, said: Said, actor: Actor) -> Grant:
    """Lets a grant come no more; what is there of it stays. Answers the grant then.

    Raises NotFound, and CreditsRefused where it does not come again.
    """
    await _held(conn, account)
    found = await history.grants(conn, account.id, 1, public_id=grant)
    if not found:
        raise NotFound("this account has no such grant")
    if not await renewing.stop(conn, found[0].id, actor.at, make_due=True):
        raise CreditsRefused("it is not renewed, or never again", reason="not_recurring")
    await audit.record(conn, actor, "credits.stop", audit.of(team, "grant", grant), None, {"reason": said.description})
    return (await history.grants(conn, account.id, 1, public_id=grant))[0]


async def reverse(conn: Connection, team: Team, account: Account, transaction: UUID, said: Said, actor: Actor) -> Made:
    """Books the exact mirror of a transaction, once. A grant whose first credits are taken back comes no more.

    Raises NotFound, and CreditsRefused where it was reversed before, can't be, or what it gave is used.
    """
    await _held(conn, account)
    old = await _transaction(conn, account, transaction)
    if old.kind in LASTING:
        raise CreditsRefused("grant credits anew instead", reason="not_reversible")
    if old.reversed_by is not None:
        raise CreditsRefused(f"transaction {old.reversed_by} did it", reason="reversed")
    side, old_burns = await history.burns(conn, old.id)
    wallet = await _held(conn, account, *(burn.lot_id for burn in old_burns if burn.lot_id is not None))
    burns = tuple(burn._replace(amount=burn.amount.copy_negate()) for burn in old_burns)
    after = _mirrored(wallet, burns, old if side == "usage" else None)
    if any(lot.left < lot.reserved for lot in after.lots):
        raise CreditsRefused("something of it is used or reserved; void or refund what is left", reason="used")
    if old.kind == "credit_grant" and old.grant_id is not None and not renewing.is_renewal(old):
        await renewing.stop(conn, old.grant_id, actor.at, make_due=False)
    metadata = {**said.metadata, "reverses": str(transaction)}
    entry = _entry(account, "reversal", burns, actor.at, said._replace(metadata=metadata), against(side), old)
    return await _booked(conn, team, wallet, after, entry, actor)


def against(side: str) -> Side | None:
    """A side of the ledger by its name, None for no other than the wallet's own."""
    known: tuple[Side, ...] = ("purchases", "usage", "adjustments", "refunds", "expired", "rounding")
    return next((each for each in known if each == side), None)


@exact()
def _mirrored(wallet: Wallet, burns: tuple[Burn, ...], used: Transaction | None) -> Wallet:
    after = take(wallet, burns)
    return after if used is None else after._replace(spent=after.spent + used.amount)


async def _held(conn: Connection, account: Account, *grants: int) -> Wallet:
    return (await lock(conn, [account.id], grants))[account.id]


async def _transaction(conn: Connection, account: Account, public_id: UUID) -> Transaction:
    found = await history.transactions(conn, account.id, Wanted(public_id=public_id), 1)
    if not found:
        raise NotFound("this account has no such transaction")
    return found[0]


async def _known(
    conn: Connection, account: Account, source: str | None, kind: Kind, amount: Decimal | None
) -> Made | None:
    """What was booked for this source before. Raises CreditsRefused where that was something else."""
    if source is None:
        return None
    found = await history.transactions(conn, account.id, Wanted(source=source), 1)
    if not found:
        return None
    if found[0].kind != kind or amount not in (None, found[0].amount):
        said = f"{found[0].kind} of {found[0].amount}"
        raise CreditsRefused(f"this source was booked before, as {said}; name another", reason="source_used")
    return Made(found[0], again=True)


@exact()
def _entry(
    account: Account,
    kind: Kind,
    burns: tuple[Burn, ...],
    at: datetime,
    said: Said,
    side: Side | None = None,
    reverses: Transaction | None = None,
) -> Entry:
    public_id = uuid7()
    return Entry(
        account_id=account.id,
        kind=kind,
        meter=None if reverses is None else reverses.meter,
        amount=-taken(burns),
        burns=burns,
        at=at,
        description=said.description,
        metadata=said.metadata,
        source=said.source or f"act:{public_id}",
        reverses=None if reverses is None else reverses.id,
        side=side,
        public_id=public_id,
    )


async def _booked(conn: Connection, team: Team, before: Wallet, after: Wallet, entry: Entry, actor: Actor) -> Made:
    """Writes an entry with its line in the audit log."""
    await write(conn, {entry.account_id: before}, {entry.account_id: after}, [entry], actor.at)
    [made] = await history.transactions(conn, entry.account_id, Wanted(public_id=entry.public_id), 1)
    seen = {"kind": made.kind, "amount": str(made.amount), "balance_after": str(made.balance_after)}
    about = audit.of(team, "transaction", made.public_id)
    await audit.record(conn, actor, "credits.book", about, None, seen | {"description": made.description})
    return Made(made)
