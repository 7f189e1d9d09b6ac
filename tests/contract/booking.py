"""What people and usage do to a wallet in the database: for tests of the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

import sql
from meter import checks
from meter.audit import Actor
from meter.database import Connection
from meter.ledger import accounts, acts
from meter.ledger.acts import Deposit, Made, Said
from meter.ledger.store import Account, Entry, find, lock, write
from meter.ledger.wallet import Burn, Short, Wallet, deduct, release, reserve, settle, taken
from meter.model import Team
from tests.contract.place import NOW, Place, make_team

CHECKS = (
    "accounts_stand_as_posted",
    "grants_stand_as_posted",
    "ledger_balances_run_on",
    "ledger_transactions_come_to_nothing",
)


class House(NamedTuple):
    """A team with an account, and a connection to the database that they are in."""

    conn: Connection
    team: Team
    account: Account

    def actor(self, at: datetime = NOW) -> Actor:
        """Answer who acts, at an instant."""
        return Actor("system", at)

    async def put_in(self, deposit: Deposit, at: datetime = NOW, said: Said = Said()) -> Made:  # noqa: B008 - a value
        """Put credits in."""
        async with self.conn.transaction():
            return await acts.put_in(self.conn, self.team, self.account, deposit, said, self.actor(at))

    async def wallet(self) -> Wallet:
        """Answer the wallet as it stands."""
        async with self.conn.transaction():
            return (await lock(self.conn, [self.account.id]))[self.account.id]

    async def use(
        self, meter: str, amount: Decimal, at: datetime, source: str, said: Mapping[str, str] = MappingProxyType({})
    ) -> Wallet:
        """Book usage, as a settle does."""
        async with self.conn.transaction():
            wallet = (await lock(self.conn, [self.account.id]))[self.account.id]
            after, burns = deduct(wallet, meter, amount, at)
            await self.write(wallet, after, meter, burns, at, source, said)
        return after

    async def hold(self, meter: str, amount: Decimal, at: datetime) -> tuple[Burn, ...] | Short:
        """Reserve, as an authorize does."""
        async with self.conn.transaction():
            wallet = (await lock(self.conn, [self.account.id]))[self.account.id]
            got = reserve(wallet, {meter: amount}, at)
            if isinstance(got, Short):
                return got
            await write(self.conn, {self.account.id: wallet}, {self.account.id: got[0]}, [], at)
            return got[1]

    async def settle(
        self, held: tuple[Burn, ...], meter: str, amount: Decimal | None, at: datetime, source: str
    ) -> Wallet:
        """Settle a reservation, or release it for no amount."""
        async with self.conn.transaction():
            wallet = (await lock(self.conn, [self.account.id]))[self.account.id]
            if amount is None:
                after = release(wallet, held)
                await write(self.conn, {self.account.id: wallet}, {self.account.id: after}, [], at)
            else:
                after, booked = settle(wallet, held, {meter: amount}, at)
                await self.write(wallet, after, meter, booked[meter], at, source)
        return after

    async def write(
        self,
        before: Wallet,
        after: Wallet,
        meter: str,
        burns: tuple[Burn, ...],
        at: datetime,
        source: str,
        said: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write usage down."""
        entry = Entry(
            self.account.id, "usage_deduction", meter, taken(burns).copy_negate(), burns, at, "", said, source
        )
        await write(self.conn, {self.account.id: before}, {self.account.id: after}, [entry], at)

    async def broken(self) -> list[str]:
        """Name the checks of the ledger that don't hold."""
        found = await checks.run(self.conn, NOW, {name: sql.checks()[name] for name in CHECKS})
        return [each.name for each in found if not each.holds]


@asynccontextmanager
async def housed(place: Place, terms: accounts.Terms = accounts.Terms("USD")) -> AsyncIterator[House]:  # noqa: B008
    """Make a team with an account kept by these terms."""
    async with place.pool.connection() as conn:
        team, _ = await make_team(conn)
        async with conn.transaction():
            await accounts.put(conn, team, None, terms, Actor("system", NOW))
        yield House(conn, team, (await find(conn, team.id))[None])
