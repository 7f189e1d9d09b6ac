"""Usage that nobody asked for beforehand is charged too, once, whatever comes in which order; on every engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import sql
from meter import checks
from meter import database as databases
from meter.audit import Actor
from meter.ingest import Ingest
from meter.ledger import accounts, charging
from meter.ledger.charging import Charging
from meter.ledger.store import find, look
from meter.limits import follow
from meter.migrate import Engine
from meter.model import Event
from meter.rating.money import exact
from tests.billing.house import House, make_team, new_key
from tests.billing.tariff import put_in_force
from tests.contract.booking import CHECKS
from tests.contract.conftest import CONNECTIONS
from tests.contract.correcting import change, named, put_back
from tests.contract.limited import rolled_up
from tests.contract.limiting import authorize, desk_of, settle
from tests.contract.place import NOW, PAST_DAYS, Place, ask

HOLD = (*CHECKS, "usage_is_charged_as_counted", "reservations_hold_what_is_reserved")
TOKENS = "tokens.input"
BOOK = """
name = "tariff"
title = "Tariff"
currency = "USD"

[plans.now]
title = "Now"
charge = "immediate"
over_quota = "bill"
[plans.now.prices.tokens]
title = "Tokens"
meter = "tokens.input"
unit = "token"
model = "graduated"
included = 100
tiers = [{ up_to = 200, unit_amount = "0.10" }, { unit_amount = "0.01" }]

[plans.ahead]
title = "Ahead"
charge = "prepaid"
over_quota = "bill"
[plans.ahead.prices.tokens]
title = "Tokens"
meter = "tokens.input"
unit = "token"
unit_amount = "0.10"

[plans.later]
title = "Later"
over_quota = "bill"
[plans.later.prices.tokens]
title = "Tokens"
meter = "tokens.input"
unit = "token"
unit_amount = "0.10"
"""


@exact()
def costs(many: int) -> Decimal:
    """Answer what so many tokens of a month cost: 100 are free, 200 are 0.10 each, and more 0.01."""
    paid = max(many - 100, 0)
    return min(paid, 200) * Decimal("0.10") + max(paid - 200, 0) * Decimal("0.01")


@pytest.fixture(name="place")
async def fixture_place(engine: Engine, any_database: str) -> AsyncIterator[Place]:
    """Answer a place whose team is charged as it uses tokens."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        await put_in_force(pool, BOOK)
        house: House = await make_team(pool, Ingest(pool, PAST_DAYS), "tariff/now")
        yield Place(engine, any_database, pool, house.ingest, house.team, house.caller)


async def another(place: Place, plan: str) -> Place:
    """Answer the same place with another team, on another plan."""
    house: House = await make_team(place.pool, place.ingest, plan)
    return place._replace(team=house.team, caller=house.caller)


async def sent(place: Place, quantity: int, name: str = "a", at: datetime = NOW, **more: Any) -> None:
    """Ingest an event as everybody does."""
    event = Event(name, at, TOKENS, quantity, **more)
    assert (await place.ingest.take(place.team, place.caller, (event,), NOW)).accepted == 1


async def asked(place: Place, quantity: int) -> None:
    """Settle a call that was asked for beforehand."""
    desk = desk_of(place)
    reservation = (await authorize(desk, place, quantity, meter=TOKENS)).reservation
    await settle(desk, place, reservation, quantity, meter=TOKENS)


async def worked(place: Place, now: datetime = NOW) -> Charging:
    """Roll up and follow, as the worker does, and answer what was charged for that."""
    await rolled_up(place)
    done = Charging()
    async with place.pool.connection() as conn:
        await follow.turn(conn, now, done)
    return done


async def spent(place: Place) -> dict[int | None, Decimal]:
    """Answer what usage took of each account of the team by key; everything must add up."""
    async with place.pool.connection() as conn:
        found = await checks.run(conn, NOW, {name: sql.checks()[name] for name in HOLD})
        assert [(each.name, each.rows) for each in found if not each.holds] == []
        return {key: (await look(conn, account.id)).spent for key, account in (await find(conn, place.team.id)).items()}


async def booked(place: Place) -> int:
    """Answer how many transactions there are."""
    async with place.pool.connection() as conn:
        return len(await ask(conn, "list_deductions", {"team_id": place.team.id}))


