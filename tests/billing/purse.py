"""A team with an account: what is put in and set apart, which invoices are made, and what is left of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import sql
from meter import bill, checks, invoices
from meter.audit import Actor
from meter.database import Pool
from meter.invoices import Invoice
from meter.invoicing import change
from meter.invoicing.states import Closed
from meter.ledger import accounts, acts, history
from meter.ledger.accounts import Terms
from meter.ledger.acts import Deposit, Said
from meter.ledger.history import Transaction, Wanted
from meter.ledger.store import Entry, find, lock, look, write
from meter.ledger.wallet import Short, Wallet, deduct, reserve, taken
from meter.rating.periods import Period
from tests.billing.house import NOW, SELLER, House


class Purse(NamedTuple):
    """The account of a team at home somewhere."""

    house: House

    @property
    def pool(self) -> Pool:
        """The way to the database."""
        return self.house.pool

    async def open(self, terms: Terms) -> None:
        """Open the account, kept by some terms."""
        async with self.pool.connection() as conn, conn.transaction():
            await accounts.put(conn, self.house.team, None, terms, Actor("system", NOW))

    async def put(self, amount: str, kind: acts.PutKind = "credit_purchase", title: str = "", **more: Any) -> None:
        """Put credits in."""
        actor = Actor("system", NOW)
        async with self.pool.connection() as conn, conn.transaction():
            account = await accounts.opened(conn, self.house.team, None, actor)
            await acts.put_in(
                conn, self.house.team, account, Deposit(kind, Decimal(amount), **more), Said(title), actor
            )

    async def hold(self, meter: str, amount: str) -> bool:
        """Set an amount apart, as a call that asks first does; False where there is not enough."""
        async with self.pool.connection() as conn, conn.transaction():
            account = (await find(conn, self.house.team.id))[None]
            before = (await lock(conn, [account.id]))[account.id]
            got = reserve(before, {meter: Decimal(amount)}, NOW)
            if isinstance(got, Short):
                return False
            await write(conn, {account.id: before}, {account.id: got[0]}, [], NOW)
            return True

    async def use(self, meter: str, amount: str) -> None:
        """Book usage, as a settle does."""
        async with self.pool.connection() as conn, conn.transaction():
            account = (await find(conn, self.house.team.id))[None]
            before = (await lock(conn, [account.id]))[account.id]
            after, burns = deduct(before, meter, Decimal(amount), NOW)
            entry = Entry(account.id, "usage_deduction", meter, -taken(burns), burns, NOW, "", {}, "settle/a test")
            await write(conn, {account.id: before}, {account.id: after}, [entry], NOW)

    async def wallet(self) -> Wallet:
        """Answer the wallet as it stands."""
        async with self.pool.connection() as conn:
            return await look(conn, (await find(conn, self.house.team.id))[None].id)

    async def booked(self) -> list[Transaction]:
        """Answer what was booked, the first first."""
        async with self.pool.connection() as conn:
            account = (await find(conn, self.house.team.id))[None]
            return (await history.transactions(conn, account.id, Wanted(), 1_000))[::-1]

    async def invoice(self, period: Period, reason: bill.Reason = bill.PERIOD, now: datetime = NOW) -> Invoice:
        """Make the invoice of a period."""
        async with self.pool.connection() as conn:
            made = await bill.generate(conn, self.house.team, period, SELLER, now, reason)
        return await self.found(made.public_id)

    async def found(self, public_id: UUID) -> Invoice:
        """Answer an invoice as it is by now."""
        async with self.pool.connection() as conn:
            found = await invoices.get(conn, public_id, self.house.team.id)
        assert found is not None
        return found

    async def close(self, invoice: Invoice, to: Closed) -> Invoice:
        """Say what became of an invoice."""
        async with self.pool.connection() as conn, conn.transaction():
            await change.close(conn, invoice.public_id, to, "why", NOW)
        return await self.found(invoice.public_id)

    async def holds(self, but: str = "") -> None:
        """See that everything adds up, as the doctor does; but for what a test itself left undone."""
        queries = {name: query for name, query in sql.checks().items() if name != but}
        async with self.pool.connection() as conn:
            found = await checks.run(conn, NOW, queries)
        wrong = [(each.name, each.rows, each.unfinished) for each in found if not each.holds]
        assert not wrong, wrong


def settlements(invoice: Invoice) -> list[tuple[str, Decimal]]:
    """Answer what of an invoice is settled, by kind."""
    return [(each.kind, each.amount) for each in invoice.settlements]
