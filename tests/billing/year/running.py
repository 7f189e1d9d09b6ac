"""A year from its first team to the doctor's last look, and what it took."""

from __future__ import annotations

import time
from pathlib import Path

from meter import database as databases
from meter.jobs import Turn
from tests.api.site import settings_for
from tests.billing.year import closing, generate, purse
from tests.billing.year.clock import DAY, world
from tests.billing.year.closing import Sums
from tests.billing.year.generate import BEGINS, CLOSED, Wanted

CONNECTIONS = 4


async def a_year(url: str, data_dir: Path, wanted: Wanted, verify_each: int) -> str:
    """Let a year go by, and see that it was billed right; one in `verify_each` is made again from raw events.

    Answers a line of figures.
    """
    began = time.monotonic()
    prices, customers = generate.prices(), list(generate.customers(wanted))
    async with (
        databases.pool(url, CONNECTIONS) as pool,
        await databases.connect(url, autocommit=True) as conn,
        world(pool, Turn(conn, settings_for(url, data_dir), BEGINS), prices) as made,
    ):
        await made.lives(customers)
        lived = time.monotonic() - began
        bills = await closing.all_invoices(made)
        expected = closing.reckoned(customers, prices, CLOSED - DAY)
        wrong = closing.differences(made, bills, expected)
        assert not wrong, "\n".join(wrong)
        closing.numbered(bills)
        owed = [each for team in expected.values() for _, each in team.invoices]
        assert closing.revenue(bills) == closing.revenue(owed)
        assert not [told for told in made.told if told.came == "failed"]
        assert any(told.came == "draft" for told in made.told)
        checked = await closing.verify(made, bills[::verify_each])
        purses = {each.name: purse.after(each, expected[each.name]) for each in customers}
        assert await closing.balances(made) == {name: each.balance for name, each in purses.items()}
        assert closing.paid(bills) == sum(each.paid for each in purses.values())
        assert await closing.broken(made, CLOSED) == []
    events = sum(len(each.events) for each in customers)
    sums = Sums(len(customers), events, len(bills), checked, closing.revenue(bills))
    return told(sums, lived, time.monotonic() - began)


def told(sums: Sums, lived_s: float, took_s: float) -> str:
    """Answer the figures in a line."""
    money = ", ".join(f"{amount:f} {currency}" for currency, amount in sorted(sums.revenue.items()))
    said = f"{sums.teams} teams, {sums.events} events, {sums.invoices} invoices ({sums.verified} verified): {money}"
    return f"{said}; {lived_s:.0f} s to live, {took_s:.0f} s in all"
