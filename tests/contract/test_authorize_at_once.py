"""Two who ask at the same moment, each in a process of its own: one decides on what the other leaves."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from meter.packed import Bigints, Numerics
from sql import statement
from tests.contract.limiting import authorize, counters, desk_of, make_budget
from tests.contract.place import Place, until_blocked


@pytest.mark.parametrize(("taken", "allowed"), [(3, True), (4, False)])
async def test_who_comes_second_waits_for_the_first(place: Place, taken: int, *, allowed: bool) -> None:
    """The first has taken its part and not committed; the second is told of it, and never goes beyond."""
    budget = await make_budget(place, 10)
    before = await authorize(desk_of(place), place, 1)
    ((counter, _),) = before.decision.held.counters
    none = Numerics([Decimal(0)])
    taking = {"ids": Bigints([counter]), "settled": none, "reserved": Numerics([Decimal(taken)]), "charged": none}
    async with place.pool.connection() as first, place.pool.connection() as watcher:
        async with first.transaction():
            await first.execute(statement("add_to_counters"), taking)
            second = asyncio.create_task(authorize(desk_of(place), place, 6))
            await until_blocked(watcher, None)
        decision = (await second).decision
    assert decision.allowed is allowed
    assert await counters(place) == [(budget, "", 0, 1 + taken + 6 * allowed, 0)]
