"""Grants that come again, in the database: each renewal once, at its instant, however late it is booked and by whom."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.database import connect
from meter.errors import CreditsRefused
from meter.ledger import acts, expire, history, renewing
from meter.ledger.accounts import Terms as Keeping
from meter.ledger.acts import Deposit, Made, Said
from meter.ledger.history import Grant, Wanted
from meter.ledger.recurring import Every, Terms
from meter.ledger.store import lock
from meter.ledger.wallet import Short, owed
from tests.contract.booking import House, housed
from tests.contract.place import NOW, Place, ask, until_blocked

DAY, HOUR, TICK = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
D = Decimal


def again(amount: int = 100, every: Every = "day", start: datetime = NOW, first: int = 100, **more: Any) -> Deposit:
    """Answer a grant of so much, then so much each time; the rest of it is lost where nothing else is said."""
    terms = Terms(D(amount), every, start, start)._replace(**more)
    return Deposit("credit_grant", D(first), None, 100, start, terms.expires_at, recurrence=terms)


async def booked(house: House, **wanted: Any) -> list[history.Transaction]:
    """List what was booked, the first first."""
    return (await history.transactions(house.conn, house.account.id, Wanted(**wanted), 1_000))[::-1]


async def renewals(house: House) -> list[tuple[datetime, str]]:
    """List what renewals took and gave, and when."""
    found = await booked(house, kinds=("credit_grant", "expiry"))
    return [(each.at, str(each.amount)) for each in found if "renewal" in each.metadata]


async def grant(house: House) -> Grant:
    """Answer the grant given last."""
    return (await history.grants(house.conn, house.account.id, 1))[0]


async def test_missed_renewals_are_made_each_in_its_turn(place: Place) -> None:
    """Three days without a worker: each day loses what that day left, and usage since is taken of what came anew."""
    async with housed(place) as house:
        await house.put_in(again())
        for n, (after, amount) in enumerate([(HOUR, 30), (DAY + HOUR, 20), (2 * DAY + HOUR, 60), (3 * DAY, 5)]):
            await house.use("tokens", D(amount), NOW + after, f"use:{n}")
        assert await renewing.turn(house.conn, NOW + 3 * DAY + HOUR) == 3
        assert await renewals(house) == [
            (NOW + DAY, "-70"),
            (NOW + DAY, "100"),
            (NOW + 2 * DAY, "-80"),
            (NOW + 2 * DAY, "100"),
            (NOW + 3 * DAY, "-40"),
            (NOW + 3 * DAY, "100"),
        ]
        assert (await house.wallet()).balance == 95
        for after, balance in ((DAY - TICK, 70), (DAY, 100), (2 * DAY - TICK, 80), (3 * DAY - TICK, 40), (3 * DAY, 95)):
            assert await history.balance_at(house.conn, house.account.id, NOW + after) == balance
        assert await renewing.turn(house.conn, NOW + 4 * DAY - TICK) == 0
        assert await house.broken() == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    uses=st.lists(st.tuples(st.integers(0, 95), st.integers(1, 120), st.sampled_from(["tokens", "tts"])), max_size=9),
    most=st.sampled_from([D(0), D(40), None]),
)
async def test_late_comes_to_what_it_would_have_come_to(
    place: Place, uses: list[tuple[int, int, str]], most: Decimal | None
) -> None:
    """Booked hour by hour or all at the end: the same transactions, debts and balances of every instant."""
    async with housed(place, Keeping("USD", floor=None)) as prompt, housed(place, Keeping("USD", floor=None)) as late:
        for house in (late, prompt):  # a turn is for all accounts: the late one is done before the other is opened
            await house.put_in(again(keep_most=most))
            for n, (hour, amount, meter) in enumerate(sorted(uses)):
                if house is prompt:
                    await renewing.turn(house.conn, NOW + hour * HOUR)
                await house.use(meter, D(amount), NOW + hour * HOUR, f"use:{n}")
            await renewing.turn(house.conn, NOW + 4 * DAY)
        assert await renewals(late) == await renewals(prompt)
        mine, other = await late.wallet(), await prompt.wallet()
        assert (mine.balance, owed(mine), mine.spent) == (other.balance, owed(other), other.spent)
        for hour in range(0, 97, 8):
            at = NOW + hour * HOUR
            balances = [await history.balance_at(each.conn, each.account.id, at) for each in (late, prompt)]
            assert balances[0] == balances[1]
        assert await late.broken() == []


async def test_two_workers_renew_once(place: Place) -> None:
    """Four at once, on three accounts with two such grants that missed three: each renewal is there once."""
    async with AsyncExitStack() as stack:
        houses = [await stack.enter_async_context(housed(place)) for _ in range(3)]
        for house in houses:
            await house.put_in(again())
            await house.put_in(again(7, first=7, keep_most=None))

        async def work() -> int:
            async with place.pool.connection() as conn:
                return await renewing.turn(conn, NOW + 3 * DAY)

        made = await asyncio.gather(*(work() for _ in range(4)))
        assert sum(made) == 3 * 2 * 3
        for house in houses:
            found = await renewals(house)
            assert [amount for _, amount in found if amount == "7"] == ["7"] * 3
            assert [amount for _, amount in found if amount == "100"] == ["100"] * 3
            assert (await house.wallet()).balance == 100 + 4 * 7
        assert await houses[0].broken() == []


async def test_a_worker_that_dies_leaves_none_half_done(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two accounts: the next one goes on there, and nothing comes twice."""
    monkeypatch.setattr(renewing, "SLICE", 1)
    async with housed(place) as one, housed(place) as other:
        for house in (one, other):
            await house.put_in(again())
        async with (
            place.pool.connection() as holder,
            await connect(place.url, autocommit=True) as doomed,
            holder.transaction(),
        ):
            await lock(holder, [other.account.id])
            work = asyncio.create_task(renewing.turn(doomed, NOW + DAY))
            await until_blocked(one.conn, doomed)
            assert [amount for _, amount in await renewals(one)] == ["-100", "100"]
            await ask(holder, "terminate", {"pid": doomed.info.backend_pid})
            with pytest.raises(psycopg.OperationalError):
                await work
        assert await renewals(other) == []
        assert await renewing.turn(one.conn, NOW + DAY) == 1
        for house in (one, other):
            assert await renewals(house) == [(NOW + DAY, "-100"), (NOW + DAY, "100")]
        assert await one.broken() == []


