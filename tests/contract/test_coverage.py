"""Coverage on every engine: what is noted is what raw events say, and tells what is missing from what is zero."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest

from meter import aggregate, meters, usage
from meter.cells import Aggregation
from meter.coverage import facts, follow, listing
from meter.coverage import learn as learning
from meter.coverage.facts import Silence
from meter.coverage.listing import Wanted
from meter.coverage.share import Counts
from meter.database import Connection
from meter.meter_rules import Definition, completed
from meter.model import Event
from meter.streams import Stream
from meter.usage import Fill, Query, Usage
from meter.windows import Window
from tests.contract.correcting import change, named, put_back
from tests.contract.place import NOW, Place, ask, send
from tests.contract.test_points import send as send_points
from tests.contract.test_points import stream, target

MINUTE, QUARTER, HOUR, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
NOON = NOW.replace(minute=0, second=0)
UTC_ZONE = ZoneInfo("UTC")
SINCE = datetime(2026, 11, 17, tzinfo=UTC)


def sample(at: datetime, service: str = "web", seconds: int = 60) -> Event:
    """Answer a level of one core held for some seconds before an instant."""
    return Event(
        id=f"{service} {at}",
        time=at,
        meter="cpu",
        service=service,
        quantity=Decimal(1),
        duration_seconds=Decimal(seconds),
    )


def every(step: timedelta, start: datetime, end: datetime) -> Iterator[datetime]:
    """Walk over the instants from a start to an end, both included."""
    while start <= end:
        yield start
        start += step


async def keep(place: Place, now: datetime = NOW, *, learned: bool = True) -> None:
    """Roll up, follow and learn, as the worker does."""
    async with place.pool.connection() as conn:
        assert await aggregate.refresh(conn)
        await follow.follow(conn, now)
        if learned:
            await follow.enrol(conn)
            await learning.learn(conn, now)


async def report(place: Place, *instants: datetime, service: str = "web", seconds: int = 60) -> None:
    """Send samples, and keep coverage."""
    events = [sample(at, service, seconds) for at in instants]
    for start in range(0, len(events), 1_000):
        some = events[start : start + 1_000]
        assert (await send(place, *some)).accepted == len(some)
    await keep(place)


async def read(  # noqa: PLR0913 - what a question may have
    place: Place,
    start: datetime,
    end: datetime,
    window: Window | None = None,
    *,
    meter: str = "cpu",
    zone: ZoneInfo = UTC_ZONE,
    fill: Fill | None = None,
    now: datetime = NOW,
    group_by: tuple[str, ...] = (),
    aggregation: Aggregation | None = None,
) -> Usage:
    """Ask for usage with its coverage."""
    query = Query(
        meters=(meter,),
        start=start,
        end=end,
        zone=zone,
        window=window,
        fill=fill,
        group_by=group_by,
        aggregation=aggregation,
    )
    async with place.pool.connection() as conn:
        return await usage.read(conn, place.team, query, now)


def counts(found: Usage) -> list[Counts | None]:
    """Answer the coverage of each item."""
    return [item.coverage for item in found.readings[0].items]


async def declare(conn: Connection, place: Place, slug: str, seconds: int | None, aggregation: Aggregation) -> None:
    """Make a meter of the team that says how often it expects to hear."""
    said = Definition(slug=slug, title=slug, unit="job", aggregation=aggregation, expected_every_seconds=seconds)
    async with conn.transaction():
        await meters.create(conn, place.team.id, completed(said), NOW)


async def listed(place: Place, wanted: Wanted = "all", now: datetime = NOW) -> list[listing.Series]:
    """List series in a state."""
    query = listing.Query(wanted=wanted, since=NOW - DAY)
    async with place.pool.connection() as conn:
        return (await listing.page(conn, place.team, query, None, 1_000, now)).series


@pytest.mark.slow
async def test_what_is_noted_is_what_raw_says(place: Place) -> None:
    """Whatever comes late, is voided, put back or rolled up in between; and nothing waits in the end."""
    dice = Random(11)  # noqa: S311 - the same steps each time
    sent: list[str] = []
    made = []
    for number in range(40):
        service = dice.choice("abc")
        at = NOW - timedelta(minutes=dice.randrange(30 * 24 * 60), seconds=dice.randrange(60))
        events = [sample(at + n * MINUTE * dice.randrange(1, 40), service) for n in range(dice.randrange(1, 12))]
        new = {str(event.id): event for event in events if event.time and event.time < NOW}
        await send(place, *new.values())
        sent += [each for each in new if each not in sent]
        if sent and dice.random() < 0.7:  # noted before, as a rule
            outcome = await change(place, [named(sent.pop(dice.randrange(len(sent))))], why=f"mistake {number}")
            made.append(outcome.public_id)
        if made and dice.random() < 0.2:
            await put_back(place, made.pop())
        if dice.random() < 0.5:
            await keep(place, learned=dice.random() < 0.5)
    await keep(place)
    async with place.pool.connection() as conn:
        assert await ask(conn, "list_seen_quarters") == []
        ((quarters, series, _, waiting),) = await ask(conn, "count_noted")
        assert (series, waiting) == (3, 0)
        assert quarters > 50


async def test_a_collector_that_is_silent_for_hours(place: Place) -> None:
    """Hours without it have no item, or null and nothing covered; an hour of zeros is covered."""
    day = SINCE
    reports = [at for at in every(MINUTE, day + MINUTE, day + DAY) if not 6 <= (at - MINUTE).hour < 9]
    await report(place, *reports)
    found = await read(place, day, day + DAY, "hour", fill="null")
    assert found.coverage == Counts(84, 96)
    assert found.coverage.share == Decimal("0.875")
    assert counts(found) == [Counts(0 if 6 <= hour < 9 else 4, 4) for hour in range(24)]
    assert [item.quantity is None for item in found.readings[0].items] == [6 <= hour < 9 for hour in range(24)]
    assert len((await read(place, day, day + DAY, "hour")).readings[0].items) == 21
    (item,) = (await read(place, day + 6 * HOUR, day + 9 * HOUR, fill="zero")).readings[0].items
    assert (item.quantity, item.coverage) == (Decimal(0), Counts(0, 12))
    idle = [
        Event(id=f"{at}", time=at, meter="cpu", service="idle", quantity=Decimal(0), duration_seconds=Decimal(60))
        for at in every(MINUTE, day + MINUTE, day + HOUR)
    ]
    await send(place, *idle)
    await keep(place)
    (item, *_) = (await read(place, day, day + HOUR, group_by=("service",))).readings[0].items
    assert (item.group, item.quantity, item.coverage) == (("idle",), Decimal(0), Counts(4, 4))


async def test_windows_of_any_zone(place: Place) -> None:
    """A day in Kathmandu begins at a quarter past; a day of 25 hours has 100 quarters."""
    await report(place, *every(5 * MINUTE, SINCE, NOW - MINUTE), seconds=300)
    day = datetime(2026, 11, 17, 18, 15, tzinfo=UTC)
    found = await read(place, day - DAY, day, "day", zone=ZoneInfo("Asia/Kathmandu"))
    assert counts(found) == [Counts(74, 74)]  # it began at a quarter to midnight, UTC
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)
    await report(place, *every(10 * MINUTE, autumn, autumn + 26 * HOUR), service="old", seconds=600)
    found = await read(place, autumn, autumn + 25 * HOUR, "day", zone=ZoneInfo("Europe/Berlin"))
    assert counts(found) == [Counts(100, 100)]
    ragged = await read(place, autumn + 7 * MINUTE, autumn + 67 * MINUTE)
    assert ragged.coverage == Counts(4, 4)


async def test_what_comes_without_a_rhythm_has_no_coverage(place: Place) -> None:
    """Neither one nor zero: nobody knows how much there should be."""
    at = SINCE
    await send(
        place, *(Event(id=f"{n}", time=at + n * MINUTE, meter="requests", quantity=Decimal(1)) for n in range(99))
    )
    dice = Random(5)  # noqa: S311 - the same jobs each time
    await report(place, *(SINCE + timedelta(seconds=dice.randrange(80_000)) for _ in range(60)), service="jobs")
    for meter in ("requests", "cpu"):
        found = await read(place, SINCE, SINCE + DAY, "hour", meter=meter)
        assert (found.coverage, set(counts(found))) == (None, {None})
    assert {each.state for each in await listed(place)} == {None}
    async with place.pool.connection() as conn:
        assert await ask(conn, "list_rhythms") == [(None, None)]


async def test_how_often_is_declared_or_learned(place: Place) -> None:
    """A declaration holds over what was learned; of a meter that adds up it makes coverage where there was none."""
    async with place.pool.connection() as conn:
        await declare(conn, place, "jobs", None, "sum")
        await declare(conn, place, "depth", 3_600, "max")
    for meter in ("jobs", "depth"):
        steps = every(HOUR, SINCE + 5 * MINUTE, NOW)
        await send(place, *(Event(id=f"{at}", time=at, meter=meter, quantity=Decimal(1)) for at in steps))
    await report(place, *every(10 * timedelta(seconds=1), NOW - HOUR, NOW), seconds=10)
    found = {each.report.meter: each.report for each in await listed(place)}
    assert [(found[m].every_seconds, found[m].declared) for m in ("cpu", "depth", "jobs")] == [
        (10, False),
        (3_600, True),
        (None, False),
    ]
    hours = await read(place, SINCE, SINCE + DAY, "hour", meter="depth")
    assert set(counts(hours)) == {Counts(4, 4)}  # one report speaks for its hour
    assert (await read(place, SINCE, SINCE + DAY, meter="jobs")).coverage is None
    async with place.pool.connection() as conn, conn.transaction():
        locked = await meters.lock(conn, place.team.id, "jobs")
        said = completed(
            Definition(slug="jobs", title="jobs", unit="job", aggregation="sum", expected_every_seconds=900)
        )
        await meters.change(conn, place.team.id, locked, said, NOW)
    assert (await read(place, SINCE, SINCE + DAY, meter="jobs")).coverage is None  # not found yet
    await keep(place)
    assert (await read(place, SINCE, SINCE + DAY, meter="jobs")).coverage == Counts(24, 96)


async def test_who_is_silent_new_gone_or_back(place: Place) -> None:
    """From its last report on, by name; and what the lists say are the facts that alarms are made of."""
    await report(place, *every(MINUTE, NOON - 3 * HOUR, NOW - MINUTE))
    await report(place, *every(MINUTE, NOON - 3 * HOUR, NOON - HOUR), service="stopped")
    await report(place, *every(MINUTE, NOW - 9 * DAY, NOW - 9 * DAY + HOUR), service="old")
    await report(place, *every(5 * MINUTE, NOON - 3 * HOUR, NOW - 20 * MINUTE), service="slow", seconds=300)
    states = {each.row.service: each.state for each in await listed(place)}
    assert states == {"web": "reporting", "stopped": "silent", "old": "gone", "slow": "silent"}
    (silent, slow) = sorted(await listed(place, "silent"), key=lambda each: str(each.report.last_seen))
    assert silent.report.last_seen == NOON - HOUR - timedelta(microseconds=1)
    assert [each.row.service for each in await listed(place, "gone")] == ["old"]
    assert len(await listed(place, "new")) == 4  # heard of for the first time, however old their data is
    assert facts.facts(NOW, [each.report for each in await listed(place)]) == [
        Silence(each.report.series, "cpu", last, seconds)
        for each, seconds in ((silent, 60), (slow, 300))
        if (last := each.report.last_seen)
    ]
    later = NOW + 10 * MINUTE
    assert {each.row.service for each in await listed(place, "silent", later)} == {"web", "stopped", "slow"}
    await send(place, sample(NOW, "old"))
    assert {each.row.service: each.state for each in await listed(place)}["old"] == "reporting"  # before it is noted
    await keep(place)
    async with place.pool.connection() as conn:
        times = await ask(conn, "list_times")
    assert sorted(until is None for _, until, _ in times) == [False, True, True, True, True]
    whole = await read(place, NOW - 10 * DAY, NOON, group_by=("service",))
    covered = {item.group[0]: item.coverage for item in whole.readings[0].items}
    assert covered["old"] == Counts(5, 5)  # nothing was missed while it was gone
    assert covered["stopped"] == Counts(9, 13)


async def test_the_end_that_a_sender_tells(place: Place) -> None:
    """Until then it is expected, after it is not; when it comes back it is anew."""
    points = [(second, 5) for second in range(0, 3_600, 30)]
    body = stream([*points, (3_600, None)])
    await send_points(place, target("level"), body)
    await keep(place)
    ((since, until, ended),) = await place_times(place)
    assert (since, until, ended) == (
        NOW.replace(hour=9, minute=0, second=0),
        NOW.replace(hour=10, minute=15, second=0),
        True,
    )
    hours = await read(place, since, NOON, "hour", meter="memory", fill="null")
    assert counts(hours) == [Counts(4, 4), Counts(1, 1), None]
    assert [(each.state, each.report.ended) for each in await listed(place)] == [("gone", True)]
    back = stream([(second, 7) for second in range(9_000, 10_800, 30)])
    await send_points(place, target("level"), back)
    await keep(place)
    assert [(until is None, ended) for _, until, ended in await place_times(place)] == [(False, True), (True, False)]
    assert (await listed(place))[0].state == "reporting"
    async with place.pool.connection() as conn:
        assert await ask(conn, "list_rhythms") == [(30, "points")]


async def place_times(place: Place) -> list[tuple[datetime, datetime | None, bool]]:
    """Answer when series were there."""
    async with place.pool.connection() as conn:
        return [(since, until, ended) for since, until, ended in await ask(conn, "list_times")]


async def test_counters_that_stand_still_report(place: Place) -> None:
    """A count that does not grow is zero, and data; without points there is none."""
    body: Stream = stream([(second, 7) for second in range(0, 3_600, 30)])
    await send_points(place, target("counter"), body)
    await keep(place)
    start = NOW.replace(hour=9, minute=0, second=0)
    found = await read(place, start, start + 3 * HOUR, "hour", meter="network", fill="null")
    items = found.readings[0].items
    assert [(item.quantity, item.coverage) for item in items] == [
        (Decimal(0), Counts(4, 4)),
        (Decimal(0), Counts(1, 4)),
        (None, Counts(0, 4)),
    ]


async def test_raw_events_may_go(place: Place) -> None:
    """Coverage of what is dropped is what it was."""
    start = NOON - 40 * DAY
    await report(place, *every(10 * MINUTE, start, start + 6 * HOUR), seconds=600)
    before = await read(place, start, start + DAY, "hour")
    async with place.pool.connection() as conn:
        await ask(conn, "drop_before", {"instant": NOW - 20 * DAY})
        assert await ask(conn, "count_raw") in ([], [(0, None)])
    await keep(place)
    assert counts(await read(place, start, start + DAY, "hour")) == counts(before)
    assert before.coverage == Counts(24, 24)


async def test_nothing_is_missed_of_what_is_not_noted_yet(place: Place) -> None:
    """Without a worker nobody knows what came: then coverage tells of the time before; nor of the running quarter."""
    await report(place, *every(MINUTE, NOON - 2 * HOUR + MINUTE, NOW - MINUTE))
    assert (await read(place, NOON - 2 * HOUR, NOW)).coverage == Counts(8, 8)
    later = NOW + 3 * HOUR
    assert (await read(place, NOON - 2 * HOUR, later, now=later)).coverage == Counts(8, 8)
    await keep(place, later)
    assert (await read(place, NOON - 2 * HOUR, later, now=later)).coverage == Counts(9, 20)


async def test_nothing_is_written_where_nothing_changes(place: Place) -> None:
    """Once a quarter of a series is noted, more of the same quarter writes nothing."""
    await report(place, *every(MINUTE, NOON, NOON + 2 * MINUTE))
    async with place.pool.connection() as conn:
        before = await ask(conn, "list_coverage_rows")
    await report(place, *every(MINUTE, NOON + 3 * MINUTE, NOON + 7 * MINUTE))
    async with place.pool.connection() as conn:
        assert await ask(conn, "list_coverage_rows") == before


@pytest.mark.parametrize("engine", ["timescale"], indirect=True, scope="session")
async def test_in_the_columnstore(place: Place) -> None:
    """Late events and voids in compressed chunks change what is noted."""
    start = NOW - 30 * DAY
    await report(place, *every(10 * MINUTE, start, start + 6 * HOUR), seconds=600)
    async with place.pool.connection() as conn:
        await ask(conn, "compress", {"instant": NOW})
    await send(place, sample(start + 7 * HOUR))
    assert (await change(place, [named(f"web {start + HOUR}")])).events
    await keep(place)
    async with place.pool.connection() as conn:
        assert await ask(conn, "list_seen_quarters") == []
