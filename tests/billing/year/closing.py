"""The year is over: what there is, beside what was reckoned, and whether everything else holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from meter import checks, invoices
from meter.invoices import Invoice
from meter.invoices import Sums as InvoiceSums
from meter.ledger import store as ledger
from meter.verify import invoice as verified
from tests.billing.year.clock import LOOKS, World
from tests.billing.year.customers import Customer, Prices
from tests.billing.year.issuing import Issued, Owed, issued
from tests.billing.year.reckoning import Line

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
    own = [line for line in invoice.lines if line.amount and line.kind not in APART]
    lines = tuple(sorted(Line(line.price, line.amount, line.meter) for line in own))
    period, sums = invoice.period, invoice.sums
    assert sums is not None
    given = tuple(sorted(_given(sums).items()))
    return Owed(period.start, period.end, invoice.reason, invoice.currency, lines, given, sums.tax, invoice.total)


def _given(sums: InvoiceSums) -> dict[str, Decimal]:
    """What an invoice takes of gifts, by their names; less than nothing is given back."""
    amounts: dict[str, Decimal] = {}
    for each in sums.promotions:
        amounts[each.title] = amounts.get(each.title, Decimal(0)) + each.amount
    return {name: amount for name, amount in amounts.items() if amount}


def reckoned(customers: Sequence[Customer], prices: Prices, until: datetime) -> dict[str, Issued]:
    """Answer what each team is billed, by its name."""
    return {each.name: issued(each, prices, LOOKS, until) for each in customers}


def differences(world: World, made: Sequence[Invoice], expected: dict[str, Issued]) -> list[str]:
    """Answer where teams have other invoices than were reckoned, line by line; some of them, for people to read."""
    names, there = {home.team.id: name for name, home in world.homes.items()}, dict[str, list[Owed]]()
    for each in made:
        there.setdefault(names[each.team_id], []).append(said(each))
    found: list[str] = []
    for name in sorted(there.keys() | expected.keys()):
        one, other = sorted(there.get(name, [])), sorted(owed for _, owed in expected[name].invoices)
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
    """Answer what is in each team's account; nothing where it has none."""
    found = {}
    async with world.pool.connection() as conn:
        for name, home in world.homes.items():
            account = (await ledger.find(conn, home.team.id)).get(None)
            async with conn.transaction():
                held = {} if account is None else await ledger.lock(conn, [account.id])
            found[name] = sum((each.balance for each in held.values()), Decimal(0))
    return found


def paid(made: Sequence[Invoice]) -> Decimal:
    """Answer what accounts paid of all invoices, less what was carried to them."""
    return sum((each.amount for invoice in made for each in invoice.settlements), Decimal(0))


async def broken(world: World, now: datetime) -> list[str]:
    """Answer the checks of the doctor that found something, or came to no answer."""
    async with world.pool.connection() as conn:
        return [each.name for each in await checks.run(conn, now) if not each.holds]
