"""What an account pays of an invoice that becomes final: what grants do, usage that was charged, then what is left.

Promotional credits came off before tax when it was written; what was bought pays after it. What is below zero is put
into the account. All of it is in the transaction that gives the number; the wallet is held from before that, so others
wait for the number no longer than a commit takes.
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
from meter.invoicing.booking import Booking, Named, paid, promoted, rounded
from meter.invoicing.charged import Charge, Charged, charged
from meter.invoicing.cover import Owed
from meter.invoicing.purse import ADVANCE, Purse
from meter.invoicing.settled import Expected, Kind, Settlement
from meter.ledger import accounts, acts, charging
from meter.ledger.acts import Deposit, Said
from meter.ledger.charging import currency_of
from meter.ledger.due import INVOICE
from meter.ledger.store import find, lock, write
from meter.ledger.wallet import in_unit
from meter.rating.money import exact
from sql import statement

if TYPE_CHECKING:
    from meter.bill import Draft  # which asks for this

NO_CHARGES: Final = Charged(frozenset(), Decimal(0), (), {})
UNKNOWN: Final = Named(UUID(int=0), "")
SAID: Final[Mapping[Kind, str]] = {
    "charged": "Charged as it was used",
    "credits": "Paid from credits",
    "carried": "Carried to the account",
}
"""What settlements are called; where nothing is left to pay, the invoice is closed with these words."""
GIVEN: Final = "covered by promotional credits"
"""How an invoice is closed of which grants left nothing to pay."""


class _Paid(NamedTuple):
    """What is booked for an invoice, in this order: of grants, for what was charged, and of what was bought."""

    given: Booking
    charged: Booking
    credits: Booking
    used: Charged

    @property
    def kinds(self) -> list[tuple[Kind, Booking]]:
        """What it settles."""
        first: Kind = "charged" if self.used.billed > 0 else "carried"
        found: list[tuple[Kind, Booking]] = [(first, self.charged), ("credits", self.credits)]
        return [pair for pair in found if pair[1].amount]


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
    given = any(each.off for each in draft.promotions)
    if (done or given) and not settled.to_pay(total, done):
        note = ", ".join(dict.fromkeys(SAID[each.kind].lower() for each in done if each.kind in SAID)) or GIVEN
        closed = {"invoice_id": invoice[0], "status": "paid", "note": note, "now": now}
        await conn.execute(statement("close_invoice"), closed)


@exact()
def expected(draft: Draft, purse: Purse | None, now: datetime) -> tuple[Expected, ...]:
    """What would settle a draft if it became final now, with what comes off grants taken off it already; pure."""
    kinds = [] if purse is None else _paid(draft, purse, UNKNOWN, now).kinds
    found = [Expected(kind, booking.amount) for kind, booking in kinds]
    left = draft.document.total - sum((each.amount for each in found), draft.document.total * 0)
    return (*found, Expected("carried", left)) if left < 0 and _may_carry(draft, purse) else tuple(found)


def _may_carry(draft: Draft, purse: Purse | None) -> bool:
    """An account in another currency gets nothing; none is opened in the team's."""
    return purse is not None or draft.document.currency == draft.team.currency


def _paid(draft: Draft, purse: Purse, named: Named, now: datetime) -> _Paid:
    """What is booked: what was charged is there already, then as far as what was bought goes."""
    lines, used = draft.document.lines, _charged(draft, purse)
    given = promoted(purse.wallet, draft.promotions, named, now)
    first = rounded(given.wallet, used, named, now)
    rest = [Owed(each.total, each.line.meter) for place, each in enumerate(lines) if place not in used.lines]
    gifts = {*purse.gifts, *(each.lot for each in draft.promotions)}  # one that was used up may have some back by now
    second = paid(first.wallet, rest, draft.document.currency, named, now, gifts)
    return _Paid(given, first, second, used)


async def _settle(
    conn: Connection, draft: Draft, invoice_id: int, named: Named, purse: Purse, now: datetime
) -> list[Settlement]:
    found = _paid(draft, purse, named, now)
    entries = [each.entry for each in (found.given, found.charged, found.credits) if each.entry is not None]
    if entries:
        account_id = purse.wallet.account_id
        await write(conn, {account_id: purse.wallet}, {account_id: found.credits.wallet}, entries, now)
    await _keep(conn, draft, invoice_id, found.used.charges)
    return [_settlement(kind, booking, now) for kind, booking in found.kinds]


def _settlement(kind: Kind, booking: Booking, now: datetime) -> Settlement:
    if booking.entry is None or booking.entry.public_id is None:
        raise ValueError("what is settled is booked")
    return Settlement(kind, booking.amount, SAID[kind], booking.entry.public_id, now)


def _charged(draft: Draft, purse: Purse) -> Charged:
    """What of it was charged as it was used; fees before their period never are."""
    if draft.reason == ADVANCE or draft.agreement.currency != draft.document.currency:
        return NO_CHARGES
    return charged(draft.agreement, draft.document.lines, purse.charges)


async def _keep(conn: Connection, draft: Draft, invoice_id: int, charges: Sequence[Charge]) -> None:
    """Says which charges the invoice bills: no other one does."""
    if not charges:
        return
    columns = zip(("prices", "starts", "ends", "amounts"), map(list, zip(*charges, strict=True)), strict=True)
    row = {"invoice_id": invoice_id, "team_id": draft.team.id, **dict(columns)}
    await conn.execute(statement("create_invoice_charges"), row)


async def _carry(conn: Connection, draft: Draft, named: Named, left: Decimal, now: datetime) -> list[Settlement]:
    """Puts what is below zero into the team's account; nothing where that is in another currency."""
    account = (await find(conn, draft.team.id)).get(None) or await accounts.opened(
        conn, draft.team, None, Actor("system", now)
    )
    if currency_of(account, draft.team) != draft.document.currency:
        return []
    wallet = (await lock(conn, [account.id]))[account.id]
    deposit = Deposit("credit_adjustment", in_unit(wallet, -left))
    said = Said(f"Carried from invoice {named.number}", named.metadata, named.carried)
    made = await acts.put_in(conn, draft.team, account, deposit, said, Actor("system", now))
    return [Settlement("carried", left, SAID["carried"], made.transaction.public_id, now)]