async def opened(place: Place, key_id: int | None, terms: accounts.Terms = accounts.Terms("USD")) -> None:  # noqa: B008
    """Open an account of the team, or of one of its keys."""
    async with place.pool.connection() as conn, conn.transaction():
        await accounts.put(conn, place.team, key_id, terms, Actor("system", NOW))


async def test_plain_usage_is_charged_once(place: Place) -> None:
    """As its place among the tiers says; the account is opened for it, and what is included costs nothing."""
    await sent(place, 80)
    await worked(place)
    assert await spent(place) == {}  # all of it is included
    await sent(place, 120, "b")
    assert (await worked(place)).booked == 1
    assert (await worked(place)).booked == 0
    assert await spent(place) == {None: Decimal("10.00")}
    await sent(place, 150, "c", NOW - timedelta(days=3))
    await worked(place)
    assert await spent(place) == {None: Decimal("20.50")}
    async with place.pool.connection() as conn:
        account = (await find(conn, place.team.id))[None]
        rows = await ask(conn, "list_deductions", {"team_id": place.team.id})
    assert (account.unit, account.floor) == ("USD", None)
    assert [(meter, said["price"], said["ingested"]) for meter, said in rows] == [
        (TOKENS, "tariff/now/tokens", True)
    ] * 2


async def test_who_pays_later_is_not_charged(place: Place) -> None:
    """Nor is usage under internal keys, and of calls that failed."""
    later = await another(place, "tariff/later")
    await sent(later, 500)
    internal = place._replace(caller=await new_key(place.pool, place.team, "internal"))
    await sent(internal, 500, "b")
    await worked(place)
    assert (await spent(place), await spent(later)) == ({}, {})


async def test_paid_ahead_stops_the_next_call(place: Place) -> None:
    """Plain usage is booked in full, below zero; whoever asks then hears no."""
    ahead = await another(place, "tariff/ahead")
    await opened(ahead, None, accounts.Terms("credits", Decimal("0.01")))
    await sent(ahead, 7)
    await worked(ahead)
    assert await spent(ahead) == {None: Decimal(70)}  # credits, each 0.01
    decision = (await authorize(desk_of(ahead), ahead, 1, meter=TOKENS)).decision
    assert not decision.allowed


async def test_what_is_voided_is_given_back(place: Place) -> None:
    """And taken again when that is undone."""
    await sent(place, 250)
    await sent(place, 100, "b")
    await worked(place)
    assert await spent(place) == {None: costs(350)}
    voided = await change(place, [named("b")])
    await worked(place)
    assert await spent(place) == {None: costs(250)}
    await put_back(place, voided.public_id)
    await worked(place)
    assert await spent(place) == {None: costs(350)}
    await change(place, [named("a"), named("b")])
    await worked(place)
    assert await spent(place) == {None: Decimal(0)}


@pytest.mark.parametrize("seed", range(2))
async def test_any_order_comes_to_the_same(place: Place, seed: int) -> None:
    """Calls that were settled and plain events, followed now and then: in the end it is what all of it costs."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    await opened(place, None, accounts.Terms("USD", floor=None))
    total = 0
    for number in range(10):
        many = dice.randint(1, 60)
        match dice.choice(["sent", "asked", "asked", "worked"]):
            case "sent":
                await sent(place, many, str(number), NOW - timedelta(days=dice.randint(0, 9)))
                total += many
            case "asked":
                await asked(place, many)
                total += many
            case _:
                await worked(place)
    await worked(place)
    assert await spent(place) == {None: costs(total)}
    assert (await worked(place)).booked == 0


async def test_two_workers_charge_once(place: Place) -> None:
    """Whoever comes second finds nothing left."""
    await sent(place, 250)
    await rolled_up(place)
    done = Charging(), Charging()

    async def work(each: Charging) -> None:
        async with place.pool.connection() as conn:
            await follow.turn(conn, NOW, each)

    await asyncio.gather(*map(work, done))
    assert sum(each.booked for each in done) == 1
    assert await spent(place) == {None: costs(250)}


async def test_nothing_is_done_by_halves(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that goes in the middle has charged nothing, and the next one charges all of it."""
    await sent(place, 250)

    async def gone(*_: object) -> None:
        await asyncio.sleep(0)
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(charging, "write", gone)
        with pytest.raises(ConnectionError):
            await worked(place)
    assert await spent(place) == {None: Decimal(0)}
    await worked(place)
    assert await spent(place) == {None: costs(250)}


