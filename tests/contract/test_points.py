"""Points through the database, on every engine: the rows that counting says they come to, whoever sends what when."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from meter.facts import microseconds
from meter.ingest import load_meters
from meter.mapping.route import Mapped
from meter.model import SeriesKey
from meter.points.close import close_gaps
from meter.points.counting import GapRule, Kept, Origin, Reading, Way, rows_of
from meter.points.take import Points
from meter.points.write import REVISED, Tally
from meter.segments import QUARTER_US, SECOND_US
from meter.streams import Point, Stream
from tests.contract.place import NOW, PAST_DAYS, Place, ask, differences

START = NOW - timedelta(hours=3)
GAP_US = 120 * SECOND_US


def target(way: Way, service: str = "web", rule: GapRule = "hold", *, trusts_starts: bool = True) -> Mapped:
    """Answer where streams count to: the catalogue's network (added up) or memory (levels)."""
    meter = "memory" if way == "level" else "network"
    series = SeriesKey(meter, "ann", service, ())
    return Mapped("rules[0]", series, way, Decimal(1), Decimal(1), rule, GAP_US, trusts_starts)


def stream(points: Iterable[tuple[int, int | None]], name: str = "s", start_s: int | None = None) -> Stream:
    """Answer a stream with points at seconds after START."""
    start = microseconds(START)
    return Stream(
        name,
        {"host": "h1"},
        name.encode().ljust(16, b"."),
        "counter",
        [Point(start + s * SECOND_US, None if value is None else Decimal(value)) for s, value in points],
        start_us=None if start_s is None else start + start_s * SECOND_US,
    )


def part(whole: Stream, which: slice) -> Stream:
    """Answer a stream with some of its points."""
    return msgspec.structs.replace(whole, points=whole.points[which])


async def send(place: Place, way: Mapped, *streams: Stream, now: datetime = NOW, points: Points | None = None) -> Tally:
    """Take streams that all count to the same."""
    taker = points or Points(place.pool, PAST_DAYS)
    async with place.pool.connection() as conn:
        meters = await load_meters(conn, place.team.id)
    return await taker.take(place.team, place.caller, "test", [(each, way) for each in streams], meters, now)


async def by_quarter(place: Place) -> dict[datetime, Decimal]:
    """Answer what the views say, by quarter; and see that they say what raw events do."""
    async with place.pool.connection() as conn:
        assert await differences(conn) == []
        rows = await ask(conn, "quarters")
    found: dict[datetime, Decimal] = defaultdict(Decimal)
    for bucket, total in rows:
        found[bucket] += total
    return dict(found)


def expected(way: Mapped, streams: Sequence[Stream], *, closed: bool = False) -> dict[datetime, Decimal]:
    """Answer what these streams come to by quarter, from all their points at once."""
    reading = Reading(0, 0, way.way, way.multiply, way.divide, way.gap_rule, way.gap_us)
    found: dict[datetime, Decimal] = defaultdict(Decimal)
    for each in streams:
        kept = sorted((Kept(*point, reading) for point in set(each.points)), key=lambda point: point.time_us)
        last = max((point.time_us for point in kept if point.value is not None), default=None) if closed else None
        for row in rows_of(Origin(each.identity, each.start_us), kept, closed_us=last):
            quarter = row.time_us - row.time_us % QUARTER_US - microseconds(START)
            found[START + timedelta(microseconds=quarter)] += row.quantity
    return dict(found)


async def test_a_counter_counts_once_however_often_it_is_sent(place: Place) -> None:
    """The same body again is all duplicates, in this process and in another."""
    points = Points(place.pool, PAST_DAYS)
    body = stream([(0, 10), (30, 15), (60, 40)])
    first = await send(place, target("counter"), body, points=points)
    again = await send(place, target("counter"), body, points=points)
    elsewhere = await send(place, target("counter"), body)
    assert (first.accepted, first.duplicates) == (3, 0)
    assert (again.accepted, again.duplicates) == (elsewhere.accepted, elsewhere.duplicates) == (0, 3)
    assert sum((await by_quarter(place)).values()) == 30


