"""The same id with another time, on every engine: found by the job, held out of what counts, decided once for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.corrections import write
from meter.corrections.decide import Amendment
from meter.corrections.find import Known
from meter.corrections.write import Ids, Outcome
from meter.errors import AlreadyDecided, Busy, CorrectionSuperseded, CorrectionUndone, NotFound, RawDataGone
from meter.held import decide, listing, turn
from meter.held.decide import Decision, Order
from meter.held.listing import Asked, HeldEvent
from meter.held.settle import settle
from meter.model import Event
from sql import statement
from tests.contract.correcting import actor, broken, change, counted, named, put_back, total
from tests.contract.place import NOW, Place, ask, make_team, send
from tests.contract.test_duplicates import counts, request, sample, tokens
from tests.contract.test_points import part, stream, target
from tests.contract.test_points import send as send_points

MINUTE = timedelta(minutes=1)
WEEK = timedelta(weeks=1)


def restamped(event: Event, by: timedelta) -> Event:
    """Answer the same event as a client sends it again that stamps it anew."""
    assert event.time is not None
    return Event(**{name: getattr(event, name) for name in event.__struct_fields__} | {"time": event.time + by})


async def looked(place: Place, now: datetime = NOW) -> int:
    """Roll up and let the job take its turn, until nothing is left; how many events it held."""
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        done = await turn.turn(conn, now)
        assert not done.more
        return done.held


async def shown(place: Place, **asked: Any) -> list[HeldEvent]:
    """Answer what is held."""
    async with place.pool.connection() as conn:
        return await listing.held_events(conn, place.team, Asked(**asked), None, 5_000)


async def decided(place: Place, decision: Decision, which: Iterable[UUID] = (), hold: UUID | None = None) -> Outcome:
    """Decide."""
    async with place.pool.connection() as conn:
        inner = conn

        async def work(ids: Ids) -> Outcome:
            async with inner.transaction():
                order = Order(decision, "I know", tuple(which), hold)
                return await decide.decide(inner, place.team, actor(place), order, ids)

        return await write.attempt(conn, place.team, work)


async def test_a_retry_with_another_time_is_held(place: Place) -> None:
    """Usage and buckets follow, the later one is held with both times shown, and it is never found again."""
    await send(place, request(1, 5), request(2, 7))
    before = await counted(place)
    again = restamped(request(1, 5), 3 * MINUTE)
    assert counts(await send(place, again)) == (1, 0, [])
    assert await total(place, "requests") == 17
    assert await looked(place) == 1
    assert await counted(place) == before
    (event,) = await shown(place)
    assert (event.meter, event.state) == ("requests", "open")
    assert (event.first.time, event.held.time) == (request(1).time, again.time)
    assert (event.first.quantity, event.held.quantity, event.held.member) == (Decimal(5), Decimal(5), "ann")
    assert counts(await send(place, again, request(1, 5))) == (0, 2, [])
    assert await looked(place) == 0
    assert await broken(place) == []
    assert await counted(place) == before


async def test_what_came_later_is_held_not_what_lies_later(place: Place) -> None:
    """A retry stamped earlier than the first; in one body the one that lies first counts."""
    early, late = request(1, 5), restamped(request(1, 5), -3 * MINUTE)
    await send(place, early)
    await send(place, late)
    await send(place, restamped(request(2, 3), MINUTE), request(2, 3))
    assert await looked(place) == 2
    found = {event.first.time: event.held.time for event in await shown(place)}
    assert found == {early.time: late.time, request(2).time: restamped(request(2), MINUTE).time}


async def test_facts_samples_and_three_times(place: Place) -> None:
    """All meters of a fact, all rows of a sample over quarters, every one of many times but the first."""
    level = Event(
        id="s", time=NOW - timedelta(hours=5), meter="cpu", quantity=Decimal(2), duration_seconds=Decimal(3000)
    )
    await send(place, tokens(1, input=5, output=7), level, request(1, 5))
    before = await counted(place)
    for n in (1, 2):
        # two samples that share a quarter's edge share a row: that is refused when it comes
        more = [tokens(1, input=5, output=7), restamped(level, timedelta(minutes=60 * n)), request(1, 5)]
        receipt = await send(place, *(restamped(event, n * MINUTE) for event in more))
        assert receipt.accepted == 3
    assert await total(place, "cpu") == 3 * 2 * 3000
    assert await looked(place, NOW + timedelta(days=2)) == 8
    assert await counted(place) == before
    held = [event for event in await shown(place) if event.meter == "cpu"]
    assert [event.held.quantity for event in held] == [held[0].first.quantity] * 2
    assert {event.first.time for event in held} == {level.time}
    assert await broken(place) == []
    await decided(place, "count", [held[0].public_id])
    assert await total(place, "cpu") == 2 * 2 * 3000
    assert await looked(place, NOW + timedelta(days=4)) == 0


async def test_a_sample_that_shares_a_row_is_refused_when_it_comes(place: Place) -> None:
    """Between the same edges both would be one row."""
    await send(place, sample(1))
    assert counts(await send(place, restamped(sample(1), MINUTE))) == (0, 0, [(0, "id_conflict")])


async def test_others_are_left_alone(place: Place) -> None:
    """The same id in another team, from another source, of another meter; events without a time of their own."""
    async with place.pool.connection() as conn:
        team, caller = await make_team(conn)
    here = place._replace(team=team, caller=caller)
    await send(place, request(1, 5), Event(id="untimed", meter="requests", quantity=Decimal(1)))
    await send(here, restamped(request(1, 5), MINUTE))
    other = restamped(request(1, 5), MINUTE)
    await send(
        place,
        Event(id=other.id, source="elsewhere", time=other.time, meter="requests", quantity=Decimal(5)),
        Event(id=other.id, time=other.time, meter="tokens.input", quantity=Decimal(5)),
        Event(id="untimed", meter="requests", quantity=Decimal(1)),
        Event(time=NOW, meter="requests", quantity=Decimal(1)),
        Event(time=NOW - MINUTE, meter="requests", quantity=Decimal(1)),
    )
    assert await looked(place, NOW + timedelta(days=2)) == 0


async def test_hours_and_weeks_apart(place: Place) -> None:
    """Beyond an hour it is found when the day is over; beyond five weeks it is not looked for."""
    for n, apart in enumerate((timedelta(hours=5), WEEK * 4, WEEK * 6)):
        await send(place, request(n), request(n, 1, apart))
    assert await looked(place) == 0
    assert await looked(place, NOW + timedelta(hours=14)) == 2
    assert await total(place, "requests") == 4


async def test_decided_both_ways(place: Place) -> None:
    """Counted or dropped with a reason, anew if need be, the same not twice; what is decided is not found again."""
    await send(place, *(request(n, 5) for n in range(3)))
    await send(place, *(restamped(request(n, 5), MINUTE * 2) for n in range(3)))
    assert await looked(place) == 3
    third, second, first = await shown(place)
    made = await decided(place, "count", [first.public_id])
    assert [(hour.before, hour.after) for hour in made.moved.hours] == [(Decimal(15), Decimal(20))]
    assert await total(place, "requests") == 20
    dropped = await decided(place, "drop", [second.public_id])
    assert (dropped.events, dropped.moved.hours) == (1, [])
    assert [event.state for event in await shown(place)] == ["open", "dropped", "counted"]
    assert [event.public_id for event in await shown(place, state="open")] == [third.public_id]
    assert await looked(place, NOW + timedelta(days=2)) == 0
    assert await broken(place) == []
    for decision, which in (("count", first), ("drop", second)):
        with pytest.raises(AlreadyDecided):
            await decided(place, decision, [which.public_id])  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await decided(place, "drop", [third.public_id, UUID(int=1)])
    assert third.decided_by is None
    await decided(place, "count", [second.public_id])
    await decided(place, "drop", [first.public_id])
    assert await total(place, "requests") == 20
    assert (await decided(place, "drop", hold=third.hold)).events == 1
    with pytest.raises(NotFound):
        await decided(place, "drop", hold=third.hold)
    assert await looked(place) == 0
    assert await broken(place) == []
    for correction in (made.public_id, dropped.public_id, third.hold):
        with pytest.raises(CorrectionUndone):
            await put_back(place, correction)


async def test_the_other_one_of_both(place: Place) -> None:
    """Counting the second and voiding the first; and what was voided by a person first is not there to be a first."""
    first, second = request(1, 5), restamped(request(1, 5), MINUTE)
    await send(place, first)
    await send(place, second)
    await looked(place)
    (event,) = await shown(place)
    with pytest.raises(NotFound):
        await change(place, [named("e1", time=second.time)])  # what is held does not count
    await decided(place, "count", [event.public_id])
    await change(place, [named("e1", time=first.time)])
    assert await looked(place) == 0
    assert await total(place, "requests", member="ann") == 5
    await send(place, request(2, 5))
    await change(place, [named("e2")])
    await send(place, restamped(request(2, 4), MINUTE))
    assert await looked(place) == 0
    assert await total(place, "requests") == 9
    made = await change(place, [named("e1", time=second.time)])
    with pytest.raises(CorrectionSuperseded):
        await decided(place, "drop", [event.public_id])
    await put_back(place, made.public_id)
    await change(place, [named("e1", time=second.time)], Amendment(member="bob"))
    await decided(place, "drop", [event.public_id])
    assert await total(place, "requests") == 4
    assert await broken(place) == []


async def test_an_id_on_every_event(place: Place) -> None:
    """And thousands of ids twice: the first of each counts, the others are held, in bounded corrections."""
    await send(place, *(Event(id="me", time=NOW - MINUTE * n, meter="requests", quantity=Decimal(1)) for n in range(9)))
    many = [Event(id=f"m{n}", time=NOW, meter="requests", quantity=Decimal(1)) for n in range(2_500)]
    await send(place, *many)
    await send(place, *(restamped(event, -MINUTE) for event in many))
    assert await looked(place) == 2_500 + 8
    assert await total(place, "requests") == 2_500 + 1
    holds = {event.hold for event in await shown(place)}
    assert len(holds) == 3
    assert await looked(place) == 0


async def test_whoever_dies_in_between_is_followed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a batch is left behind, the log stays, and the next turn does it."""
    await send(place, request(1, 5))
    await send(place, restamped(request(1, 5), MINUTE))

    async def die(*_: object, **__: object) -> None:
        raise ConnectionError

    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        with monkeypatch.context() as patch:
            patch.setattr("meter.audit.record", die)
            with pytest.raises(ConnectionError):
                await turn.turn(conn, NOW)
        assert await shown(place) == []
        assert await total(place, "requests") == 10
        with monkeypatch.context() as patch:
            patch.setattr("meter.held.turn.statement", die_at)
            with pytest.raises(KeyError):
                await turn.turn(conn, NOW)
        assert await total(place, "requests") == 5  # held, and not yet out of the log
    assert await looked(place) == 0
    assert len(await shown(place)) == 1