async def test_a_settle_while_the_job_runs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It charges itself between what the job read and what it writes; nobody charges it a second time."""
    await opened(place, None, accounts.Terms("USD", floor=None))
    await asked(place, 30)
    await sent(place, 120)
    counters = charging._counters

    async def meanwhile(*args: Any) -> Any:
        await asked(place, 90)
        return await counters(*args)

    with monkeypatch.context() as patch:
        patch.setattr(charging, "_counters", meanwhile)
        assert (await worked(place)).booked == 1
    assert await booked(place) == 2
    await worked(place)
    assert await spent(place) == {None: costs(240)}


async def test_keys_with_accounts_of_their_own_add_up(place: Place) -> None:
    """Each account owes its share of the units, settled or not; one may be in credits."""
    key = await new_key(place.pool, place.team, "standard")
    other = await new_key(place.pool, place.team, "standard")
    await opened(place, key.key_id, accounts.Terms("USD", floor=None))
    await opened(place, other.key_id, accounts.Terms("credits", Decimal("0.01"), None))
    mine, theirs = place._replace(caller=key), place._replace(caller=other)
    await sent(mine, 130)
    await worked(place)
    await asked(theirs, 70)
    await sent(place, 200, "b")
    await asked(mine, 11)
    await worked(place)
    found = await spent(place)
    share = {None: 200, key.key_id: 141, other.key_id: 70}
    money = found | {other.key_id: found[other.key_id] / 100}
    assert sum(money.values()) == costs(411)
    for whose, units in share.items():
        assert money[whose] == pytest.approx(costs(411) * units / 411, abs=Decimal("1e-20"))
    assert (await worked(place)).booked == 0


async def test_a_key_that_gets_an_account_takes_its_part(place: Place) -> None:
    """Of the whole billing period: the team has back what it paid for it."""
    key = await new_key(place.pool, place.team, "standard")
    await opened(place, None, accounts.Terms("USD", floor=None))
    await sent(place._replace(caller=key), 150)
    await asked(place, 150)
    await worked(place)
    await opened(place, key.key_id, accounts.Terms("USD", floor=None))
    await sent(place, 100, "b")
    await worked(place)
    found = await spent(place)
    assert sum(found.values()) == costs(400)
    assert found[key.key_id] == pytest.approx(costs(400) * 150 / 400, abs=Decimal("1e-20"))


async def test_another_currency_is_never_converted(place: Place) -> None:
    """Nothing is charged, and whose it is is said."""
    await opened(place, None, accounts.Terms("EUR", floor=None))
    await sent(place, 250)
    done = await worked(place)
    assert done.unlike == {str(place.team.public_id)}
    assert await spent(place) == {None: Decimal(0)}


async def test_a_plan_change_splits_the_month(place: Place) -> None:
    """Only the part of the month that is charged as it is used is; each by its own price."""
    ahead = await another(place, "tariff/ahead")
    await sent(ahead, 10)
    await worked(ahead)
    house = House(ahead.pool, ahead.ingest, ahead.team, ahead.caller)
    await house.put_on("tariff/later", NOW + timedelta(hours=1))
    event = Event("b", NOW + timedelta(hours=2), TOKENS, 20)
    assert (await place.ingest.take(ahead.team, ahead.caller, (event,), NOW + timedelta(hours=3))).accepted == 1
    await worked(ahead, NOW + timedelta(hours=3))
    assert await spent(ahead) == {None: Decimal("1.00")}


async def test_an_old_month_is_charged_no_second_time(place: Place) -> None:
    """Its counters are kept as long as they say that something was charged; late usage adds to it."""
    october = datetime(2026, 10, 7, tzinfo=UTC)
    await sent(place, 250, "a", october)
    await worked(place)
    await worked(place, NOW + timedelta(days=40))
    await sent(place, 10, "b", october)
    await worked(place)
    assert await spent(place) == {None: costs(260)}


def test_costs() -> None:
    """The tests' own sums."""
    told: Mapping[int, str] = {100: "0", 250: "15.00", 300: "20.00", 400: "21.00"}
    assert {many: costs(many) for many in told} == {many: Decimal(text) for many, text in told.items()}
