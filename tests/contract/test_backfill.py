"""Backfills on every engine: what a source says becomes what counts, and is taken back to the digit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from meter.backfill.work import Pace
from meter.corrections.decide import Amendment
from meter.errors import BackfillState, InvalidParameter, RawDataGone, UnknownMeter
from meter.facts import microseconds
from meter.identity import hashed
from meter.labels import Filter
from meter.model import Event
from tests.contract.backfilling import ask_for, begun, bring, done, hours, left, run, seen
from tests.contract.correcting import broken, change, counted, named, put_back, total
from tests.contract.place import NOW, Place, ask, send
from tests.contract.test_duplicates import counts, request, sample, tokens
from tests.contract.test_points import START, part, stream, target
from tests.contract.test_points import send as send_points

HOUR = timedelta(hours=1)
DAY = (NOW - 24 * HOUR, NOW)
WEEK = timedelta(weeks=1)


async def test_replaced_and_taken_back(place: Place) -> None:
    """Missing events are added, wrong ones amended, those that the source has not voided; undone all is as before."""
    await send(place, *(request(n, 5) for n in range(1, 10)), tokens(1, input=7), sample(1))
    before = await counted(place)
    made = await begun(place, DAY, "requests")
    source = [request(n, 5) for n in range(4, 8)] + [request(8, 9), request(20, 2)]
    assert counts(await bring(place, made, source)) == (6, 0, [])
    assert await counted(place) == before
    would = await done(place, made, "compare")
    assert (would.source, would.stored, would.same) == (6, 9, 4)
    assert (would.added, would.amended, would.voided, would.kept, would.conflicts) == (1, 1, 4, 0, 0)
    (hour,) = await hours(place, made)
    told = [hour.stored, hour.source, hour.added, *hour.amended, hour.voided]
    assert [f"{each.events}: {each.quantity}" for each in told] == ["9: 45", "6: 31", "1: 2", "1: 5", "1: 9", "4: 20"]
    assert await counted(place) == before
    assert (await done(place, made, "apply")).effect == would.effect
    assert await total(place, "requests") == 31
    assert (await total(place, "tokens.input"), await total(place, "cpu")) == (7, 6_000)
    assert await broken(place) == []
    undone = await done(place, made, "undo")
    assert (undone.restored, undone.voided, undone.superseded) == (5, 1, 0)
    assert await counted(place) == before
    assert await broken(place) == []
    assert await counted(place) == before


async def test_labels_and_a_selection(place: Place) -> None:
    """Of one member only; an event whose member was wrong comes to the right one; others' usage is left alone."""
    theirs = Event(id="b", time=NOW - HOUR, meter="requests", member="bob", quantity=Decimal(3))
    wrong = Event(id="w", time=NOW - HOUR, meter="requests", member="eve", quantity=Decimal(3))
    await send(place, request(1, 5), request(2, 5), theirs, wrong)
    before = await counted(place)
    made = await begun(place, DAY, "requests", filters=(Filter("member", "in", ("ann",)),))
    right = Event(id="w", time=NOW - HOUR, meter="requests", member="ann", service="api", quantity=Decimal(4))
    receipt = await bring(
        place, made, [request(1, 5), right, theirs, tokens(3, input=1), request(3, 1, DAY[1] - DAY[0])]
    )
    assert counts(receipt) == (2, 0, [(2, "outside_backfill"), (3, "outside_backfill"), (4, "outside_backfill")])
    assert (await done(place, made, "compare")).effect == (0, 0, 1, 1)
    await done(place, made, "apply")
    assert {(row.member, row.service): row.total for row in await counted(place)} == {
        ("ann", None): 5, ("ann", "api"): 4, ("bob", None): 3,
    }  # fmt: skip
    assert await broken(place) == []
    await done(place, made, "undo")
    assert await counted(place) == before


