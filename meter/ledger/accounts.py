"""How is an account kept? Its unit, how far below zero it may go, when it is low and when it is due to be recharged."""

from __future__ import annotations

from decimal import Decimal, Inexact
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from meter import audit
from meter.audit import Actor
from meter.database import Connection
from meter.errors import CreditsRefused, InvalidBody, NoAccount, NotFound
from meter.ledger import history
from meter.ledger.history import Wanted
from meter.ledger.store import Account, find, lock, write
from meter.ledger.wallet import LOW_BALANCE
from meter.model import Team
from meter.rating.money import exact
from sql import statement

CREDITS = "credits"


class Terms(NamedTuple):
    """How an account is to be kept; see wallet.Wallet."""

    unit: str
    credit_price: Decimal | None = None
    floor: Decimal | None = Decimal(0)
    low_balance: Decimal | None = LOW_BALANCE
    recharge_below: Decimal | None = None
    recharge_amount: Decimal | None = None


def terms_of(account: Account) -> Terms:
    """How an account is kept."""
    return Terms(**{name: getattr(account, name) for name in Terms._fields})


def checked(terms: Terms) -> Terms:
    """The terms, if there can be such. Raises InvalidBody."""
    if (terms.unit == CREDITS) != (terms.credit_price is not None):
        raise InvalidBody("credit_price: what one credit costs, with the unit `credits` and with no other")
    if terms.credit_price is not None and not _has_reciprocal(terms.credit_price):
        raise InvalidBody(
            "credit_price: so many credits for one unit of money must be exact, as of 0.01, 0.02 or 0.005"
        )
    if (terms.recharge_below is None) != (terms.recharge_amount is None):
        raise InvalidBody("give recharge_below and recharge_amount, or neither")
    return terms


@exact()
def _has_reciprocal(price: Decimal) -> bool:
    try:
        return price > 0 and 1 / price > 0
    except Inexact:
        return False


async def opened(
    conn: Connection, team: Team, key_id: int | None, actor: Actor, floor: Decimal | None = Decimal(0)
) -> Account:
    """The account of a team or of one of its keys; where there is none yet, it is opened in the team's currency."""
    return await _found(conn, team, key_id) or await put(conn, team, key_id, Terms(team.currency, floor=floor), actor)


async def _found(conn: Connection, team: Team, key_id: int | None) -> Account | None:
    return (await find(conn, team.id)).get(key_id)


async def put(conn: Connection, team: Team, key_id: int | None, terms: Terms, actor: Actor) -> Account:
    """Keeps an account by these terms from now on; opens it where there is none.

    Raises InvalidBody, and CreditsRefused for another unit once something is booked.
    """
    row = checked(terms)._asdict() | {"team_id": team.id, "key_id": key_id, "public_id": uuid7(), "now": actor.at}
    created = await (await conn.execute(statement("create_account"), row)).fetchone()
    account = (await find(conn, team.id))[key_id]
    wallet = (await lock(conn, [account.id]))[account.id]
    account = (await find(conn, team.id))[key_id]  # as it is now that nobody else changes it
    before = None if created else terms_of(account)
    if before == terms:
        return account
    if before is not None:
        await _edit(conn, account, terms)
    # A new wallet is as it was before anybody wanted it recharged: then that is told at once.
    old = wallet._replace(recharge_below=None) if created else wallet
    changed = wallet._replace(**{name: getattr(terms, name) for name in Terms._fields})
    await write(conn, {account.id: old}, {account.id: changed}, [], actor.at)
    await conn.execute(statement("raise_limit_version"), {"team_id": team.id})
    subject = audit.of(team, "account", account.public_id)
    await audit.record(conn, actor, "account.put", subject, _shown(before), _shown(terms))
    return (await find(conn, team.id))[key_id]


async def _edit(conn: Connection, account: Account, terms: Terms) -> None:
    unit = (account.unit, account.credit_price)
    if unit != (terms.unit, terms.credit_price) and await history.transactions(conn, account.id, Wanted(), 1):
        raise CreditsRefused("amounts are booked in the unit and price there are; they stay", reason="unit_in_use")
    await conn.execute(statement("edit_account"), terms._asdict() | {"account_id": account.id})


def _shown(terms: Terms | None) -> dict[str, Any] | None:
    """Terms as the audit log has them."""
    if terms is None:
        return None
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in terms._asdict().items()}


async def account_of(conn: Connection, team: Team, key: UUID | None) -> Account:
    """The account of a team, or of one of its keys by its id. Raises NoAccount."""
    for account in (await find(conn, team.id)).values():
        if account.key == key:
            return account
    raise NoAccount("the operator opens it with its first credits")


async def key_id_of(conn: Connection, team: Team, key: UUID) -> int:
    """The inner id of a team's key, which stays as it is until the transaction ends. Raises NotFound."""
    asked = {"public_id": key, "team_id": team.id}
    row = await (await conn.execute(statement("lock_key"), asked)).fetchone()
    if row is None:
        raise NotFound("this team has no such key")
    return int(row[0])


async def id_with(conn: Connection, team: Team, public_id: UUID) -> int:
    """Which account of a team has the grant or transaction of that id. Raises NotFound."""
    asked = {"team_id": team.id, "public_id": public_id}
    row = await (await conn.execute(statement("find_account_of"), asked)).fetchone()
    if row is None:
        raise NotFound("this team has no such grant or transaction")
    return int(row[0])