async def test_a_changed_start_is_another_count(place: Place) -> None:
    """The first value after it counts since then, whether it fell or not."""
    await send(place, target("counter"), stream([(10, 10), (20, 30)], start_s=0))
    await send(place, target("counter"), stream([(30, 50), (40, 55)], start_s=25))
    assert sum((await by_quarter(place)).values()) == 30 + 55
    await send(place, target("counter", trusts_starts=False), stream([(30, 50), (40, 55)], "boot", start_s=25))
    assert sum((await by_quarter(place)).values()) == 30 + 55 + 5


async def test_late_points_revise_what_was_counted(place: Place) -> None:
    """Also where it was rolled up already."""
    whole = stream([(0, 10), (800, 25), (1000, 5), (1900, 30)])
    for number in (0, 3, 2, 1):
        await send(place, target("counter"), part(whole, slice(number, number + 1)))
        async with place.pool.connection() as conn:
            await ask(conn, "refresh")
    assert await by_quarter(place) == expected(target("counter"), [whole])


@pytest.mark.parametrize("rule", ["hold", "zero", "exclude"])
async def test_levels_are_closed_when_they_are_due(place: Place, rule: GapRule) -> None:
    """Until then nothing is counted that a next point might cut short; a late one still does."""
    way = target("level", rule=rule)
    early, late = stream([(0, 4), (60, 6)]), stream([(0, 4), (60, 6), (90, 1), (3000, 2)])
    await send(place, way, early)
    due = START + timedelta(seconds=60, microseconds=GAP_US)
    async with place.pool.connection() as conn:
        assert await close_gaps(conn, due - timedelta(seconds=1)) == 0
        assert await close_gaps(conn, due) == 1
        assert await close_gaps(conn, due) == 0
    assert await by_quarter(place) == expected(way, [early], closed=True)
    await send(place, way, late)
    assert await by_quarter(place) == expected(way, [late])


async def test_points_too_old_or_at_odds_are_told_and_change_nothing(place: Place) -> None:
    """Far behind the newest, ahead of us, before what is kept, with another value: each by its code."""
    week = REVISED // timedelta(seconds=1)
    await send(place, target("counter"), stream([(0, 10), (60, 15)]))
    before = await by_quarter(place)
    tally = await send(
        place, target("counter"), stream([(60, 99), (60 - week - 1, 5), (4 * 3600, 1), (-500 * 86_400, 2)])
    )
    assert tally.accepted == 0
    assert Counter(code for _, _, code, _ in tally.refused) == {"id_conflict": 1, "time_in_future": 1, "too_late": 2}
    assert await by_quarter(place) == before


async def test_any_interleaving_of_many_senders_gives_the_same_buckets(place: Place) -> None:
    """Resets, ends and levels, cut into bodies, shuffled, repeated, by four writers; refreshed under way."""
    chance = random.Random(20261128)  # noqa: S311 - no secret
    counter, level = target("counter"), target("level", "db")
    streams: list[tuple[Mapped, Stream]] = []
    for number in range(6):
        value, points = 0, []
        for at in range(0, 7200, 60):
            value = 0 if chance.random() < 0.05 else value + chance.randrange(50)
            points.append((at, None if chance.random() < 0.03 else value))
        way = (counter, level)[number % 2]
        streams.append((way, stream(points, f"s{number}", start_s=-5 if number == 4 else None)))
    bodies = [
        (
            way,
            Stream(each.name, each.labels, each.identity, "counter", each.points[at : at + 7], start_us=each.start_us),
        )
        for way, each in streams
        for at in range(0, len(each.points), 7)
    ]
    bodies += chance.sample(bodies, 20)
    chance.shuffle(bodies)

    async def write(mine: list[tuple[Mapped, Stream]]) -> None:
        points = Points(place.pool, PAST_DAYS)
        for way, body in mine:
            await send(place, way, body, points=points)

    async def roll(stop: asyncio.Event) -> None:
        while not stop.is_set():
            async with place.pool.connection() as conn:
                await ask(conn, "refresh")
                assert await differences(conn) == []

    stop = asyncio.Event()
    rolling = asyncio.create_task(roll(stop))
    await asyncio.gather(*(write(bodies[number::4]) for number in range(4)))
    stop.set()
    await rolling
    whole: dict[datetime, Decimal] = defaultdict(Decimal)
    for way, each in streams:
        for bucket, total in expected(way, [each]).items():
            whole[bucket] += total
    assert await by_quarter(place) == dict(whole)
