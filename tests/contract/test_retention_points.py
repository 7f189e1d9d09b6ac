"""Points that are dropped: late ones are counted as if all were there, or refused; never otherwise."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from meter import checks
from meter.facts import microseconds
from meter.mapping.route import Mapped
from meter.points import explain
from meter.points.close import close_gaps
from meter.points.counting import GapRule, Way
from meter.points.take import Points
from meter.retention import floors
from meter.segments import QUARTER_US, SECOND_US
from meter.streams import Point, Stream
from tests.contract.keeping import DAYS, looked, retained, settings, settled
from tests.contract.place import NOW, PAST_DAYS, Place, ask
from tests.contract.test_points import expected, part, send, target
from tests.contract.test_points import stream as made

FLOOR = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEEP = settings(points_days=DAYS)


def ways() -> list[Mapped]:
    """Answer every way of counting; gaps of six days reach over the floor."""
    kinds: list[tuple[Way, GapRule]] = [
        ("counter", "hold"), ("delta", "hold"), ("measure", "hold"),
        ("level", "hold"), ("level", "zero"), ("level", "exclude"),
    ]  # fmt: skip
    return [target(way, rule=rule)._replace(gap_us=6 * 86_400 * SECOND_US) for way, rule in kinds]


def stream(points: list[tuple[timedelta, int | None]], name: str = "s", start: timedelta | None = None) -> Stream:
    """Answer a stream with points so long after the floor."""
    zero = microseconds(FLOOR)
    at = [Point(zero + delta // timedelta(microseconds=1), None if v is None else Decimal(v)) for delta, v in points]
    start_us = None if start is None else zero + start // timedelta(microseconds=1)
    return msgspec.structs.replace(made([], name), points=at, start_us=start_us)


def single(whole: Stream, number: int) -> Stream:
    """Answer a stream with one of its points."""
    return part(whole, slice(number, number + 1))


async def sums(place: Place) -> dict[datetime, Decimal]:
    """Answer what the views say, by quarter, without those that say nothing."""
    found: dict[datetime, Decimal] = {}
    async with place.pool.connection() as conn:
        for bucket, total in await ask(conn, "quarters"):
            found[bucket] = found.get(bucket, Decimal(0)) + total
    return {bucket: total for bucket, total in found.items() if total}


def wanted(streams: list[tuple[Mapped, Stream]]) -> dict[datetime, Decimal]:
    """Answer what all points of the streams come to at once, closed at their ends."""
    found: dict[datetime, Decimal] = {}
    for way, each in streams:
        for bucket, total in expected(way, [each], closed=True).items():
            found[bucket] = found.get(bucket, Decimal(0)) + total
    return {bucket: total for bucket, total in found.items() if total}


async def dropped(place: Place) -> None:
    """Close levels, roll up, and drop raw events and points before the floor."""
    async with place.pool.connection() as conn:
        await close_gaps(conn, NOW)
        await settled(conn)
        assert (await retained(place, KEEP)).weeks
        found = await floors.floors(conn)
        assert found.raw == FLOOR
        assert found.points is not None
        assert found.points <= FLOOR


def some(chosen: random.Random, name: str) -> tuple[Stream, Stream]:
    """Answer a stream around the floor, and some of its points, behind the newest, that come late and in disorder.

    Nothing lies in the four days before the floor: a chunk with those days goes a week later.
    """
    hours = sorted([*chosen.sample(range(-10 * 24 * 4, -4 * 24 * 4), 5), *chosen.sample(range(1, 3 * 24 * 4), 7)])
    points = [(HOUR * n / 4, None if chosen.random() < 0.2 else chosen.randrange(9)) for n in hours]
    points[-1] = (timedelta(days=3), 5)
    late = [point for point in points[:-1] if point[0] > timedelta() and chosen.random() < 0.6]
    early = [point for point in points if point not in late]
    chosen.shuffle(late)
    start = chosen.choice([None, timedelta(days=-5)])
    return stream(early, name, start), stream(late, name, start)


async def test_late_points_count_as_if_nothing_was_dropped(place: Place) -> None:
    """Streams with points around the floor, in each way; more come between them when the former are gone."""
    chosen = random.Random(5)  # noqa: S311 (no secret)
    sent = [(way, *some(chosen, f"{n}-{k}")) for n, way in enumerate(ways()) for k in range(5)]
    for way in ways():
        await send(place, way, *[early for each, early, _ in sent if each == way])
    await dropped(place)
    assert await sums(place) == wanted([(way, early) for way, early, _ in sent])
    whole = []
    for way, early, late in sent:
        taken = list(early.points)
        for n in range(len(late.points)):
            tally = await send(place, way, single(late, n))
            assert {code for _, _, code, _ in tally.refused} <= {"too_late"}
            taken += list(late.points[n : n + 1]) * tally.accepted
        whole.append((way, msgspec.structs.replace(early, points=taken)))
    came = sum(len(each.points) for _, each in whole) - sum(len(early.points) for _, early, _ in sent)
    assert came > len(sent)
    async with place.pool.connection() as conn:
        await close_gaps(conn, NOW)
        assert await sums(place) == wanted(whole)
        await settled(conn)
        assert await sums(place) == wanted(whole)
        assert [found for found in await checks.run(conn, NOW) if not found.holds] == []


async def test_a_counter_goes_on_from_a_point_that_is_dropped(place: Place) -> None:
    """Its predecessor lies far behind: the late point counts the difference to it, not its whole value."""
    whole = stream([(-HOUR * 60, 100), (HOUR * 30, 107), (HOUR * 60, 110)], start=-HOUR * 90)
    await send(place, target("counter"), part(whole, slice(0, 1)), single(whole, 2))
    await dropped(place)
    assert (await send(place, target("counter"), single(whole, 1))).accepted == 1
    assert sum((await sums(place)).values()) == 110
    assert await sums(place) == wanted([(target("counter"), whole)])


async def test_an_end_that_is_dropped_still_ends(place: Place) -> None:
    """A level that ended before the floor does not hold until the late point after it."""
    way = target("level")._replace(gap_us=10 * 86_400 * SECOND_US)
    whole = stream([(-HOUR * 120, 5), (-HOUR * 119, None), (HOUR, 3), (HOUR * 4, 7), (HOUR * 5, 1)])
    await send(place, way, msgspec.structs.replace(whole, points=[*whole.points[:2], *whole.points[3:]]))
    await dropped(place)
    assert (await send(place, way, single(whole, 2))).accepted == 1
    assert await sums(place) == wanted([(way, whole)])


async def test_points_behind_the_floor_are_refused_alone(place: Place) -> None:
    """Whatever they would count, before and after they are dropped; the others of their body are taken."""
    whole = stream([(-HOUR * 61, 5), (-HOUR * 60, 5), (HOUR, 8), (HOUR * 2, 9)])
    await send(place, target("counter"), whole)
    await dropped(place)
    again = stream([(-HOUR * 60, 5), (-HOUR * 59, 6), (HOUR * 2, 9), (HOUR * 3, 12)])
    fresh = stream([(-HOUR * 60, 5)], "fresh")
    tally = await send(place, target("counter"), again, fresh)
    assert (tally.accepted, tally.duplicates) == (1, 1)
    assert {(code, points) for (_, _, code, _), points in tally.refused.items()} == {("too_late", 1), ("too_late", 2)}
    assert sum((await sums(place)).values()) == 7


async def test_silent_streams_speak_again(place: Place) -> None:
    """Levels that were last heard of before the floor: their next point is taken, and so are those after it."""
    levels = [way._replace(gap_us=6 * 3600 * SECOND_US) for way in ways()[3:]]
    for n, way in enumerate(levels):
        await send(place, way, stream([(-HOUR * 60, 5)], str(n)))
    await dropped(place)
    before = await sums(place)
    for n, way in enumerate(levels):
        assert (await send(place, way, stream([(HOUR * 48, 4), (HOUR * 50, 6)], str(n)))).accepted == 2
    added = {bucket: total for bucket, total in (await sums(place)).items() if before.get(bucket) != total}
    quarter = 3 * 4 * Decimal(QUARTER_US // SECOND_US)
    assert added == {FLOOR + HOUR * 48 + timedelta(minutes=15 * n): quarter for n in range(8)}


async def test_a_level_that_holds_keeps_its_week(place: Place) -> None:
    """Until it is counted to its end."""
    way = target("level")._replace(gap_us=20 * 86_400 * SECOND_US)
    await send(place, way, stream([(-HOUR * 60, 5)]))
    async with place.pool.connection() as conn:
        await send(place, target("counter"), stream([(-HOUR * 300, 5), (-HOUR * 299, 6)], "older"))
        await settled(conn)
    found = await looked(place, KEEP)
    assert (found.stopped, found.holds[0].since) == (FLOOR - timedelta(days=7), FLOOR - HOUR * 60)
    async with place.pool.connection() as conn:
        assert await close_gaps(conn, NOW + timedelta(days=30)) == 1
        await settled(conn)
    assert (await looked(place, KEEP)).stopped is None


async def test_a_point_is_still_explained_by_the_one_before(place: Place) -> None:
    """The first that is kept says which difference it counted; those that are dropped are not listed."""
    whole = stream([(-HOUR * 400, 1), (-HOUR * 399, 3), (HOUR, 10)])
    await send(place, target("counter"), whole)
    async with place.pool.connection() as conn:
        series = (await ask(conn, "list_series_identities", {"team_id": place.team.id}))[0][0]
        before = await explain.points_of(conn, place.team.id, UUID(str(series)), None, None, 10)
        assert len(before.points) == 3
    await dropped(place)
    async with place.pool.connection() as conn:
        after = await explain.points_of(conn, place.team.id, UUID(str(series)), None, None, 10)
    assert after.points == before.points[:1]


async def test_points_are_not_dropped_before_events(place: Place) -> None:
    """However few days they are to be kept: what holds raw events back holds them, too."""
    await send(place, target("counter"), stream([(-HOUR * 400, 1), (-HOUR * 399, 3), (HOUR, 10)]))
    async with place.pool.connection() as conn:
        await retained(place, settings(points_days=DAYS))
        assert (await floors.floors(conn)).points is None
        assert PAST_DAYS > DAYS


async def test_a_stream_of_ends_alone(place: Place) -> None:
    """Marks of an end without any value: late ones and early ones change nothing, and nothing fails."""
    await send(place, target("counter"), stream([(HOUR * 200, None)]), stream([(HOUR, 1)], "other"))
    tally = await send(place, target("counter"), stream([(HOUR, None)]), points=Points(place.pool, PAST_DAYS))
    assert [code for _, _, code, _ in tally.refused] == ["too_late"]
