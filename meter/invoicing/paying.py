"""What an account pays of an invoice that becomes final: usage that was charged as it happened, then what is left.

What is below zero is put into the account. All of it is in the transaction that gives the number; the wallet is held
from before that, so others wait for the number no longer than a commit takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from meter.audit import Actor
from meter.database import Connection
from meter.invoicing import settled
from meter.invoicing.booking import Booking, Named, paid, rounded
from meter.invoicing.charged import Charge, Charged, charged
from meter.invoicing.cover import Owed
from meter.invoicing.settled import Kind, Settlement
from meter.ledger import accounts, acts, charging
from meter.ledger.acts import Deposit, Said
from meter.ledger.charging import currency_of
from meter.ledger.due import INVOICE, PREPAID
from meter.ledger.store import Account, find, lock, write
from meter.ledger.wallet import Wallet, in_unit
from sql import statement

if TYPE_CHECKING:
    from meter.bill import Draft  # which asks for this

ADVANCE, PERIOD = "advance", "period"
NO_CHARGES: Final = Charged(frozenset(), Decimal(0), (), {})
SAID: Final[Mapping[Kind, str]] = {
    "charged": "Charged as it was used",
    "credits": "Paid from credits",
    "carried": "Carried to the account",
}
"""What settlements are called; where nothing is left to pay, the invoice is closed with these words."""


class Purse(NamedTuple):
    """A team's account, and its wallet, which nobody else changes until the transaction ends."""

    account: Account
    wallet: Wallet


async def hold(conn: Connection, draft: Draft, now: datetime) -> Purse | None:
    """The team's account, held until the transaction ends; opened where usage is charged to one and none is there.

    None where it has none, or has one in another currency: nothing is converted.
    """
    account = (await find(conn, draft.team.id)).get(None)
    if account is None and _charges(draft):
        floor = Decimal(0) if draft.agreement.last.charge == PREPAID else None
        account = await _opened(conn, draft, floor, now)
    if account is None or currency_of(account, draft.team) != draft.document.currency:
        return None
    return Purse(account, (await lock(conn, [account.id]))[account.id])


async def catch_up(conn: Connection, draft: Draft, now: datetime) -> None:
    """Charges what the invoice has of usage that is paid as it happens, where no worker has yet.

    `conn` is in autocommit mode.
    """
    used = [part.span.start for part in draft.agreement.parts if part.plan.charge != INVOICE]
    if used:
        await charging.charge(conn, draft.team, used, now)


async def pay(conn: Connection, draft: Draft, invoice: tuple[int, UUID], purse: Purse | None, now: datetime) -> None:
    """Settles what an account can of an invoice (its inner and public id), and closes it where nothing is left to pay.

    In the transaction that made it final. It is neither mailed nor told to anybody here.
    """
    total = draft.document.total
    if purse is None and total >= 0:
        return
    number = await (await conn.execute(statement("get_invoice_number"), {"invoice_id": invoice[0]})).fetchone()
    named = Named(invoice[1], number[0] if number else "")
    done = [] if purse is None else await _settle(conn, draft, invoice[0], named, purse, now)
    left = settled.to_pay(total, done)
    if left < 0:
        done += await _carry(conn, draft, named, left, now)
    for each in done:
        await settled.add(conn, invoice[0], each)
    if done and not settled.to_pay(total, done):
        note = ", ".join(dict.fromkeys(SAID[each.kind].lower() for each in done if each.kind in SAID))
        await conn.execute(
            statement("close_invoice"), {"invoice_id": invoice[0], "status": "paid", "note": note, "now": now}
        )


def _charges(draft: Draft) -> bool:
    """Whether usage of it is charged as it happens, in its own currency; fees before their period never are."""
    agreement = draft.agreement
    asked = draft.reason != ADVANCE and agreement.currency == draft.document.currency
    return asked and any(part.plan.charge != INVOICE for part in agreement.parts)


async def _opened(conn: Connection, draft: Draft, floor: Decimal | None, now: datetime) -> Account:
    return await accounts.opened(conn, draft.team, None, Actor("system", now), floor)


async def _settle(
    conn: Connection, draft: Draft, invoice_id: int, named: Named, purse: Purse, now: datetime
) -> list[Settlement]:
    """What was charged first, as all of it is there already; then as far as the balance goes."""
    lines = draft.document.lines
    used = await _charged(conn, draft)
    first = rounded(purse.wallet, used, named, now)
    rest = [Owed(each.total, each.line.meter) for place, each in enumerate(lines) if place not in used.lines]
    second = paid(first.wallet, rest, draft.document.currency, named, now)
    entries = [each.entry for each in (first, second) if each.entry is not None]
    if entries:
        ids = purse.account.id
        await write(conn, {ids: purse.wallet}, {ids: second.wallet}, entries, now)
    await _keep(conn, draft, invoice_id, used.charges)
    kinds: tuple[Kind, Kind] = ("charged" if used.billed > 0 else "carried", "credits")
    return [_settlement(kind, each, now) for kind, each in zip(kinds, (first, second), strict=True) if each.amount]


def _settlement(kind: Kind, booking: Booking, now: datetime) -> Settlement:
    if booking.entry is None or booking.entry.public_id is None:
        raise ValueError("what is settled is booked")
    return Settlement(kind, booking.amount, SAID[kind], booking.entry.public_id, now)


async def _charged(conn: Connection, draft: Draft) -> Charged:
    """What of it was charged as it was used; fees before their period never are."""
    if draft.reason == ADVANCE or draft.agreement.currency != draft.document.currency:
        return NO_CHARGES
    period = draft.period
    asked = {"team_id": draft.team.id, "starts_at": period.start, "ends_at": period.end}
    rows = await (await conn.execute(statement("list_charged_unbilled"), asked)).fetchall()
    there = [Charge(*row) for row in rows]
    if draft.reason != PERIOD:  # what came late is on the invoice of a whole period
        there = [each for each in there if each.ends_at > period.start]
    return charged(draft.agreement, draft.document.lines, there)


async def _keep(conn: Connection, draft: Draft, invoice_id: int, charges: Sequence[Charge]) -> None:
    """Says which charges the invoice bills: no other one does."""
    if not charges:
        return
    columns = zip(("prices", "starts", "ends", "amounts"), map(list, zip(*charges, strict=True)), strict=True)
    row = {"invoice_id": invoice_id, "team_id": draft.team.id, **dict(columns)}
    await conn.execute(statement("create_invoice_charges"), row)


async def _carry(conn: Connection, draft: Draft, named: Named, left: Decimal, now: datetime) -> list[Settlement]:
    """Puts what is below zero into the team's account; nothing where that is in another currency."""
    account = (await find(conn, draft.team.id)).get(None) or await _opened(conn, draft, Decimal(0), now)
    if currency_of(account, draft.team) != draft.document.currency:
        return []
    wallet = (await lock(conn, [account.id]))[account.id]
    deposit = Deposit("credit_adjustment", in_unit(wallet, -left))
    said = Said(f"Carried from invoice {named.number}", named.metadata, named.carried)
    made = await acts.put_in(conn, draft.team, account, deposit, said, Actor("system", now))
    return [Settlement("carried", left, SAID["carried"], made.transaction.public_id, now)]