def die_at(name: str) -> str:
    """Answer a statement, but for the one that takes rows out of the log."""
    if name == "finish_look":
        raise KeyError(name)
    return statement(name)


async def test_a_turn_ends_with_its_budget(place: Place) -> None:
    """One range is looked at however small the budget, and the rest waits in the log."""
    for n in range(3):
        await send(place, request(n, 1, WEEK * n))
        await send(place, restamped(request(n, 1, WEEK * n), MINUTE))
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        for held in range(1, 4):
            done = await turn.turn(conn, NOW, 0.0)
            assert (done.looked, done.held, done.more) == (1, 1, held < 3)


async def test_looked_at_before_a_bill(place: Place) -> None:
    """What no worker has seen is held first, a day away too, in as many calls as it takes; other periods are left."""
    period = (NOW - timedelta(days=3), NOW)
    for n, apart in enumerate((MINUTE, timedelta(hours=30), WEEK)):
        await send(place, request(n))
        await send(place, restamped(request(n), -apart))
    async with place.pool.connection() as conn:
        assert await settle(conn, place.team, period, NOW) == 1  # touched, and not rolled up yet
        await ask(conn, "refresh")
        with pytest.raises(Busy):
            await settle(conn, place.team, period, NOW, 0.0)
        assert await settle(conn, place.team, period, NOW) == 2
        assert await settle(conn, place.team, period, NOW) == 0
    assert await total(place, "requests") == 3
    assert await broken(place) == []


