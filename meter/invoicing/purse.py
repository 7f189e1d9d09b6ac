"""What does a team have to pay an invoice with? Its account, the gifts in it, and what was charged to it already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from meter.audit import Actor
from meter.database import Connection
from meter.invoicing.charged import Charge
from meter.invoicing.document import taken_before
from meter.invoicing.promotional import Gift
from meter.ledger import accounts, history
from meter.ledger.charging import currency_of
from meter.ledger.due import INVOICE, PREPAID
from meter.ledger.store import Account, find, lock, look
from meter.ledger.wallet import Wallet
from sql import statement

if TYPE_CHECKING:
    from meter.bill import Draft  # which asks for this

ADVANCE, PERIOD = "advance", "period"
GIVEN: Final = "credit_grant"


class Purse(NamedTuple):
    """A team's wallet, which of its lots were given and not bought, and what of usage was charged and is on no invoice.

    What is held nobody else changes until the transaction ends.
    """

    wallet: Wallet
    gifts: Mapping[int, Gift]
    charges: tuple[Charge, ...]


async def hold(conn: Connection, draft: Draft, now: datetime) -> Purse | None:
    """The team's, held until the transaction ends; opened where usage is charged to it and it is not there.

    None where it has none, or has one in another currency: nothing is converted.
    """
    account = (await find(conn, draft.team.id)).get(None)
    if account is None and is_charged(draft):
        account = await accounts.opened(conn, draft.team, None, Actor("system", now), _floor(draft))
    if account is None or currency_of(account, draft.team) != draft.document.currency:
        return None
    taken = [each.lot for each in taken_before(draft.billed)]
    return await _purse(conn, draft, account, (await lock(conn, [account.id], taken))[account.id])


async def see(conn: Connection, draft: Draft) -> Purse | None:
    """As `hold`, but nothing is held or opened: what would have to be there is an empty one."""
    account = (await find(conn, draft.team.id)).get(None)
    if account is None and is_charged(draft):
        return Purse(Wallet(0, draft.team.currency, None, _floor(draft)), {}, await _charges(conn, draft))
    if account is None or currency_of(account, draft.team) != draft.document.currency:
        return None
    return await _purse(conn, draft, account, await look(conn, account.id))


async def _purse(conn: Connection, draft: Draft, account: Account, wallet: Wallet) -> Purse:
    given = [each for each in await history.standing_grants(conn, account.id, None) if each.kind == GIVEN]
    gifts = {each.id: Gift(each.id, each.public_id, each.description) for each in given}
    return Purse(wallet, gifts, await _charges(conn, draft))


def is_charged(draft: Draft) -> bool:
    """Whether usage of it is charged as it happens, in its own currency; fees before their period never are."""
    return _may_be_charged(draft) and any(part.plan.charge != INVOICE for part in draft.agreement.parts)


def _may_be_charged(draft: Draft) -> bool:
    return draft.reason != ADVANCE and draft.agreement.currency == draft.document.currency


def _floor(draft: Draft) -> Decimal | None:
    """How far below zero the account may go: not at all where the plan is prepaid."""
    return Decimal(0) if draft.agreement.last.charge == PREPAID else None


async def _charges(conn: Connection, draft: Draft) -> tuple[Charge, ...]:
    """What was charged as it was used and is on no invoice; what came late is on the invoice of a whole period."""
    if not _may_be_charged(draft):
        return ()
    period = draft.period
    asked = {"team_id": draft.team.id, "starts_at": period.start, "ends_at": period.end}
    rows = await (await conn.execute(statement("list_charged_unbilled"), asked)).fetchall()
    there = tuple(Charge(*row) for row in rows)
    return there if draft.reason == PERIOD else tuple(each for each in there if each.ends_at > period.start)