@pytest.mark.parametrize(
    ("amount", "least", "most", "used", "left"),
    [
        (100, 0, 0, 30, 100),  # all of the rest is lost
        (100, 0, None, 30, 170),
        (100, 0, 50, 30, 150),
        (100, 0, 80, 30, 170),
        (0, 40, None, 70, 40),  # nothing anew: filled up to the least
        (0, 40, 250, 30, 70),
        (0, 0, 50, 30, 50),
        (10, 40, 40, 95, 50),
    ],
)
async def test_what_is_kept(place: Place, amount: int, least: int, most: int | None, used: int, left: int) -> None:
    """Of the first hundred, of which something is used: at least so much, at most so much, and what is given anew."""
    async with housed(place) as house:
        kept = again(amount, keep_least=D(least), keep_most=None if most is None else D(most))
        await house.put_in(kept)
        await house.use("tokens", D(used), NOW, "use:1")
        assert await renewing.turn(house.conn, NOW + DAY) == 1
        assert (await house.wallet()).balance == left
        assert await house.broken() == []


@pytest.mark.parametrize(
    ("zone", "every", "start", "until", "instants"),
    [
        # The last day of each month at half past two in Paris, winter and summer.
        (
            "Europe/Paris",
            "month",
            "2026-01-31T01:30Z",
            "2026-05-01T00:00Z",
            ["2026-02-28T01:30Z", "2026-03-31T00:30Z", "2026-04-30T00:30Z"],
        ),
        # Half past two is not there on 29 March: at three, when clocks jump.
        (
            "Europe/Paris",
            "day",
            "2026-03-27T01:30Z",
            "2026-03-30T12:00Z",
            ["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"],
        ),
        (
            "America/New_York",
            "month",
            "2025-12-31T05:00Z",
            "2026-03-01T00:00Z",
            ["2026-01-31T05:00Z", "2026-02-28T05:00Z"],
        ),
    ],
)
async def test_by_the_clock_of_the_teams_zone(
    place: Place, zone: str, every: Every, start: str, until: str, instants: list[str]
) -> None:
    """Where the grant was given; a team that moves later has no renewal twice."""
    async with housed(place) as house:
        there = house._replace(team=msgspec.structs.replace(house.team, timezone=zone))
        await there.put_in(again(every=every, start=datetime.fromisoformat(start)), datetime.fromisoformat(start))
        await renewing.turn(house.conn, datetime.fromisoformat(until))
        wanted = [datetime.fromisoformat(each) for each in instants]
        assert sorted({at for at, _ in await renewals(house)}) == wanted