async def test_not_where_raw_events_are_gone(place: Place) -> None:
    """Below the floor nothing is held, nor decided of what was held."""
    old = request(1, 5, WEEK * 5)
    await send(place, old)
    await send(place, restamped(old, MINUTE))
    assert await looked(place) == 1
    (event,) = await shown(place)
    await send(place, request(2, 5, WEEK * 5), restamped(request(2, 5, WEEK * 5), MINUTE))
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        await ask(conn, "drop_before", {"instant": NOW - WEEK * 4})
    assert await looked(place) == 0
    with pytest.raises(RawDataGone):
        await decided(place, "count", [event.public_id])


async def test_points_of_collectors_are_not_concerned(place: Place) -> None:
    """Nor is a level that a late point has cut short beside a row of it that somebody amended: both count."""
    whole = stream([(0, 10), (20, 20), (50, 30), (80, 10)])
    await send_points(place, target("level"), part(whole, slice(0, 4, 2)))
    await send_points(place, target("level"), part(whole, slice(3, 4)))
    async with place.pool.connection() as conn:
        ((time, event_id), *_) = await ask(conn, "list_segments", {"team_id": place.team.id})
    await change(place, [Known(event_id, time)], Amendment(quantity=Decimal(7)))
    await send_points(place, target("level"), part(whole, slice(1, 2)))
    before = await counted(place)
    async with place.pool.connection() as conn:
        places = await ask(conn, "list_segments", {"team_id": place.team.id})
    assert len({each for _, each in places}) < len(places)  # one identity, two times
    assert await looked(place, NOW + timedelta(days=2)) == 0
    assert await counted(place) == before


