"""Where a billing test happens: a team with a plan and keys, and its usage of last month."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from meter import bill, invoices, keys, teams
from meter.bill import Outcome
from meter.database import Pool
from meter.ingest import Ingest
from meter.invoices import Invoice, Party
from meter.keys import Kind
from meter.model import Caller, Event, Team
from meter.prices import store as prices
from meter.rating.periods import Period
from meter.subscriptions import decide, decisions, store, timeline
from meter.subscriptions.wish import Facts

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
OCTOBER = Period(START, END, "UTC")
SELLER = Party("Seller & Co", ("1 Road",))


class House(NamedTuple):
    """A team at home in a database, a standard key of it, and the way in."""

    pool: Pool
    ingest: Ingest
    team: Team
    caller: Caller

    async def used(
        self, meter: str, quantity: str, member: str | None = None, service: str | None = None, day: int = 7
    ) -> None:
        """Ingest one event of a day in October."""
        await self.sent(
            Event(time=START.replace(day=day), meter=meter, quantity=Decimal(quantity), member=member, service=service)
        )

    async def sent(self, *events: Event) -> None:
        """Ingest events."""
        receipt = await self.ingest.take(self.team, self.caller, events, NOW)
        assert receipt.accepted == len(events), receipt

    async def billed(self, period: Period = OCTOBER) -> Outcome:
        """Make the team's invoice of a period."""
        async with self.pool.connection() as conn:
            return await bill.generate(conn, self.team, period, SELLER, NOW)

    async def invoice(self, period: Period = OCTOBER) -> Invoice:
        """Answer the team's invoice of a period, made if need be."""
        outcome = await self.billed(period)
        async with self.pool.connection() as conn:
            found = await invoices.get(conn, outcome.public_id, self.team.id)
        assert found is not None
        return found

    async def put_on(self, plan: str, at: datetime = NOW) -> None:
        """Change the team's plan, or give it its first."""
        async with self.pool.connection() as conn, conn.transaction():
            there = await teams.lock(conn, self.team)
            books, log = await prices.read(conn), await store.read(conn, there.id)
            chosen = decisions.choice(there, plan, books, at)
            facts = Facts(log.changes, there.timezone, at, operator=True)
            held = timeline.stretch_at(log.standing, at)
            if held is None or held.plan != plan:
                outcome = decide.start(facts, chosen) if held is None else decide.change_plan(facts, chosen)
                await decisions.keep(conn, there, outcome, "tests", at)

    async def internal(self) -> House:
        """Answer the same house with a key whose usage is never billed."""
        return self._replace(caller=await new_key(self.pool, self.team, "internal"))


async def new_key(pool: Pool, team: Team, kind: Kind) -> Caller:
    """Make a key of a team and answer who comes with it."""
    async with pool.connection() as conn:
        _, secret = await keys.create(conn, team.id, "tests", ["ingest", "read", "admin"], kind, NOW)
        caller = await keys.find_one(conn, secret, NOW)
    assert caller is not None
    return caller


async def make_team(
    pool: Pool, ingest: Ingest, plan: str | None, timezone: str = "UTC", currency: str = "USD"
) -> House:
    """Make a team on a plan, with a key."""
    owner = teams.Person("alice", "alice@example.com")
    async with pool.connection() as conn, conn.transaction():
        team = await teams.create(conn, "Team", owner, timezone, currency, "pay@example.com", NOW)
        await decisions.begin(conn, team, plan, "credits/payg", NOW)
    return House(pool, ingest, team, await new_key(pool, team, "standard"))
