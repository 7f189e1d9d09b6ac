"""What went in and out of an account in a range of time: by kind, and what usage took by service, member and meter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from meter.database import Connection
from meter.ledger.store import Account
from meter.rating.money import exact
from sql import statement

MOST = 10_000


class Booked(NamedTuple):
    """How much was booked of one kind."""

    kind: str
    transactions: int
    amount: Decimal


class Spent(NamedTuple):
    """What usage took: whose (None: nobody's), for which meter, in how many deductions, and when last."""

    service: str | None
    member: str | None
    meter: str | None
    deductions: int
    spent: Decimal
    last_at: datetime


class Cap(NamedTuple):
    """A budget of money that holds for all of an account's team or key. `window` is day or month."""

    budget: UUID
    name: str
    window: str
    amount: Decimal
    hard: bool


async def booked(conn: Connection, account_id: int, since: datetime, until: datetime) -> list[Booked]:
    """What was booked in [since, until), by kind."""
    asked = {"account_id": account_id, "since": since, "until": until}
    return [Booked._make(row) for row in await (await conn.execute(statement("sum_ledger"), asked)).fetchall()]


async def spending(conn: Connection, account_id: int, since: datetime, until: datetime) -> list[Spent]:
    """What usage took in [since, until), the most first; at most MOST rows."""
    asked = {"account_id": account_id, "since": since, "until": until, "rows": MOST}
    return [Spent._make(row) for row in await (await conn.execute(statement("sum_spending"), asked)).fetchall()]


async def caps(conn: Connection, account: Account) -> list[Cap]:
    """The daily and monthly budgets of money that hold for whom the account is of."""
    asked = {"team_id": account.team_id, "key_id": account.key_id}
    return [Cap._make(row) for row in await (await conn.execute(statement("list_caps"), asked)).fetchall()]


@exact()
def together(rows: Sequence[Spent], by: Callable[[Spent], str | None]) -> list[Spent]:
    """The same with one row for each value, the most first; what else told them apart is None."""
    found: dict[str | None, Spent] = {}
    for row in rows:
        one = found.get(by(row), Spent(None, None, None, 0, Decimal(0), row.last_at))
        found[by(row)] = one._replace(
            deductions=one.deductions + row.deductions,
            spent=one.spent + row.spent,
            last_at=max(one.last_at, row.last_at),
        )
    names: Mapping[str | None, Spent] = {name: row._replace(service=name) for name, row in found.items()}
    return sorted(names.values(), key=lambda row: (-row.spent, row.service or ""))
