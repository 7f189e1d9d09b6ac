"""Charges usage that came without asking to accounts, where the plan says that it is paid as it happens.

What is due is read in one snapshot, together with what was charged until then: a settle charges in the commit of its
event, so of it either both are seen or neither. What is booked is the difference, and `charged` moves in the same
commit; nobody else books differences of the team meanwhile. So nothing is charged twice, and what a crash left undone
is due the next time.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from uuid_utils.compat import uuid7

from meter.audit import Actor
from meter.database import Connection
from meter.ledger import accounts
from meter.ledger import due as dues
from meter.ledger.due import TEAM, Due
from meter.ledger.store import Account, Entry, find, lock, write
from meter.ledger.wallet import Wallet, deduct, in_unit
from meter.limits import follow
from meter.limits.measure import Prices
from meter.limits.path import NOTHING, CounterKey
from meter.model import Team
from meter.prices import store as price_store
from meter.prices.schedule import Schedule, name_of
from meter.rating.money import exact
from meter.rating.periods import Period
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.windows import DAY, HOUR
from sql import statement

log = logging.getLogger(__name__)

Charges = dict[CounterKey, dict[int, Decimal]]
"""What was charged of a price in a billing period, by whose account."""


class Owed(NamedTuple):
    """What an account is to be charged for a price, by meter; less than nothing is given back."""

    due: Due
    account: int
    amounts: Mapping[str, Decimal]


class Found(NamedTuple):
    """What is due, the counters of it that there are, and what was charged."""

    due: Sequence[Due]
    ids: Mapping[CounterKey, int]
    charged: Charges


@dataclass(slots=True)
class Charging:
    """Charges teams whose usage changed; counts what was booked, and names the teams that can't be charged."""

    booked: int = 0
    unlike: set[str] = field(default_factory=set)

    async def __call__(self, conn: Connection, touched: Mapping[int, Sequence[datetime]], now: datetime) -> None:
        """Charges what is due in the billing periods of some quarters. `conn` must be in autocommit mode."""
        plans = charged_plans(await price_store.read(conn)) if touched else frozenset()
        if not plans:
            return
        rows = await (await conn.execute(statement("list_teams_by_id"), {"ids": sorted(touched)})).fetchall()
        for team in (Team(*row) for row in rows):
            changes = (await subscriptions.read(conn, team.id)).standing
            if any(stretch.plan in plans for stretch in timeline.stretches(changes)):
                await self.charge(conn, team, touched[team.id], now)

    async def charge(self, conn: Connection, team: Team, buckets: Sequence[datetime], now: datetime) -> None:
        """Charges what is due of a team in the billing periods of some instants."""
        async with follow.alone(conn, team):
            found = await _found(conn, team, buckets, now)
            ids = await _counters(conn, team, found, now)
            owed = list(_owed(found))
            if owed:
                await self._open(conn, team, owed, now)
                await self._book(conn, team, owed, ids, now)

    async def _open(self, conn: Connection, team: Team, owed: Iterable[Owed], now: datetime) -> None:
        """Opens the team's account where there is none: in its currency, below zero as far as the plan lets it."""
        mine = [each.due for each in owed if each.account == TEAM and each.due.currency == team.currency]
        if mine:
            floor = NOTHING if any(each.prepaid for each in mine) else None
            async with conn.transaction():
                await accounts.opened(conn, team, None, Actor("system", now), floor)

    async def _book(
        self, conn: Connection, team: Team, owed: Sequence[Owed], ids: Mapping[CounterKey, int], now: datetime
    ) -> None:
        """Takes what is owed and says that it is charged, in one commit; holds counters, then accounts, as calls do."""
        async with conn.transaction():
            numbers = sorted({ids[each.due.key] for each in owed})
            held = {
                row[0] for row in await (await conn.execute(statement("hold_counters"), {"ids": numbers})).fetchall()
            }
            own = await _own(conn, team)
            before = await lock(conn, [own[each.account].id for each in owed if each.account in own])
            after, entries, charged = dict(before), list[Entry](), defaultdict[int, Decimal](Decimal)
            for each in owed:
                account = own.get(each.account)
                if account is None or currency_of(account, team) != each.due.currency:
                    self._say(team, each.due, account)
                elif ids[each.due.key] in held:
                    after[account.id], made = booked(after[account.id], each, ids[each.due.key], now)
                    entries += made
                    _add(charged, ids[each.due.key], each.amounts)
            if entries:
                await conn.execute(statement("add_to_counters"), _added(charged))
                await write(conn, before, after, entries, now)
        self.booked += len(entries)

    def _say(self, team: Team, due: Due, account: Account | None) -> None:
        """Says that nothing is charged: nobody knows how much of one currency is how much of another."""
        self.unlike.add(str(team.public_id))
        kept = team.currency if account is None else currency_of(account, team)
        log.warning(
            "team %s: %s is in %s, its account in %s: not charged", team.public_id, due.key.price, due.currency, kept
        )


async def charge(conn: Connection, team: Team, instants: Sequence[datetime], now: datetime) -> None:
    """Charges what is due of a team in the billing periods of some instants. `conn` must be in autocommit mode."""
    await Charging().charge(conn, team, instants, now)


def charged_plans(books: Schedule) -> frozenset[str]:
    """The names of the plans that were ever charged as they are used, for everybody or for one team."""
    versions = [each.book for name in books.names for each in books.versions(name)]
    plans = [plan for book in versions for plan in book.plans.values()]
    plans += [plan for book in versions for agreed in book.overrides for plan in agreed.plans.values()]
    return frozenset(name_of(plan) for plan in plans if plan.charge != dues.INVOICE)


