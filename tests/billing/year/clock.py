"""The year as the product lives it: teams join, decide and send at their times, and the worker takes its turns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from meter import jobs, keys, teams
from meter.adjustments import turn as adjustments
from meter.audit import Actor, actor_of
from meter.corrections import write
from meter.corrections.decide import Amendment
from meter.corrections.find import Named
from meter.corrections.write import Ids, Order
from meter.database import Connection, Pool
from meter.ingest import Ingest
from meter.invoices import Party
from meter.invoicing import watch
from meter.invoicing.run import Issuing, Told
from meter.jobs import Turn
from meter.ledger import accounts, acts
from meter.ledger.acts import Deposit, Said
from meter.model import Caller, Event, Team
from meter.prices.apply import apply
from meter.prices.store import SINCE_EVER, Source
from meter.rating.book import parse_book
from meter.subscriptions import change
from meter.subscriptions.wishes import CancelWish, CouponWish, PlanWish, QuantityWish, Wish
from sql import statement
from tests.billing.house import new_key
from tests.billing.year.customers import Credit, Customer, Decision, Prices, Used
from tests.billing.year.generate import BEGINS, CLOSED
from tests.billing.year.reckoning import GRACE, ahead_at, begun, first_turn, periods
from tests.served import OPERATOR_KEY

AFTER = timedelta(hours=1)
DAY = timedelta(days=1)
WEEKLY = [first_turn(BEGINS) + 7 * DAY * week for week in range(53)]
LOOKS, LOOKED_AT = WEEKLY[::4], 5
"""When old invoices are looked at again, and how many a team has of these at most."""
SELLER = Party("Seller & Co", ("1 Road",))


class Home(NamedTuple):
    """A team of the year where it lives in the database, with its key."""

    customer: Customer
    team: Team
    caller: Caller


class Happening(NamedTuple):
    """Something that a team does at an instant; an event by itself is withdrawn."""

    at: datetime
    customer: Customer
    what: Decision | tuple[Used, ...] | Credit | Used


class World:
    """A database in which a year goes by."""

    def __init__(self, pool: Pool, jobs_of: Turn, prices: Prices, operator: Caller) -> None:
        """Starts with no team; `jobs_of` is a turn of the worker's, whose connection and settings are used."""
        self.pool, self.homes, self.told = pool, dict[str, Home](), list[Told]()
        self._turn, self._prices, self._operator = jobs_of, prices, operator
        self._ingest = Ingest(pool, 400)
        self._issuing = Issuing(jobs_of.settings, GRACE)

    async def lives(self, customers: Sequence[Customer]) -> None:
        """Let the year go by: what happens until each turn of the worker, then the turn."""
        waiting = sorted(happenings(customers), key=lambda each: (each.at, each.customer.name))
        for turn in turns(customers):
            due = [each for each in waiting if each.at < turn]
            waiting = waiting[len(due) :]
            for each in due:
                await self._happens(each)
            await self._takes_turn(turn)
        assert not waiting

    async def _happens(self, happening: Happening) -> None:
        at, customer, what = happening
        home = self.homes.get(customer.name)
        if home is None:
            home = await self._joins(customer)
        if isinstance(what, Decision):
            await self._decides(home, what)
            if what.at == customer.joined:  # what ends before the worker saw a team is not billed by itself
                await self._turn.conn.execute(statement("enrol_billing_watch"), {"now": at})
        elif isinstance(what, Credit):
            await self._pays_in(home, what, at)
        elif isinstance(what, Used):
            await self._corrects(home, Actor("system", at), Order("found to be wrong", [named(what)], None))
        else:
            await self._sends(home, what, at)

    async def _joins(self, customer: Customer) -> Home:
        person, at = teams.Person("alice", "alice@example.com"), customer.joined
        currency = self._prices.first[customer.book].currency
        async with self.pool.connection() as conn, conn.transaction():
            team = await teams.create(conn, customer.name, person, customer.zone, currency, "pay@example.com", at)
        home = Home(customer, team, await new_key(self.pool, team, "standard"))
        self.homes[customer.name] = home
        return home

    async def _decides(self, home: Home, decision: Decision) -> None:
        actor = actor_of(self._operator, decision.at)
        async with self.pool.connection() as conn:
            prepared = await change.prepare(conn, home.team, wish_of(home.customer, decision), actor)
            async with conn.transaction():
                await change.keep(conn, prepared, actor)

    async def _pays_in(self, home: Home, credit: Credit, at: datetime) -> None:
        actor = actor_of(self._operator, at)
        paid = credit.amount if credit.kind == "credit_purchase" else None
        deposit = Deposit(
            credit.kind, credit.amount, paid, credit.priority, expires_at=credit.expires, meters=credit.meters
        )
        async with self.pool.connection() as conn, conn.transaction():
            account = await accounts.opened(conn, home.team, None, actor)
            await acts.put_in(conn, home.team, account, deposit, Said(credit.name), actor)

    async def _sends(self, home: Home, used: Sequence[Used], at: datetime) -> None:
        """Send events, some of them once more, and then set right what was wrong."""
        events = list(map(event_of, used))
        receipt = await self._ingest.take(home.team, home.caller, events, at)
        assert (receipt.accepted, receipt.rejected) == (len(events), [])
        again = [event_of(each) for each in used if each.again]
        if again:
            receipt = await self._ingest.take(home.team, home.caller, again, at)
            assert receipt.duplicates == len(again)
        actor = Actor("system", at)
        voided = [named(each) for each in used if each.voided]
        if voided:
            await self._corrects(home, actor, Order("sent by mistake", voided, None))
        for each in used:
            if each.amended is not None:
                await self._corrects(home, actor, Order("mistyped", [named(each)], Amendment(each.amended)))

    async def _corrects(self, home: Home, actor: Actor, order: Order) -> None:
        async with self.pool.connection() as conn:
            inner: Connection = conn

            async def work(ids: Ids) -> write.Outcome:
                async with inner.transaction():
                    return await write.correct(inner, home.team, actor, order, ids)

            outcome = await write.attempt(conn, home.team, work)
        assert (outcome.events, outcome.missing) == (len(order.which), []) if isinstance(order.which, list) else True

    async def _takes_turn(self, now: datetime) -> None:
        """What the worker does in a day, once."""
        turn = self._turn._replace(now=now)
        for job in (jobs.prepare, jobs.refresh, jobs.limits, jobs.credits):
            await job(turn)
        if now in LOOKS:  # each day in life: here rarely, and all there are
            for _ in range(0, len(self.homes) * LOOKED_AT, adjustments.AT_ONCE):
                await adjustments.turn(turn.conn, now)
        for _ in range(0, len(self.homes), watch.AT_ONCE):
            self.told += await watch.turn(turn.conn, self._issuing, AFTER, now)