async def test_a_dry_run_leaves_nothing_behind(place: Place) -> None:
    """No member, no service, no series; cancelled, its events are forgotten."""
    await send(place, request(1))
    async with place.pool.connection() as conn:
        before = await ask(conn, "count_traces", {"team_id": place.team.id})
    made = await begun(place, DAY, "requests")
    new = Event(id="n", time=NOW - HOUR, meter="requests", member="new", service="new", quantity=Decimal(1))
    await bring(place, made, [new])
    await done(place, made, "compare")
    async with place.pool.connection() as conn:
        assert await ask(conn, "count_traces", {"team_id": place.team.id}) == before
        assert await ask(conn, "count_staged") == [(1,)]
    await ask_for(place, made, "cancel")
    await run(place)
    assert (await seen(place, made)).state == "cancelled"
    async with place.pool.connection() as conn:
        assert await ask(conn, "count_staged") == [(0,)]


async def test_only_added_to(place: Place) -> None:
    """What differs, is voided, is missing in the source or is stored at another time stays, and is told."""
    moved = Event(id="e5", time=NOW - HOUR, meter="requests", member="ann", quantity=Decimal(5))
    await send(place, request(1, 5), request(2, 5), request(3, 5), request(5, 5))
    await change(place, [named("e3")])
    made = await begun(place, DAY, "requests", mode="add")
    await bring(place, made, [request(1, 6), request(3, 5), moved, request(7, 1)])
    would = await done(place, made, "compare")
    assert (would.effect, would.kept, would.moved) == ((1, 0, 0, 0), 5, 2)
    assert sum(hour.kept for hour in await hours(place, made)) == 5
    assert (await done(place, made, "apply")).effect == (1, 0, 0, 0)
    assert await total(place, "requests") == 16
    await done(place, made, "undo")
    assert await total(place, "requests") == 15
    assert await broken(place) == []


async def test_moved_and_restored(place: Place) -> None:
    """The same id at another time goes there; what was voided and the source has counts again, and is voided again."""
    await send(place, request(1, 5), request(2, 5))
    await change(place, [named("e2")])
    made = await begun(place, DAY, "requests")
    there = Event(id="e1", time=NOW - 3 * HOUR, meter="requests", member="ann", quantity=Decimal(5))
    await bring(place, made, [there, request(2, 7)])
    would = await done(place, made, "compare")
    assert (would.effect, would.moved) == ((1, 1, 0, 1), 1)
    await done(place, made, "apply")
    assert {row.hour: row.total for row in await counted(place)} == {
        (NOW - 3 * HOUR).replace(minute=0, second=0): 5, NOW.replace(minute=0, second=0): 7,
    }  # fmt: skip
    await done(place, made, "undo")
    assert await total(place, "requests") == 5
    assert await broken(place) == []


async def test_samples_are_compared_whole(place: Place) -> None:
    """Another level amends all rows; another duration, or rows that would overlap, is a conflict and stays."""
    longer = Event(id="s2", time=sample(2).time, meter="cpu", quantity=Decimal(2), duration_seconds=Decimal(4_000))
    later = Event(
        id="s4", time=NOW - timedelta(seconds=1), meter="cpu", quantity=Decimal(2), duration_seconds=Decimal(3_003)
    )
    await send(place, *map(sample, range(1, 6)))
    before = await counted(place)
    made = await begun(place, DAY, "cpu")
    source = [sample(1, 3), longer, sample(3), later, sample(9)]
    assert (await bring(place, made, source)).accepted == 5
    would = await done(place, made, "compare")
    assert (would.same, would.effect, would.conflicts) == (1, (1, 0, 1, 1), 3)
    assert await done(place, made, "apply") == would
    assert await total(place, "cpu") == 3 * 3_000 + 3 * 6_000 + 6_000
    places = {(each.why, microseconds(each.time)) for each in await left(place, made, "applying")}
    assert places == {
        ("id_conflict", microseconds(event.time) - 1) for event in (longer, later, sample(4)) if event.time
    }
    assert await broken(place) == []
    await done(place, made, "undo")
    assert await counted(place) == before
    assert await broken(place) == []