def currency_of(account: Account, team: Team) -> str:
    """The currency that an account's unit is, or has its price in."""
    return account.unit if account.credit_price is None else team.currency


@exact()
def booked(wallet: Wallet, owed: Owed, counter_id: int, now: datetime) -> tuple[Wallet, list[Entry]]:
    """A wallet after what it owes was taken, and what is to be booked for that."""
    entries: list[Entry] = []
    for meter, money in sorted(owed.amounts.items()):
        amount = in_unit(wallet, money)
        wallet, burns = deduct(wallet, meter, amount, now)
        public_id = uuid7()
        entries.append(
            Entry(
                account_id=wallet.account_id,
                kind="usage_deduction",
                meter=meter,
                amount=-amount,
                burns=burns,
                at=now,
                description=f"{owed.due.title} used" if amount > 0 else f"{owed.due.title} used less",
                metadata={
                    "price": owed.due.key.price,
                    "from": owed.due.key.starts_at.isoformat(),
                    "to": owed.due.ends_at.isoformat(),
                    "ingested": True,
                },
                source=f"follow/{counter_id}/{public_id}",
                public_id=public_id,
            )
        )
    return wallet, entries


@exact()
def _add(charged: defaultdict[int, Decimal], counter_id: int, amounts: Mapping[str, Decimal]) -> None:
    charged[counter_id] += sum(amounts.values(), NOTHING)


def _added(charged: Mapping[int, Decimal]) -> dict[str, list[int] | list[Decimal]]:
    nothing = [NOTHING] * len(charged)
    return {"ids": list(charged), "settled": nothing, "reserved": nothing, "charged": list(charged.values())}


async def _found(conn: Connection, team: Team, buckets: Sequence[datetime], now: datetime) -> Found:
    """What is due in the billing periods that some quarters are in, and was charged; all read in one snapshot."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        changes = (await subscriptions.read(conn, team.id)).standing
        meant = (timeline.period_at(changes, team.timezone, bucket) for bucket in buckets)
        periods = sorted({each.start: each for each in meant if each is not None}.values(), key=lambda each: each.start)
        if not periods:
            return Found((), {}, {})
        until = follow.quarter(now + HOUR)
        windows = [(each.start, max(each.start, min(each.end, until))) for each in periods]
        prices = (await follow.read_terms(conn, team, {}, windows, now)).prices
        edges = {edge for window in windows for edge in (*window, *prices.asked(*window))}
        usage = await follow.read_usage(conn, team, sorted(edges))
        own = await _own(conn, team)
        due = [each for period in periods for each in dues.due(period, until, prices, usage, own.keys() - {TEAM})]
        if not due:
            return Found((), {}, {})
        counters = await _standing(conn, team, due)
        charged: Charges = {key: {TEAM: many} for key, (_, many) in counters.items()}
        keys = {account.id: account for whose, account in own.items() if whose != TEAM}
        if keys:
            cuts = sorted({cut for each in periods for cut in prices.cuts(each.start, each.end)})
            asked = {"accounts": list(keys), "since": periods[0].start - DAY, "cuts": cuts}
            rows = await (await conn.execute(statement("sum_charged"), asked)).fetchall()
            _apart(charged, [(keys[row[0]], *row[1:]) for row in rows], periods, prices, cuts)
    return Found(due, {key: number for key, (number, _) in counters.items()}, charged)


def _owed(found: Found) -> Iterator[Owed]:
    for each in found.due:
        for whose, amounts in dues.owing(each, found.charged.get(each.key, {})).items():
            yield Owed(each, whose, amounts)


async def _standing(conn: Connection, team: Team, due: Iterable[Due]) -> dict[CounterKey, tuple[int, Decimal]]:
    """The counters of what is due that are there: their ids, and what was charged."""
    asked = follow.columns(team.id, [each.key for each in due])
    rows = await (await conn.execute(statement("list_charged"), asked)).fetchall()
    return {CounterKey(0, price, 0, 0, 0, "", start): (number, many) for number, price, start, many in rows}


async def _counters(conn: Connection, team: Team, found: Found, now: datetime) -> dict[CounterKey, int]:
    """The counters of what is due. Those that nobody asked for before are made, and say what was used."""
    missing = [each for each in found.due if each.key not in found.ids]
    if not missing:
        return dict(found.ids)
    await follow.make(conn, team.id, {each.key: (each.ends_at, True) for each in missing}, now)
    made = {key: number for key, (number, _) in (await _standing(conn, team, missing)).items()}
    await follow.counters(conn, team, list(made.values()), now)
    return {**found.ids, **made}


async def _own(conn: Connection, team: Team) -> dict[int, Account]:
    """The accounts of a team by whose they are."""
    return {key or TEAM: account for key, account in (await find(conn, team.id)).items()}


Taken = tuple[Account, str | None, datetime | None, str, int | None, Decimal]
"""What was taken of an account: for a price in the period from when, or for a meter in a part of time, in its unit."""


@exact()
def _apart(
    charged: Charges, taken: Iterable[Taken], periods: Sequence[Period], prices: Prices, cuts: Sequence[datetime]
) -> None:
    """Tells apart what was charged to the accounts of keys."""
    for account, price, since, meter, part, amount in taken:
        at = since if since is not None else cuts[part - 1] if part else None
        period = next((each for each in periods if at is not None and at in each), None)
        named = price if price is not None or at is None else dues.price_at(prices, at, meter)
        if period is None or named is None:
            continue
        money = amount * (account.credit_price or 1)
        whose = charged.setdefault(dues.counter_of(named, period), {TEAM: NOTHING})
        whose[account.key_id or TEAM] = whose.get(account.key_id or TEAM, NOTHING) + money
        whose[TEAM] -= money
