"""The year is over: what there is, beside what was reckoned, and whether everything else holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from meter import checks, invoices
from meter.invoices import Invoice
from meter.ledger import store as ledger
from meter.verify import invoice as verified
from tests.billing.year.clock import World
from tests.billing.year.customers import Customer, Prices
from tests.billing.year.reckoning import Line, Owed, Reckoner

PAGE = 100
NAMED = 20
APART = {"advance", "adjustment"}
"""Lines that say what other invoices billed, or should have: they are seen in the sums."""


class Sums(NamedTuple):
    """What the year was, in numbers."""

    teams: int
    events: int
    invoices: int
    verified: int
    revenue: dict[str, Decimal]


async def all_invoices(world: World) -> list[Invoice]:
    """Answer every invoice with its lines, the first number first."""
    found: list[Invoice] = []
    async with world.pool.connection() as conn:
        before = None
        while page := await invoices.list_invoices(conn, None, before, PAGE):
            before = page[-1].public_id
            for each in page:
                whole = await invoices.get(conn, each.public_id, None)
                assert whole is not None
                found.append(whole)
    return sorted(found, key=lambda each: each.number or "")


def said(invoice: Invoice) -> Owed:
    """Answer what an invoice says; lines about other invoices are seen in its sums."""
    lines = sorted(Line(line.price, line.amount) for line in invoice.lines if line.amount and line.kind not in APART)
    assert invoice.sums is not None
    period = invoice.period
    return Owed(
        period.start, period.end, invoice.reason, invoice.currency, tuple(lines), invoice.sums.tax, invoice.total
    )


def reckoned(customers: Sequence[Customer], prices: Prices, until: datetime) -> dict[str, list[Owed]]:
    """Answer what each team owes, by its name."""
    return {each.name: sorted(Reckoner(each, prices).owed(until)) for each in customers}


def differences(world: World, made: Sequence[Invoice], expected: dict[str, list[Owed]]) -> list[str]:
    """Answer where teams have other invoices than were reckoned, line by line; some of them, for people to read."""
    names, there = {home.team.id: name for name, home in world.homes.items()}, dict[str, list[Owed]]()
    for each in made:
        there.setdefault(names[each.team_id], []).append(said(each))
    found: list[str] = []
    for name in sorted(there.keys() | expected.keys()):
        one, other = sorted(there.get(name, [])), expected.get(name, [])
        found += [f"{name} was billed  {each}" for each in one if each not in other]
        found += [f"{name} was to be   {each}" for each in other if each not in one]
    return sorted(found, key=lambda each: (each.partition(" ")[0], each.partition("start=")[2]))[:NAMED]


def numbered(made: Sequence[Invoice]) -> None:
    """See that all are final, numbered without gaps, once per period and reason, and add up on both sides."""
    assert [each.number for each in made] == [f"HM-{number:06}" for number in range(1, len(made) + 1)]
    once = Counter((each.team_id, each.period.start, each.period.end, each.reason) for each in made)
    assert set(once.values()) == {1}
    for each in made:
        assert sum((share.amount for share in each.members), Decimal(0)) == each.total


def revenue(made: Sequence[Invoice] | Sequence[Owed]) -> dict[str, Decimal]:
    """Answer what was billed, by currency."""
    sums: dict[str, Decimal] = {}
    for each in made:
        sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.total
    return sums


async def verify(world: World, made: Sequence[Invoice]) -> int:
    """See that invoices are the same when they are made again from raw events; how many were."""
    teams = {home.team.id: home.team for home in world.homes.values()}
    async with world.pool.connection() as conn:
        for each in made:
            verdict = await verified.verify(conn, teams[each.team_id], each)
            assert verdict.state == "agrees", (each.number, verdict)
    return len(made)


async def balances(world: World) -> dict[str, Decimal]:
    """Answer what is in each team's account."""
    found = {}
    async with world.pool.connection() as conn:
        for name, home in world.homes.items():
            account = (await ledger.find(conn, home.team.id))[None]
            async with conn.transaction():
                found[name] = (await ledger.lock(conn, [account.id]))[account.id].balance
    return found


def paid(made: Sequence[Invoice]) -> Decimal:
    """Answer what accounts paid of all invoices, less what was carried to them."""
    return sum((each.amount for invoice in made for each in invoice.settlements), Decimal(0))


async def broken(world: World, now: datetime) -> list[str]:
    """Answer the checks of the doctor that found something, or came to no answer."""
    async with world.pool.connection() as conn:
        return [each.name for each in await checks.run(conn, now) if not each.holds]