@asynccontextmanager
async def world(pool: Pool, turn: Turn, prices: Prices) -> AsyncIterator[World]:
    """Answer a world with its books in force, those to come too, and an operator."""
    async with pool.connection() as conn:
        for books, since in ((prices.first, SINCE_EVER), (prices.later, prices.since)):
            for each in books.values():
                source = Source(each.text(), {})
                await apply(conn, parse_book(source.text, f"{each.name}.toml"), source, since, "tests", BEGINS)
        async with conn.transaction():
            await keys.ensure_operator(conn, OPERATOR_KEY, Path(), BEGINS)
        operator = await keys.find_one(conn, OPERATOR_KEY, BEGINS)
    assert operator is not None
    yield World(pool, turn, prices, operator)


def turns(customers: Iterable[Customer]) -> list[datetime]:
    """Answer when the worker takes a turn: each week, and on days on which something is to be billed or made final.

    On others it would find nothing, and a year has many.
    """
    ends = [period.end for each in customers for period, _ in periods(each, CLOSED)]
    plans = [(each, {had.plan for had in each.had()}) for each in customers]
    ahead = [(each, period.start) for each, had in plans if "ahead" in had for period, _ in begun(each, CLOSED)]
    wanted = {
        first_turn(CLOSED - DAY),
        *WEEKLY,
        *(ahead_at(each, start) for each, start in ahead),
        *map(first_turn, ends),
        *(first_turn(end + GRACE) for end in ends),
    }
    return sorted(turn for turn in wanted if turn < CLOSED)


def happenings(customers: Iterable[Customer]) -> Iterable[Happening]:
    """Answer all that teams do: events of one team that come at one moment are one body."""
    for customer in customers:
        for decision in customer.decisions:
            yield Happening(decision.at, customer, decision)
        for credit in customer.credits:
            yield Happening(credit.at, customer, credit)
        by_moment = sorted(customer.events, key=lambda each: each.sent)
        for at, used in groupby(by_moment, key=lambda each: each.sent):
            yield Happening(at, customer, tuple(used))
        for each in customer.events:
            if each.withdrawn is not None:
                yield Happening(each.withdrawn, customer, each)


def wish_of(customer: Customer, decision: Decision) -> Wish:
    """Answer a decision as the product is asked for it."""
    if decision.kind == "choose":
        held = any(had.start < decision.at == (had.end or decision.at) for had in customer.had(decision.at))
        anchor = None if held else customer.anchor
        return PlanWish(f"{customer.book}/{decision.name}", anchor_day=anchor)
    if decision.kind == "seats":
        return QuantityWish("seats", decision.number)
    if decision.kind == "coupon":
        return CouponWish(f"{customer.book}/{decision.name}")
    return CancelWish("now")


def event_of(used: Used) -> Event:
    """Answer an event as it is sent."""
    return Event(
        id=used.id,
        time=used.time,
        meter=used.meter,
        quantity=used.quantity,
        member=used.member,
        dimensions=used.dimensions,
    )


def named(used: Used) -> Named:
    """Answer an event by its id."""
    return Named(used.id, "", used.meter, used.time, used.time, used.time + DAY)