async def test_it_ends_with_the_grant(place: Place) -> None:
    """None at its end or after it; what is left then goes as of any grant."""
    async with housed(place) as house:
        await house.put_in(again(expires_at=NOW + 2 * DAY))
        assert await renewing.turn(house.conn, NOW + 9 * DAY) == 1
        assert await expire.turn(house.conn, NOW + 9 * DAY) == (1, 0)
        assert [(each.at, str(each.amount)) for each in await booked(house, kinds=("expiry",))] == [
            (NOW + DAY, "-100"),
            (NOW + 2 * DAY, "-100"),
        ]
        assert (await house.wallet()).balance == 0
        assert await house.broken() == []


@pytest.mark.parametrize(("how", "left"), [("stop", 100), ("void", 0), ("reverse", 0)])
async def test_it_is_ended_on_purpose(place: Place, how: str, left: int) -> None:
    """Stopped, what is there stays and what was due is made; voided or taken back, nothing comes any more."""
    async with housed(place) as house:
        given = (await house.put_in(again())).transaction
        assert given.grant is not None
        actor = house.actor(NOW + DAY + HOUR)
        async with house.conn.transaction():
            if how == "stop":
                ended = await acts.stop(house.conn, house.team, house.account, given.grant, Said(), actor)
                assert ended.recurrence is not None
                assert ended.recurrence.ended_at == NOW + DAY + HOUR
            elif how == "void":
                await acts.void(house.conn, house.team, house.account, given.grant, Said(), actor)
            else:
                await acts.reverse(house.conn, house.team, house.account, given.public_id, Said(), actor)
        assert await renewing.turn(house.conn, NOW + 9 * DAY) == (how == "stop")
        assert (await house.wallet()).balance == left
        with pytest.raises(CreditsRefused) as refused:
            await acts.stop(house.conn, house.team, house.account, given.grant, Said(), actor)
        assert refused.value.members["reason"] == "not_recurring"
        recurrence = (await grant(house)).recurrence
        assert recurrence is not None
        assert recurrence.next_at is None
        assert await house.broken() == []


async def test_a_renewal_is_reversed_and_the_next_one_comes(place: Place) -> None:
    """What one gave is taken back like anything else; it is not made again."""
    async with housed(place) as house:
        await house.put_in(again())
        await renewing.turn(house.conn, NOW + DAY)
        [_, renewal] = await booked(house, kinds=("credit_grant",))
        async with house.conn.transaction():
            actor = house.actor(NOW + DAY + HOUR)
            made: Made = await acts.reverse(house.conn, house.team, house.account, renewal.public_id, Said(), actor)
        assert str(made.transaction.amount) == "-100"
        assert await renewing.turn(house.conn, NOW + DAY + HOUR) == 0
        assert await renewing.turn(house.conn, NOW + 2 * DAY) == 1
        assert (await house.wallet()).balance == 100
        assert await house.broken() == []


async def test_what_is_reserved_is_not_lost(place: Place) -> None:
    """A call that was let through before a renewal finds its part after it."""
    async with housed(place) as house:
        await house.put_in(again())
        held = await house.hold("tokens", D(80), NOW)
        assert not isinstance(held, Short)
        await renewing.turn(house.conn, NOW + DAY)
        assert (await house.wallet()).balance == 180
        await house.settle(held, "tokens", D(75), NOW + DAY + HOUR, "use:1")
        assert (await house.wallet()).balance == 105
        assert await house.broken() == []


async def test_a_turn_ends_and_the_next_goes_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much was missed, a turn makes so many of an account; accounts that missed one are not kept waiting."""
    monkeypatch.setattr(renewing, "ROUNDS", 2)
    async with housed(place) as behind, housed(place) as other:
        await behind.put_in(again(every="hour"))
        await other.put_in(again())
        assert await renewing.turn(behind.conn, NOW + DAY) == 3
        assert [at for at, _ in await renewals(other)] == [NOW + DAY] * 2
        done = 3
        while made := await renewing.turn(behind.conn, NOW + DAY):
            done += made
        assert done == 24 + 1
        assert await behind.broken() == []


async def test_how_it_comes_again_is_never_changed(place: Place) -> None:
    """Nor is it deleted."""
    async with housed(place) as house:
        await house.put_in(again())
        for change in ("change", "delete"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                await ask(house.conn, f"{change}_recurrences")
