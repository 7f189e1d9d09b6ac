"""Corrections on every engine: what is voided, amended or put back counts so at once, whatever comes again or late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import psycopg
import pytest

from meter import billable
from meter.corrections import write
from meter.corrections.decide import Amendment, Twin
from meter.corrections.find import Known, Query
from meter.corrections.write import Ids, Order
from meter.errors import (
    CorrectionSuperseded,
    CorrectionUndone,
    InvalidBody,
    NotFound,
    RawDataGone,
    UnknownMeter,
)
from meter.identity import hashed
from meter.ingest import Ingest
from meter.labels import Filter
from meter.model import Event
from meter.points.take import Points
from meter.rating.needs import Needs
from meter.rating.periods import Period
from sql import statement
from tests.contract.correcting import actor, broken, change, counted, hours_back, named, put_back, rows, total, tried
from tests.contract.place import NOW, PAST_DAYS, Place, ask, differences, query, send, until_blocked
from tests.contract.test_duplicates import counts, request, sample, tokens
from tests.contract.test_points import part, stream, target
from tests.contract.test_points import send as send_points

WEEK = timedelta(weeks=1)


async def test_voided_counts_nothing_and_is_undone(place: Place) -> None:
    """At once, before and after a refresh; put back it counts as before; the checks hold."""
    await send(place, *map(request, range(20)), tokens(1, input=5, output=7))
    before = await counted(place)
    made = await change(place, [named("e3"), named("e4", "requests"), named("t1", "tokens.input")])
    assert (made.events, made.missing) == (3, [])
    assert (await total(place, "requests"), await total(place, "tokens.input")) == (18, 0)
    assert await total(place, "tokens.output") == 7
    assert await broken(place) == []
    assert (await total(place, "requests"), await total(place, "tokens.input")) == (18, 0)
    await put_back(place, made.public_id)
    assert await counted(place) == before
    assert await broken(place) == []
    assert await counted(place) == before


async def test_amended_quantity_and_labels(place: Place) -> None:
    """Another quantity, member, service; what is not named stays; a fact of several meters by its id as a whole."""
    await send(place, request(1, 5), request(2, 5))
    await change(place, [named("e1")], Amendment(quantity=Decimal("2.5")))
    assert await total(place, "requests", member="ann") == Decimal("7.5")
    made = await change(place, [named("e1")], Amendment(member="bob", service="api"))
    assert await total(place, "requests", member="ann") == 5
    assert await total(place, "requests", member="bob", service="api") == Decimal("2.5")
    await change(place, [named("e2")], Amendment(member=None, quantity=Decimal(1)))
    assert await total(place, "requests", member=None) == 1
    await put_back(place, made.public_id)
    assert await total(place, "requests", member="ann") == Decimal("2.5")
    assert await broken(place) == []


async def test_what_cant_be_amended(place: Place) -> None:
    """A quantity out of bounds, a dimension nobody declared, events that are not there: nothing changes."""
    await send(place, request(1, 5))
    before = await counted(place)
    for amendment in (
        Amendment(quantity=Decimal(-1)),
        Amendment(quantity=Decimal("NaN")),
        Amendment(dimensions={"nonsense": "x"}),
        Amendment(member=""),
    ):
        with pytest.raises(InvalidBody, match="changes: "):
            await change(place, [named("e1")], amendment)
    for which in ([named("nobody")], hours_back(1, "network"), [named("e1", time=NOW - WEEK)]):
        with pytest.raises(NotFound):
            await change(place, which)
    with pytest.raises(NotFound):
        await change(place, [named("e1")], Amendment(quantity=Decimal(5)))
    with pytest.raises(UnknownMeter):
        await change(place, [named("e1", "nonsense")])
    assert await counted(place) == before
    async with place.pool.connection() as conn:
        assert await ask(conn, "count_history") == [(0, 0)]


async def test_replays_of_what_was_corrected(place: Place) -> None:
    """As it was sent, or as it was amended: a duplicate; anything else contradicts; nothing of it counts again."""
    await send(place, request(1, 5), request(2, 5), sample(3))
    await change(place, [named("e1")])
    await change(place, [named("e2")], Amendment(quantity=Decimal(6), member="bob"))
    await change(place, [named("s3")], Amendment(quantity=Decimal(4)))
    before = await counted(place)
    other = Ingest(place.pool, PAST_DAYS)
    amended = Event(id="e2", time=request(2).time, meter="requests", member="bob", quantity=Decimal(6))
    for way in (place.ingest, other):
        events = [request(1, 5), request(2, 5), amended, sample(3), sample(3, 4)]
        assert counts(await way.take(place.team, place.caller, events[:2], NOW)) == (0, 2, [])
        assert counts(await way.take(place.team, place.caller, [amended, sample(3)], NOW)) == (0, 2, [])
        assert counts(await way.take(place.team, place.caller, [sample(3, 4)], NOW)) == (0, 1, [])
        wrong = [request(1, 6), request(2, 7), sample(3, 5)]
        conflicts = [(n, "id_conflict") for n in range(3)]
        assert counts(await way.take(place.team, place.caller, wrong, NOW)) == (0, 0, conflicts)
    assert await counted(place) == before


async def test_samples_are_corrected_whole(place: Place) -> None:
    """All segments of a sample, found by its id, by one of them, or by a query over its end; levels split anew."""
    await send(place, sample(1), sample(2), sample(3))  # 50 minutes at a level of two: four or five rows each
    each = 3_000 * 2
    made = await change(place, [named("s1", time=sample(1).time)])
    assert (made.events, await total(place, "cpu")) == (1, 2 * each)
    await change(place, [named("s2")], Amendment(quantity=Decimal("0.7")))
    assert await total(place, "cpu") == each + Decimal("0.7") * 3_000
    # it ends at the last microsecond before its time
    voided = await change(place, Query(NOW - timedelta(seconds=3), NOW - timedelta(seconds=2), ("cpu",)))
    assert (voided.events, await total(place, "cpu")) == (1, each)
    await put_back(place, voided.public_id)
    assert await total(place, "cpu") == each + Decimal("0.7") * 3_000
    assert await broken(place) == []


@pytest.mark.parametrize("edge", [0, 1])
async def test_a_segment_stands_for_its_sample(place: Place, edge: int) -> None:
    """Whichever is named; and a query that ends in the middle of a sample leaves all of it alone."""
    quarter = NOW.replace(minute=0, second=0) + edge * timedelta(minutes=15) - timedelta(hours=1)
    event = Event(id="s", time=quarter, meter="cpu", quantity=Decimal(1), duration_seconds=Decimal(5_400), member="ann")
    await send(place, event)
    async with place.pool.connection() as conn:
        segments = await ask(conn, "list_segments", {"team_id": place.team.id})
    assert len(segments) == 6
    for time, event_id in segments:
        made = await change(place, [Known(event_id, time + timedelta(microseconds=1))])
        assert (made.events, await total(place, "cpu")) == (1, 0)
        await put_back(place, made.public_id)
    with pytest.raises(NotFound):
        await change(place, Query(quarter - timedelta(hours=2), quarter - timedelta(minutes=30)))
    with pytest.raises(NotFound):
        await change(place, Query(quarter, quarter + timedelta(hours=1)))  # it lies at its last microsecond
    made = await change(place, Query(quarter - timedelta(minutes=1), quarter))
    assert (made.events, await total(place, "cpu")) == (1, 0)


async def test_by_query(place: Place) -> None:
    """Meters, range and labels pick; what is voided already is not picked again."""
    events = [request(n) for n in range(0, 7_200, 600)] + [tokens(1, input=5)]
    await send(place, *events)
    await change(place, [named("e0")])
    which = Query(NOW - timedelta(hours=1), NOW, ("requests",), (Filter("member", "in", ("ann",)),))
    would = await tried(place, which)
    assert (would.public_id, would.events) == (None, 6)
    assert [(hour.before, hour.after) for hour in would.moved.hours] == [(Decimal(6), Decimal(0))]
    assert await total(place, "requests") == 11
    made = await change(place, which)
    assert (made.events, made.moved) == (would.events, would.moved)
    assert await total(place, "requests") == 5
    assert await total(place, "tokens.input") == 5
    with pytest.raises(NotFound):
        await change(place, which)


async def test_undone_once_and_not_over_a_later_correction(place: Place) -> None:
    """Each in its turn; an undo is final, and the history never changes."""
    await send(place, request(1, 5), request(2, 5))
    first = await change(place, [named("e1"), named("e2")], Amendment(quantity=Decimal(6)))
    second = await change(place, [named("e1")])
    with pytest.raises(CorrectionSuperseded):
        await put_back(place, first.public_id)
    assert await total(place, "requests") == 6
    undone = await put_back(place, second.public_id)
    for made in (second, undone):
        with pytest.raises(CorrectionUndone):
            await put_back(place, made.public_id)
    await put_back(place, first.public_id)
    assert await total(place, "requests") == 10
    with pytest.raises(NotFound):
        await put_back(place, UUID(int=1))
    async with place.pool.connection() as conn:
        assert await ask(conn, "count_history") == [(4, 6)]
        for tampering in ("alter_history", "empty_history"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                await ask(conn, tampering)


async def test_events_without_a_time_are_found_by_their_id(place: Place) -> None:
    """At their first arrival, at the time that the id carries, or by looking through the range."""
    ulid = "01KA9RB9X00000000000000000"  # 2025-11-17T21:06:56Z
    await send(
        place,
        Event(id="here", meter="requests", quantity=Decimal(1)),
        Event(id=ulid, meter="requests", quantity=Decimal(2)),
        request(7, 4, WEEK),
        Event(id="e7", source="elsewhere", time=NOW, meter="requests", quantity=Decimal(8)),
    )
    assert (await change(place, [named("here"), named(ulid), named("e7"), named("none")])).missing == [3]
    assert await total(place, "requests") == 8
    identity = UUID(bytes=hashed(b"i", "elsewhere", "e7", "requests"))
    await change(place, [Known(identity, NOW)])
    assert await total(place, "requests") == 0


async def test_late_points_leave_a_corrected_row_alone(place: Place) -> None:
    """The one that is voided stays voided, others are revised; put back it is as it was."""
    whole = stream([(0, 10), (60, 25), (120, 30), (180, 70)])
    await send_points(place, target("counter"), part(whole, slice(0, 4, 2)))
    await send_points(place, target("counter"), part(whole, slice(3, 4)))
    async with place.pool.connection() as conn:
        segments = await ask(conn, "list_segments", {"team_id": place.team.id})
    first, last = segments
    made = await change(place, [Known(first[1], first[0])])
    assert await total(place, "network") == 40
    points = Points(place.pool, PAST_DAYS)
    tally = await send_points(place, target("counter"), part(whole, slice(1, 2)), points=points)
    assert tally.accepted == 1
    assert await total(place, "network") == 40 + 15
    await put_back(place, made.public_id)
    assert await total(place, "network") == 40 + 15 + 20
    await change(place, [Known(last[1], last[0])], Amendment(quantity=Decimal(1)))
    assert (await send_points(place, target("counter"), whole)).duplicates == 4
    assert await total(place, "network") == 1 + 15 + 20
    assert await broken(place) == []


async def test_a_late_point_waits_for_a_correction_in_flight(place: Place) -> None:
    """It would take back a row that is being voided: it waits, then leaves that row alone."""
    whole = stream([(0, 10), (60, 25), (120, 30)])
    await send_points(place, target("counter"), part(whole, slice(0, 3, 2)))
    async with place.pool.connection() as conn, place.pool.connection() as watcher:
        ((time, event_id),) = await ask(conn, "list_segments", {"team_id": place.team.id})
        order = Order("a mistake", [Known(event_id, time)], None)
        (row,) = await ask(conn, "list_series_ids", {"team_id": place.team.id})
        ids: Ids = await write.make_series(conn, place.team, [Twin(row[0])])
        async with conn.transaction():
            await write.correct(conn, place.team, actor(place), order, ids)
            late = asyncio.create_task(send_points(place, target("counter"), part(whole, slice(1, 2))))
            await until_blocked(watcher, None)
        assert (await late).accepted == 1
    assert await total(place, "network") == 15
    assert await broken(place) == []


async def test_not_where_raw_events_are_gone(place: Place) -> None:
    """Below the floor nothing is corrected nor undone."""
    await send(place, request(1, 5), request(1, 5, WEEK * 5), sample(2))
    old = request(1, 5, WEEK * 5)
    made = await change(place, [named("e1", time=old.time)])
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        await ask(conn, "drop_before", {"instant": NOW - WEEK * 4})
    with pytest.raises(RawDataGone):
        await change(place, [named("e1", time=old.time)])
    with pytest.raises(RawDataGone):
        await change(place, Query(NOW - WEEK * 6, NOW))
    with pytest.raises(RawDataGone):
        await put_back(place, made.public_id)
    await change(place, [named("e1", time=request(1).time)])
    async with place.pool.connection() as conn:
        assert [row.meter for row in await rows(conn, place)] == ["cpu"] * 2


async def test_what_is_billed_follows(place: Place) -> None:
    """What a bill would be made of, by member: voided, moved to another, put back; rolled up or not."""
    await send(place, request(1, 5), request(2, 7), sample(3))
    before = await billed(place)
    made = [await change(place, [named("e1")]), await change(place, [named("e2")], Amendment(member="bob"))]
    made.append(await change(place, [named("s3")], Amendment(quantity=Decimal(4))))
    assert await billed(place) == {("requests", "bob"): 7, ("cpu", None): Fraction(4 * 3_000, 3_600)}
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
    for each in made:
        await put_back(place, each.public_id)
    assert await billed(place) == before == {("requests", "ann"): 12, ("cpu", None): Fraction(2 * 3_000, 3_600)}


NOTHING_MORE = Needs((), {}, {})


async def billed(place: Place) -> dict[tuple[str, str | None], Fraction]:
    """Answer the usage of November that is to be paid for, by meter and member."""
    start = NOW.replace(day=1, hour=0, minute=0, second=0)
    async with place.pool.connection() as conn, conn.transaction():
        await conn.execute(statement("begin_reading"))
        period = Period(start, start + timedelta(days=30), "UTC")
        found = await billable.read(conn, place.team.id, period, billable.whole(period, NOTHING_MORE))
    return {(each.meter, each.member): Fraction(each.quantity) / Fraction(each.divisor) for each in found.usage}


async def test_while_others_write_and_refresh(place: Place) -> None:
    """Corrections, undos, late events and replays at once: the views equal raw events at every moment."""
    events = [request(n, age=timedelta(minutes=n)) for n in range(240)]
    await send(place, *events[::2])
    stop = asyncio.Event()

    async def roll() -> None:
        while not stop.is_set():
            async with place.pool.connection() as conn:
                await ask(conn, "refresh")
                assert await differences(conn) == []

    async def write() -> None:
        for n in range(0, 240, 12):
            await send(place, *events[n : n + 24])

    async def correct(first: int) -> None:
        for n in range(first, 240, 24):
            made = await change(place, [named(f"e{n}")], None if n % 3 else Amendment(member=f"m{n}"))
            if n % 4:
                await put_back(place, made.public_id)

    rolling = asyncio.create_task(roll())
    await asyncio.gather(write(), correct(0), correct(2), correct(6))
    stop.set()
    await rolling
    voided = sum(1 for first in (0, 2, 6) for n in range(first, 240, 24) if n % 3 and not n % 4)
    assert await total(place, "requests") == 240 - voided
    assert await broken(place) == []


async def test_same_event_by_many_at_once(place: Place) -> None:
    """It is voided once; the others hear that there is nothing to void."""
    await send(place, request(1), request(2))
    done = await asyncio.gather(*(change(place, [named("e1")]) for _ in range(5)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["NotFound"] * 4 + ["Outcome"]
    assert await total(place, "requests") == 1


@pytest.mark.parametrize("engine", ["timescale"], indirect=True, scope="session")
async def test_in_the_columnstore(place: Place) -> None:
    """Compressed chunks are corrected like others, more of them at once than the engine would unpack by itself."""
    numbers = range(3_000)
    await send(place, *(request(n, age=WEEK * (2 + n % 3)) for n in numbers), sample(1))
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        await ask(conn, "compress", {"instant": NOW + WEEK * 2})
        await conn.execute(query("limit_decompression"))
        made = await change(
            place, [named(f"e{n}", "requests", request(n, age=WEEK * (2 + n % 3)).time) for n in (1, 7)]
        )
        assert await total(place, "requests") == 2_998
        both = await change(place, hours_back(24 * 40, "requests"), Amendment(member="bob", quantity=Decimal(2)))
        assert (both.events, await total(place, "requests", member="bob")) == (2_998, 5_996)
        assert await total(place, "requests", member="ann") == 0
        await ask(conn, "refresh")
        assert await total(place, "requests") == 5_996
        await change(place, [named("s1")], Amendment(quantity=Decimal(1)))
        assert await total(place, "cpu") == 3_000
        await put_back(place, both.public_id)
        await put_back(place, made.public_id)
        assert await total(place, "requests", member="ann") == 3_000
    assert await broken(place) == []
