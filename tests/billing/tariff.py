"""A price book of round numbers, a team that is on it, and how it asks for changes: for amounts worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from meter import bill, checks, keys, teams
from meter.audit import Actor, actor_of
from meter.bill import Draft
from meter.database import Pool
from meter.ingest import Ingest
from meter.invoices import Invoice
from meter.model import Caller, Event
from meter.prices.apply import Applied, apply
from meter.prices.store import SINCE_EVER, Source
from meter.rating.book import parse_book
from meter.rating.line import Line
from meter.rating.periods import Period
from meter.subscriptions import change, store, timeline
from meter.subscriptions.change import Kept, Prepared
from meter.subscriptions.wishes import PlanWish, Wish
from tests.billing.house import NOW, House, new_key
from tests.served import OPERATOR_KEY

PARIS = "Europe/Paris"
TARIFF = """
name = "tariff"
title = "Tariff"
currency = "EUR"

[plans.trial]
title = "Trial"
base_fee = "0"
trial = true
trial_days = 14
then = "small"
prices.calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.20", included = 100 }

[plans.small]
title = "Small"
base_fee = "31.00"
prorate = "time"
prices.calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.10", included = 100 }

[plans.large]
title = "Large"
base_fee = "62.00"
prorate = "time"
prices.calls = { title = "Calls", meter = "requests", unit = "call", unit_amount = "0.05", included = 1_000 }
[plans.large.prices.seats]
title = "Seats"
model = "flat"
unit = "seat"
unit_amount = "6.00"
times = "seats"
included = 2
prorate = "time"

[plans.old]
title = "Old"
base_fee = "1.00"
retired = true

[addons.backup]
title = "Backup"
base_fee = "3.00"
prorate = "time"
plans = ["large"]

[coupons.quarter]
title = "A quarter off"
percent = "25"
duration = "recurring"
periods = 2

[coupons.five]
title = "Five off"
amount = "5.00"
duration = "once"
"""
DEARER = TARIFF.replace('"31.00"', '"62.00"').replace('"0.10"', '"0.20"')


def at(text: str) -> datetime:
    """Read an instant with a zone, as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


class Desk(NamedTuple):
    """A team at home in a database, and the operator, who ask for changes of its subscription."""

    house: House
    operator: Caller

    @property
    def pool(self) -> Pool:
        """The way to the database."""
        return self.house.pool

    async def asks(self, wish: Wish, now: datetime, kind: str = "operator") -> Prepared:
        """Answer what a wish would become and cost."""
        async with self.pool.connection() as conn:
            return await change.prepare(conn, self.house.team, wish, self.actor(now, kind))

    async def gets(self, wish: Wish, now: datetime, kind: str = "operator") -> Prepared:
        """Have a wish kept, and answer what it became and costs."""
        prepared = await self.asks(wish, now, kind)
        await self.keeps(prepared, now, kind)
        return prepared

    async def keeps(self, prepared: Prepared, now: datetime, kind: str = "operator") -> Kept:
        """Have kept what was prepared."""
        async with self.pool.connection() as conn, conn.transaction():
            return await change.keep(conn, prepared, self.actor(now, kind))

    def actor(self, now: datetime, kind: str) -> Actor:
        """Answer who decides: the operator, or a key of the team."""
        return actor_of(self.operator if kind == "operator" else self.house.caller, now)

    async def calls(self, when: str, quantity: int) -> None:
        """Make so many calls at an instant."""
        await self.house.sent(Event(time=at(when), meter="requests", quantity=Decimal(quantity)))

    async def applies(self, text: str, since: datetime) -> Applied:
        """Put a version of the book in force."""
        return await put_in_force(self.pool, text, since)

    async def periods(self, start: str, end: str) -> Sequence[Period]:
        """Answer the billing periods between two instants."""
        async with self.pool.connection() as conn:
            log = await store.read(conn, self.house.team.id)
        return timeline.periods(log.standing, self.house.team.timezone, at(start), at(end))

    async def priced(self, period: Period) -> Draft:
        """Answer what would be billed for a period."""
        async with self.pool.connection() as conn:
            return await bill.price(conn, self.house.team, period)

    async def invoiced(self, period: Period) -> Invoice:
        """Answer the invoice of a period, made now."""
        return await self.house.invoice(period)


async def put_in_force(pool: Pool, text: str, since: datetime = SINCE_EVER) -> Applied:
    """Put a book in force."""
    async with pool.connection() as conn:
        return await apply(conn, parse_book(text, "tariff.toml"), Source(text, {}), since, "tests", NOW)


async def make_desk(pool: Pool, ingest: Ingest, zone: str, plan: str | None, since: str, text: str = TARIFF) -> Desk:
    """Make a team that is on a plan of the book from an instant on; None for none yet."""
    await put_in_force(pool, text)
    owner = teams.Person("alice", "alice@example.com")
    async with pool.connection() as conn, conn.transaction():
        team = await teams.create(conn, "Team", owner, zone, "EUR", "pay@example.com", at(since))
        await keys.ensure_operator(conn, OPERATOR_KEY, Path(), NOW)
        operator = await keys.find_one(conn, OPERATOR_KEY, NOW)
    assert operator is not None
    desk = Desk(House(pool, ingest, team, await new_key(pool, team, "standard")), operator)
    if plan is not None:
        await desk.gets(PlanWish(plan), at(since))
    return desk


def told(lines: Sequence[Line]) -> list[tuple[str, str, str]]:
    """Answer plan, price and amount of each line."""
    return [(line.plan, line.price, f"{line.amount:f}") for line in lines]


async def billed_as(desk: Desk, preview: Draft | None, total: str) -> None:
    """See that the invoice of a period is the preview, line by line, and comes to a sum."""
    assert preview is not None
    assert preview.document.total == Decimal(total)
    made = await desk.invoiced(preview.period)
    assert made.lines == tuple(each.line for each in preview.document.lines)
    assert (made.total, made.members) == (Decimal(total), bill.members_of(preview))
    async with desk.pool.connection() as conn:
        assert [each.name for each in await checks.run(conn, NOW) if not each.holds] == []