async def test_what_was_corrected_since_is_left_alone(place: Place) -> None:
    """An undo keeps what somebody corrected after it was applied, and says so."""
    await send(place, request(1, 5), request(2, 5))
    made = await begun(place, DAY, "requests")
    await bring(place, made, [request(1, 6), request(2, 6), request(3, 6), request(4, 6)])
    await done(place, made, "compare")
    await done(place, made, "apply")
    await change(place, [named("e1")], Amendment(quantity=Decimal(100)))
    await change(place, [named("e3")], Amendment(member="bob"))
    undone = await done(place, made, "undo")
    assert (undone.restored, undone.voided, undone.superseded) == (1, 1, 2)
    found = await left(place, made, "undoing")
    assert {each.event_id.bytes for each in found} == {hashed(b"i", "", id_, "requests") for id_ in ("e1", "e3")}
    assert {each.why for each in found} == {"corrected_since"}
    assert {row.member: row.total for row in await counted(place)} == {"ann": 105, "bob": 6}
    assert await broken(place) == []


async def test_sent_live_meanwhile_counts_once(place: Place) -> None:
    """What a collector delivers between the comparison and its slice is there already; later it is a duplicate."""
    made = await begun(place, DAY, "requests")
    source = [request(n) for n in range(1, 40)]
    await bring(place, made, source)
    await done(place, made, "compare")
    await ask_for(place, made, "apply")
    await send(place, *source[:5])
    receipts = await asyncio.gather(
        run(place), *(send(place, *source[n : n + 8]) for n in range(0, 40, 4)), return_exceptions=True
    )
    assert [each for each in receipts if isinstance(each, BaseException)] == []
    await run(place)
    assert (await seen(place, made)).state == "applied"
    assert await total(place, "requests") == 39
    assert counts(await send(place, *source)) == (0, 39, [])
    assert await broken(place) == []


async def test_brought_again_counts_once(place: Place) -> None:
    """The same body again is all duplicates; a contradiction is refused; after a comparison it is staged again."""
    made = await begun(place, DAY, "requests", "cpu")
    source = [request(1), sample(1), request(1), request(1, 7), Event(id="x", meter="requests", quantity=Decimal(1))]
    first = [(3, "id_conflict"), (4, "invalid_time")]
    assert counts(await bring(place, made, source)) == (2, 1, first)
    assert counts(await bring(place, made, source)) == (0, 3, first)
    plain = [Event(time=NOW - HOUR, meter="requests", quantity=Decimal(2))] * 2
    assert (await bring(place, made, plain, "one")).accepted == 2
    assert (await bring(place, made, plain, "one")).duplicates == 2
    await done(place, made, "compare")
    assert (await bring(place, made, source)).duplicates == 3
    assert (await seen(place, made)).state == "compared"
    await bring(place, made, [request(2)])
    assert (await seen(place, made)).state == "staged"
    with pytest.raises(BackfillState):
        await ask_for(place, made, "apply")


async def test_usage_made_of_points_is_replaced_like_any_other(place: Place) -> None:
    """Rows of a collector's points are voided where the source has not them, and come back with an undo."""
    whole = stream([(n * 60, n * 5) for n in range(5)])
    await send_points(place, target("counter"), part(whole, slice(0, 2)), part(whole, slice(3, 5)))
    before = await counted(place)
    assert await total(place, "network") == 20
    made = await begun(place, (START - HOUR, START + HOUR), "network")
    mine = Event(id="m", time=START, meter="network", member="ann", service="web", quantity=Decimal(7))
    await bring(place, made, [mine])
    assert (await done(place, made, "compare")).effect == (1, 0, 0, 3)
    await done(place, made, "apply")
    assert await total(place, "network") == 7
    await send_points(place, target("counter"), part(whole, slice(2, 3)))  # late, and takes from what follows it
    assert await broken(place) == []
    assert await total(place, "network") == 12
    await done(place, made, "undo")
    assert await broken(place) == []
    assert {row.member: row.total for row in before} == {"ann": 20}


