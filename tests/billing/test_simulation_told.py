"""What a what-if tells beside sums: who is in none of them and why, and how far it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import pytest

from meter.errors import NoSubscription, NotFound
from meter.model import Event, Team
from meter.prices.store import Source
from meter.simulation import replay, twice
from meter.simulation.result import Paid, Progress, TeamResult
from meter.subscriptions.changes import Decided, Start
from tests.billing.house import NOW, House
from tests.billing.simulating import (
    AUGUST,
    JULY,
    MONTHS,
    ask,
    put_in_force,
    shop,
    started,
    subscribed,
)


async def test_what_has_no_price_is_told_with_its_usage(house: House) -> None:
    """Neither left out nor nothing: by which side, of which period, how much; and for all together."""
    await put_in_force(house, shop())
    one, other = await subscribed(house, started()), await subscribed(house, started())
    for each, quantity in ((one, 300), (other, 4000)):
        at = datetime(2026, 10, 5, tzinfo=UTC)
        await each.sent(Event(time=at, meter="tokens.input", quantity=Decimal(quantity)))
        await each.sent(Event(time=at, meter="storage", quantity=Decimal(31), duration_seconds=Decimal(86_400)))
    draft = re.sub("prices.tokens = .*included.*\n|\\[\\[overrides(.|\n)*", "", shop().text)
    found = await ask(house, Source(draft, {}), months=2)
    left = found.left_out(one.team)
    (reason,) = left.reasons
    assert (reason.side, reason.code, reason.start) == ("new", "unpriced", datetime(2026, 10, 1, tzinfo=UTC))
    assert [(each.meter, each.quantity) for each in reason.unpriced] == [("tokens.input", Decimal(300))]
    assert [(each.meter, each.quantity) for each in left.used] == [
        ("storage", Decimal(1)),
        ("tokens.input", Decimal(300)),
    ]
    assert (found.totals.teams, found.totals.compared, found.totals.not_compared) == (2, 0, 2)
    assert [
        tuple(getattr(each, name) for name in ("meter", "quantity", "teams")) for each in found.totals.unpriced
    ] == [("tokens.input", 4300, 2)]
    assert found.totals.currencies == ()


async def test_each_reason_that_a_team_is_in_no_sum(house: House) -> None:
    """No period over yet, a plan that the draft lacks, a currency without a rate, an add-on not offered."""
    await put_in_force(
        house, shop(more='[[exchange]]\nfrom = "USD"\nto = "EUR"\nrate = "0.9"\nvalid_from = 2020-01-01T00:00:00Z')
    )
    young = await subscribed(house, started(at=NOW - timedelta(days=1)))
    euro = await subscribed(house, started("shop/pro"), currency="EUR")
    pro = await subscribed(house, started("shop/pro"))
    found = await ask(house, shop())
    assert [each.code for each in found.left_out(young.team).reasons] == ["period_not_over"]
    assert {(each.side, each.code) for each in found.left_out(euro.team).reasons} == {("new", "currency_mismatch")}
    assert found.paid(pro.team).difference == 0
    lacking = shop().text.replace("[plans.pro]", "[plans.max]")
    found = await ask(house, Source(lacking, {}))
    assert {(each.side, each.code) for each in found.left_out(pro.team).reasons} == {("new", "unknown_plan")}
    assert len(found.left_out(pro.team).reasons) == MONTHS
    elsewhere = await ask(house, shop(), only=[house.team, pro.team])
    assert [each.code for each in elsewhere.left_out(house.team).reasons] == ["no_subscription"]
    assert set(elsewhere.teams) == {house.team.public_id, pro.team.public_id}
    with pytest.raises(NotFound, match="there is no team"):
        await ask(house, shop(), only=[msgspec.structs.replace(house.team, public_id=uuid4())])


async def test_where_raw_events_are_gone(house: House) -> None:
    """A period that an edge cuts out of a quarter hour can't be read any more; what was used still is told."""
    await put_in_force(house, shop())
    cut = await subscribed(house, Decided(JULY + timedelta(days=9, minutes=7), Start("shop/basic", restart=True)))
    whole = await subscribed(house, started())
    for each in (cut, whole):
        await each.sent(Event(time=JULY + timedelta(days=20), meter="tokens.input", quantity=Decimal(1500)))
    async with house.pool.connection() as conn:
        await conn.execute("update raw_floor set floor = %s, closed = %s", (AUGUST, AUGUST))
    found = await ask(house, shop(tokens="0.02"), months=4)
    assert {each.code for each in found.left_out(cut.team).reasons} == {"raw_data_gone"}
    assert [(each.meter, each.quantity) for each in found.left_out(cut.team).used] == [("tokens.input", Decimal(1500))]
    assert found.paid(whole.team) == Paid(Decimal("45.00"), Decimal("50.00"))


def nobody(number: int) -> Team:
    """A team that is in no database."""
    return Team(number, UUID(int=number), f"Team {number}", "UTC", "USD", None, NOW)


async def test_progress_is_told_while_nothing_is_done() -> None:
    """A line again and again, until the first teams are; those that come to nothing are done too."""
    go_on, three = asyncio.Event(), [nobody(n) for n in range(3)]

    async def work(some: Sequence[Team]) -> list[TeamResult]:
        await go_on.wait()
        left: list[TeamResult] = [twice.left_out(team, NoSubscription("none")) for team in some]
        return left if len(some) > 1 else []

    told: list[Progress] = []
    results: list[TeamResult] = []
    async for each in replay.simulate(three, work, 2, 0.001):
        if not isinstance(each, Progress):
            results.append(each)
            continue
        told.append(each)
        if len(told) > 1:
            go_on.set()
    assert told[:2] == [Progress(0, 3), Progress(0, 3)]
    assert told[-1] == Progress(3, 3)
    assert [each.team for each in results] == [team.public_id for team in three[:2]]


async def test_who_asks_no_longer_keeps_nobody_working() -> None:
    """Closed early, no more teams are begun and those that wait are let go."""
    begun: list[int] = []
    let_go: list[int] = []
    both = asyncio.Event()

    async def work(some: Sequence[Team]) -> list[TeamResult]:
        begun.append(some[0].id)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            let_go.append(some[0].id)
            if len(let_go) == len(begun):
                both.set()
            raise
        return []

    asked = replay.simulate([nobody(n) for n in range(9)], work, 1, 0.001)
    assert await anext(asked) == Progress(0, 9)
    await asked.aclose()
    await both.wait()
    assert begun == let_go == [0, 1]
