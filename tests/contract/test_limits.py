"""Counters on every engine: what was settled and what came without asking together are what the views say, always."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

import sql
from meter import checks
from meter.corrections.decide import Amendment
from meter.limits import acts, follow
from meter.limits.window import SINCE
from meter.model import Event
from tests.billing.house import new_key
from tests.contract.correcting import change, named, put_back
from tests.contract.limited import (
    differing,
    ensured,
    followed,
    in_views,
    path,
    put,
    rolled_up,
    said,
    settle,
    use,
    used,
    wish,
)
from tests.contract.place import NOW, Place, ask, send

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
TODAY = datetime(2026, 11, 18, tzinfo=UTC)


def tokens(id_: str, quantity: int, at: datetime = NOW - HOUR, member: str | None = None) -> Event:
    """Make an event of input tokens."""
    return Event(id_, at, "tokens.input", quantity, member=member)


async def test_a_counter_made_in_mid_window_knows_what_was_before(place: Place) -> None:
    """Usage of the window, rolled up or not, is in a counter as soon as it is made; that of other windows is not."""
    await send(place, tokens("a", 5), tokens("b", 7, NOW - DAY), tokens("c", 11, MONTH - MINUTE))
    await rolled_up(place)
    await send(place, tokens("d", 100))
    await put(place, wish("month"))
    await put(place, wish("day", window="day"))
    await put(place, wish("ever", window="ever"))
    await ensured(place, await path(place, use()))
    assert await said(place) == {
        ("month", "", MONTH): (0, 112),
        ("day", "", TODAY): (0, 105),
        ("ever", "", SINCE): (0, 123),
    }


async def test_what_came_without_asking_is_followed(place: Place) -> None:
    """Plain ingest, late events, voids, amendments and what is put back: after each the counters are what is seen."""
    await put(place, wish("month"))
    await put(place, wish("day", window="day"))
    counted = await ensured(place, await path(place, use()))
    await send(place, tokens("a", 5), tokens("b", 7))
    await followed(place)
    assert await used(place) == {"month": 12, "day": 12}
    await send(place, tokens("late", 20, NOW - 2 * DAY))
    await followed(place)
    assert await used(place) == {"month": 32, "day": 12}
    voided = await change(place, [named("a")])
    await change(place, [named("b")], Amendment(quantity=Decimal(70)))
    await followed(place)
    assert await used(place) == {"month": 90, "day": 70}
    await put_back(place, voided.public_id)
    await settle(place, counted, 1_000)
    await followed(place)
    assert await used(place) == {"month": 1_095, "day": 1_075}
    assert (await said(place))["day", "", TODAY] == (1_000, 75)
    assert await in_views(place, MONTH, DECEMBER) == 1_095
    assert await differing(place) == 0


async def test_what_was_settled_is_not_counted_twice(place: Place) -> None:
    """At no moment: before it is rolled up, after, and when it was followed; and a new counter finds it as ingested."""
    await send(place, tokens("series", 1))
    await put(place, wish("month"))
    counted = await ensured(place, await path(place, use()))
    for number in range(1, 4):
        await settle(place, counted, 10)
        assert await used(place) == {"month": 1 + 10 * number}
        await rolled_up(place)
        assert await used(place) == {"month": 1 + 10 * number}
        await followed(place)
        assert await used(place) == {"month": 1 + 10 * number}
    await put(place, wish("later"))
    await ensured(place, await path(place, use()))
    assert await said(place) == {("month", "", MONTH): (30, 1), ("later", "", MONTH): (0, 31)}


async def test_settled_and_then_voided(place: Place) -> None:
    """What is taken back of a settled call is free again: the counter then has less than was settled."""
    await send(place, tokens("a", 5))
    await put(place, wish("month"))
    counted = await ensured(place, await path(place, use()))
    async with place.pool.connection() as conn:  # the event of a call that settled 5 counters' units for it
        await conn.execute("update counter set settled = settled + 5, ingested = ingested - 5")
    assert len(counted) == 1
    await followed(place)
    assert await said(place) == {("month", "", MONTH): (5, 0)}
    await change(place, [named("a")])
    await followed(place)
    assert await said(place) == {("month", "", MONTH): (5, -5)}


async def test_each_is_counted_apart(place: Place) -> None:
    """Members have counters of their own as soon as their usage is met, also those who never asked."""
    await put(place, wish("all"))
    await put(place, wish("own", each=("member",)))
    await put(place, wish("kinds", meters=("tokens.input", "tokens.output"), each=("meter",)))
    await send(place, tokens("a", 5, member="ann"), tokens("b", 7, member="bob"), tokens("c", 11))
    await send(place, Event("d", NOW - HOUR, "tokens.output", 13, member="ann"))
    await followed(place)
    assert await used(place) == {
        "all": 23,
        "own ann": 5,
        "own bob": 7,
        "own": 11,
        "kinds tokens.input": 23,
        "kinds tokens.output": 13,
    }


async def test_internal_usage_counts_for_nobody(place: Place) -> None:
    """What runs under an internal key is never stopped, and stops nobody else; nor do calls that failed."""
    await put(place, wish("month"))
    internal = place._replace(caller=await new_key(place.pool, place.team, "internal"))
    await send(internal, tokens("own", 50))
    await send(place, tokens("a", 5), Event("f", NOW - HOUR, "tokens.input", 7, attributes={"status": "500"}))
    await ensured(place, await path(place, use()))
    assert await used(place) == {"month": 5}


async def test_units_are_kept_as_they_are_stored(place: Place) -> None:
    """A core-hour is 3,600 core-seconds: two hours of one core that reach over midnight are a half in each day."""
    await put(place, wish("cores", 2, meters=("cpu",), window="day"))
    around = Event("s", TODAY + HOUR / 2, "cpu", 1, duration_seconds=Decimal(3600))
    await send(place, around)
    found = await path(place, use(cpu=0))
    await ensured(place, found)
    assert [limit.most for limit in found] == [7_200]
    assert await used(place) == {"cores": 1_800}


async def test_a_sliding_window_forgets(place: Place) -> None:
    """What came is in it for as long as it is, and what was settled is in its slots; neither counts twice."""
    await put(place, wish("slide", window="rolling", seconds=7_200))
    await send(place, tokens("old", 100, NOW - 3 * HOUR), tokens("a", 5, NOW - HOUR), tokens("b", 7, NOW))
    found = await path(place, use())
    counted = await ensured(place, found)
    slot = {found[0].key: counted[found[0].key]}
    await settle(place, slot, 30)
    for _ in range(2):
        await followed(place)
        assert (await said(place))["slide", "", SINCE] == (0, 12)
    async with place.pool.connection() as conn:
        await follow.turn(conn, NOW + 70 * MINUTE)  # nothing new: what slid out is gone all the same
    assert (await said(place))["slide", "", SINCE] == (0, 7)
    async with place.pool.connection() as conn:
        await follow.turn(conn, NOW + 4 * HOUR)
    assert await said(place) == {("slide", "", SINCE): (0, 0)}


async def test_two_who_follow_at_once(place: Place) -> None:
    """Many make and follow the same counters while usage comes: no deadlock, and in the end all is right."""
    await put(place, wish("month"))
    await put(place, wish("own", each=("member",)))
    await put(place, wish("day", window="day"))

    async def asks(number: int) -> None:
        for turn in range(3):
            await send(place, tokens(f"{number} {turn}", 1, member="ab"[number % 2]))
            await ensured(place, await path(place, use(member_id=number % 2)))
            async with place.pool.connection() as conn:
                await follow.turn(conn, NOW)

    await asyncio.gather(*(asks(number) for number in range(6)))
    await followed(place)
    assert (await used(place))["month"] == 18
    assert await differing(place) == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_it_is_what_the_views_say(place: Place, seed: int) -> None:
    """A random run of everything that moves usage: a rebuild has nothing to set right, or does so."""
    dice = Random(seed)  # noqa: S311 - the same steps each time
    await put(place, wish("month", each=("member",)))
    await put(place, wish("day", window="day"))
    sent: list[str] = ["first"]
    await send(place, tokens("first", 1))
    undo = []
    for number in range(25):
        match dice.choice(["send", "late", "void", "amend", "undo", "settle", "follow"]):
            case "send":
                await send(place, tokens(f"s{number}", dice.randrange(9), member=dice.choice(["ann", "bob", None])))
                sent.append(f"s{number}")
            case "late":
                await send(place, tokens(f"l{number}", 3, NOW - dice.randrange(20) * DAY))
            case "void" if sent:
                undo.append((await change(place, [named(sent.pop())])).public_id)
            case "amend" if sent:
                await change(place, [named(dice.choice(sent))], Amendment(quantity=Decimal(number + 40)))
            case "undo" if undo:
                await put_back(place, undo.pop())
            case "settle":
                await settle(place, await ensured(place, await path(place, use())), number)
            case "follow":
                await followed(place)
    await followed(place)
    assert await differing(place) == 0
    found = await used(place)
    assert sum(many for name, many in found.items() if name.startswith("month")) == await in_views(
        place, MONTH, DECEMBER
    )
    async with place.pool.connection() as conn:
        await conn.execute("update counter set ingested = ingested + 1")
        assert await differing(place) == len(found)
        assert len((await follow.rebuild(conn, place.team, NOW)).wrong) == len(found)
    assert await used(place) == found


async def test_nothing_waits_in_the_log(place: Place) -> None:
    """A team without limits costs nothing but rows of the log, which go; what is long over or ended is forgotten."""
    await send(place, tokens("a", 5))
    await followed(place)
    async with place.pool.connection() as conn:
        assert await (await conn.execute("select from follow_up where job = 'limits'")).fetchall() == []
    await put(place, wish("day", window="day"))
    await ensured(place, await path(place, use()))
    assert len(await said(place)) == 1
    async with place.pool.connection() as conn:
        await follow.turn(conn, NOW + 30 * DAY)
        assert await ask(conn, "list_limit_counters", {"team_id": place.team.id}) == []
    ever = await put(place, wish("ever", window="ever"))
    await ensured(place, await path(place, use()))
    async with place.pool.connection() as conn:
        async with conn.transaction():
            await acts.end(conn, await acts.lock(conn, place.team.id, ever.public_id), NOW)
        for days, left in ((6, 2), (9, 0)):  # the day's of NOW, too
            await follow.turn(conn, NOW + days * DAY)
            assert len(await ask(conn, "list_limit_counters", {"team_id": place.team.id})) == left


async def test_the_doctor_sees_a_wrong_counter(place: Place) -> None:
    """What was used and is followed holds; one that says something else is found, until usage waits to be followed."""

    async def holds() -> bool:
        name = "counters_say_what_was_used"
        async with place.pool.connection() as conn:
            (found,) = await checks.run(conn, NOW, {name: sql.checks()[name]})
        return found.holds

    await put(place, wish("month", each=("member",)))
    await put(place, wish("day", window="day", meters=("tokens.input", "tokens.output")))
    await send(place, tokens("a", 5, member="ann"), tokens("b", 7))
    await followed(place)
    assert await holds()
    async with place.pool.connection() as conn:
        assert await follow.lag(conn, NOW + HOUR) == HOUR
        await conn.execute("update counter set settled = settled + 1 where member_id <> 0")
    assert not await holds()
    await send(place, tokens("c", 1))
    assert await holds()