async def test_in_the_columnstore(place: Place) -> None:
    """Compressed weeks are added to, amended, voided and taken back as any other."""
    if place.engine != "timescale":
        pytest.skip("only TimescaleDB has a columnstore")
    await send(place, *(request(n, 5, 3 * WEEK) for n in range(30)))
    before = await counted(place)
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        await ask(conn, "compress", {"instant": NOW - WEEK})
        assert (await ask(conn, "count_compressed"))[0][0] > 0
    made = await begun(place, (NOW - 3 * WEEK - HOUR, NOW - 3 * WEEK + HOUR), "requests")
    await bring(place, made, [request(n, 5 + n % 2, 3 * WEEK) for n in range(10, 50)])
    would = await done(place, made, "compare")
    assert (await done(place, made, "apply")).effect == would.effect == (20, 0, 10, 10)
    assert await total(place, "requests") == 40 * 5 + 20
    assert await broken(place) == []
    async with place.pool.connection() as conn:
        await ask(conn, "compress", {"instant": NOW - WEEK})
    await done(place, made, "undo")
    assert await counted(place) == before
    assert await broken(place) == []


async def test_nothing_below_the_floor(place: Place) -> None:
    """A range that begins there is refused; one whose raw events are dropped meanwhile fails and says why."""
    await send(place, request(1, 5, 3 * WEEK), request(1))
    made = await begun(place, (NOW - 4 * WEEK, NOW), "requests")
    await bring(place, made, [request(1)])
    await done(place, made, "compare")
    await ask_for(place, made, "apply")
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        await ask(conn, "drop_before", {"instant": NOW - WEEK})
    await run(place)
    found = await seen(place, made)
    assert (found.state, found.failed_in) in [("failed", "applying"), ("applied", None)]
    with pytest.raises(RawDataGone):
        await begun(place, (NOW - 4 * WEEK, NOW), "requests")


async def test_what_cant_be_begun(place: Place) -> None:
    """A range that is none or not over, meters that are not there, filters on what no meter has."""
    for span in ((NOW, NOW), (NOW, NOW - HOUR), (NOW, NOW + HOUR)):
        with pytest.raises(InvalidParameter):
            await begun(place, span, "requests")
    with pytest.raises(UnknownMeter):
        await begun(place, DAY, "nonsense")
    for name in ("nonsense", "key"):
        with pytest.raises(InvalidParameter):
            await begun(place, DAY, "requests", filters=(Filter(name, "in", ("x",)),))


async def test_it_waits_while_much_is_to_be_rolled_up(place: Place) -> None:
    """With a long backlog a turn does nothing; rolled up, it goes on."""
    made = await begun(place, DAY, "requests")
    await bring(place, made, [request(n) for n in range(1, 10)])
    await send(place, request(100))
    await ask_for(place, made, "compare")
    await run(place, Pace(turn_s=0.01, rows=3, backlog=1))
    assert (await seen(place, made)).state == "comparing"
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
    await run(place, Pace(turn_s=20.0, pause=0.0, rows=3, backlog=1))
    assert (await seen(place, made)).state == "compared"


async def test_a_correction_of_it_undone_by_hand(place: Place) -> None:
    """The undo of the backfill then has nothing to put back there, and takes back the rest."""
    await send(place, request(1, 5))
    made = await begun(place, DAY, "requests")
    await bring(place, made, [request(1, 6), request(2, 1)])
    await done(place, made, "compare")
    await done(place, made, "apply")
    async with place.pool.connection() as conn:
        ((correction,),) = await ask(conn, "list_backfill_parts")
    await put_back(place, correction)
    undone = await done(place, made, "undo")
    assert (undone.restored, undone.voided, undone.superseded) == (0, 1, 0)
    assert await total(place, "requests") == 5