@pytest.mark.parametrize("engine", ["timescale"], indirect=True, scope="session")
async def test_in_the_columnstore(place: Place) -> None:
    """First and second compressed, first alone, both not; found, held, decided, and the chunks stay right."""
    events = [request(n, 1, WEEK * 3) for n in range(2_000)]
    await send(place, *events)
    await send(place, *(restamped(event, MINUTE * 40) for event in events[:5]))
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        await ask(conn, "compress", {"instant": NOW - WEEK})
        assert await looked(place) == 5
        await send(place, *(restamped(event, MINUTE * 45) for event in events[:10]))
        assert await looked(place) == 10
        assert await total(place, "requests") == 2_000
        await ask(conn, "compress", {"instant": NOW - WEEK})
    await decided(place, "count", [event.public_id for event in await shown(place)])
    assert await total(place, "requests") == 2_015
    assert await looked(place, NOW + timedelta(days=2)) == 0
    assert await broken(place) == []


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-5, 0), st.sampled_from(["send", "send", "send", "look", "decide"])),
    min_size=3,
    max_size=14,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_what_counts_is_first_arrivals_and_what_was_decided_so(
    place: Place, steps: list[tuple[int, int, str]]
) -> None:
    """Whatever is sent and stamped anew, replayed, looked at and decided in between."""
    async with place.pool.connection() as conn:
        team, caller = await make_team(conn)
    here = place._replace(team=team, caller=caller)
    sent: dict[int, list[datetime]] = defaultdict(list)
    for number, stamp, what in steps:
        event = restamped(request(number, 10**number), stamp * 11 * MINUTE)
        if what == "send":
            assert event.time is not None
            await send(here, event)
            if event.time not in sent[number]:
                sent[number].append(event.time)
        elif what == "look":
            await looked(here)
        else:
            for found in (await shown(here, state="open"))[:1]:
                await decided(here, "count" if stamp % 2 else "drop", [found.public_id])
    await looked(here)
    found_at = {event.held.time: event for event in await shown(here)}
    assert len(found_at) == sum(len(times[1:]) for times in sent.values())
    counts = {event.held.time for event in found_at.values() if event.state == "counted"}
    expected = sum(10**n * (1 + sum(time in counts for time in times[1:])) for n, times in sent.items())
    assert await total(here, "requests") == expected
    assert await looked(here, NOW + timedelta(days=2)) == 0
