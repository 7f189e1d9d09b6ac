"""A team's own meters on each engine: what they take, what is billed of it, and that no cache mixes them up."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from meter import meters
from meter.errors import Busy, Forbidden, MeterExists, MeterInUse, UnknownMeter
from meter.ingest import Ingest
from meter.meter_rules import Definition, completed, definition_of
from meter.model import Event, Meter, SeriesKey
from meter.series import resolve
from sql import statement
from tests.contract.place import NOW, PAST_DAYS, Place, ask, differences, make_team, send, until_blocked
from tests.contract.test_duplicates import counts

PEAK = Decimal("12.5")


def said(slug: str, aggregation: str = "sum", **more: Any) -> Definition:
    """Answer the definition of a meter with two dimensions."""
    fields = {"slug": slug, "title": slug, "unit": "thing", "aggregation": aggregation, "dimensions": ["kind"]}
    return completed(msgspec.convert(fields | more, Definition))


async def made(place: Place, definition: Definition) -> Meter:
    """Make a meter of the place's team."""
    async with place.pool.connection() as conn, conn.transaction():
        return await meters.create(conn, place.team.id, definition, NOW)


async def changed(place: Place, slug: str, *, of_team: bool = True, **fields: Any) -> Meter:
    """Change a meter of the place's team, or of the catalogue."""
    team_id = place.team.id if of_team else None
    async with place.pool.connection() as conn, conn.transaction():
        locked = await meters.lock(conn, team_id, slug)
        return await meters.change(
            conn, team_id, locked, completed(msgspec.structs.replace(definition_of(locked), **fields)), NOW
        )


def event(number: int, meter: str, **fields: Any) -> Event:
    """Answer the event of a number."""
    return Event(id=f"e{number}", time=NOW - timedelta(seconds=number), meter=meter, **fields)


async def by_series(place: Place) -> list[tuple[Any, ...]]:
    """Answer dimensions, billable, events and total of each series, after checking the views."""
    async with place.pool.connection() as conn:
        assert await differences(conn) == []
        return await ask(conn, "sum_by_series")


@pytest.mark.parametrize(
    ("aggregation", "more", "fields"),
    [
        ("sum", {"scale": 1024}, {"quantity": PEAK}),
        ("count", {}, {}),
        ("count", {}, {"quantity": PEAK}),
        ("min", {}, {"quantity": PEAK}),
        ("max", {}, {"quantity": PEAK}),
        ("average", {}, {"quantity": PEAK}),
        ("latest", {}, {"quantity": PEAK}),
        ("percentile", {"percentile": "99.9"}, {"quantity": PEAK}),
        ("unique", {"unique_of": "member"}, {"member": "ada"}),
        ("unique", {"unique_of": "attributes.session"}, {"attributes": {"session": "s1"}}),
        ("time_weighted", {"per": "minute"}, {"quantity": PEAK, "duration_seconds": Decimal(60)}),
    ],
)
async def test_every_aggregation_takes_events_once(
    place: Place, aggregation: str, more: dict[str, Any], fields: dict[str, Any]
) -> None:
    """What is sent is stored as it came, and sent again it is a duplicate."""
    await made(place, said("own", aggregation, **more))
    one, two = event(1, "own", **fields), event(2, "own", **fields)
    assert counts(await send(place, one, one)) == (1, 1, [])
    assert counts(await send(place, one, two)) == (1, 1, [])
    each = {"count": fields.get("quantity", 1), "unique": 1, "time_weighted": PEAK * 60}.get(aggregation, PEAK)
    ((_, _, _, total),) = await by_series(place)
    assert total == 2 * each


async def test_a_unit_is_a_level_over_its_time_by_its_scale(place: Place) -> None:
    """2,048 MB held for a minute, and 2 GB-minutes, are stored alike, and read as that."""
    meter = await made(place, said("held", "time_weighted", per="minute", scale=1024))
    held = event(1, "held", quantity=Decimal(2048), duration_seconds=Decimal(60))
    assert counts(await send(place, held, event(2, "held", quantity=Decimal(2)))) == (2, 0, [])
    ((_, _, _, total),) = await by_series(place)
    assert total / meter.divisor == 4


async def test_failed_calls_are_in_series_of_their_own(place: Place) -> None:
    """A status among dimensions or attributes decides; what has none, or of an internal key, is no case of it."""
    await made(place, said("calls", "sum", billable=True, billable_statuses=["2xx", "404"], dimensions=["status"]))
    given: list[dict[str, Any]] = [{"dimensions": {"status": status}} for status in ("200", "404", "500")]
    given += [{"attributes": {"status": status}} for status in (201, 503)]
    events = [event(n, "calls", quantity=Decimal(10**n), **fields) for n, fields in enumerate([{}, *given])]
    assert counts(await send(place, *events)) == (6, 0, [])
    assert counts(await send(place, *reversed(events))) == (0, 6, [])
    assert await by_series(place) == [
        ({}, False, 1, Decimal(100_000)),
        ({}, True, 2, Decimal(10_001)),
        ({"status": "200"}, True, 1, Decimal(10)),
        ({"status": "404"}, True, 1, Decimal(100)),
        ({"status": "500"}, False, 1, Decimal(1_000)),
    ]
    internal = msgspec.structs.replace(place.caller, internal=True, key_id=await another_key(place))
    again = [msgspec.structs.replace(each, id=f"i{n}") for n, each in enumerate(events)]
    assert counts(await place.ingest.take(place.team, internal, again, NOW)) == (6, 0, [])
    assert {row[1] for row in (await by_series(place))[5:]} <= {False, True}
    assert sum(row[2] for row in await by_series(place) if not row[1]) == 2 + 6


async def another_key(place: Place) -> int:
    """Make another key of the team."""
    async with place.pool.connection() as conn:
        return int((await ask(conn, "make_key", {"team_id": place.team.id}))[0][0])


async def test_statuses_hold_from_now_on(place: Place) -> None:
    """After a change the same series of labels is counted anew, in a process that had it in memory too."""
    await made(place, said("calls", billable=True, dimensions=["status"]))
    failed = {"quantity": Decimal(1), "dimensions": {"status": "500"}}
    other = Ingest(place.pool, PAST_DAYS)
    for ingest, number in ((place.ingest, 1), (other, 2)):
        await ingest.take(place.team, place.caller, [event(number, "calls", **failed)], NOW)
    await changed(place, "calls", billable_statuses=("2xx",))
    for ingest, number in ((place.ingest, 3), (other, 4), (other, 2)):
        await ingest.take(place.team, place.caller, [event(number, "calls", **failed)], NOW)
    assert await by_series(place) == [
        ({"status": "500"}, False, 2, Decimal(2)),
        ({"status": "500"}, True, 2, Decimal(2)),
    ]


async def test_an_archived_meter_takes_no_events_and_keeps_its_usage(place: Place) -> None:
    """Known series or not, in any process; put back into use it takes them again."""
    await made(place, said("old"))
    await send(place, event(1, "old", quantity=PEAK))
    await changed(place, "old", archived=True)
    refused = (0, 0, [(0, "meter_archived"), (1, "meter_archived")])
    for ingest in (place.ingest, Ingest(place.pool, PAST_DAYS)):
        batch = [event(2, "old", quantity=PEAK), event(3, "old", quantity=PEAK, dimensions={"kind": "new"})]
        assert counts(await ingest.take(place.team, place.caller, batch, NOW)) == refused
    assert await by_series(place) == [({}, True, 1, PEAK)]
    await changed(place, "old", archived=False)
    assert counts(await send(place, event(1, "old", quantity=PEAK), event(2, "old", quantity=PEAK))) == (1, 1, [])


async def test_a_name_means_one_thing_to_a_team(place: Place) -> None:
    """Neither a team nor the operator can take a name that is there; another team may."""
    async with place.pool.connection() as conn:
        other, _ = await make_team(conn)
        await meters.create(conn, place.team.id, said("gpu"), NOW)
        await meters.create(conn, other.id, said("gpu"), NOW)
        for team_id, slug in ((place.team.id, "gpu"), (place.team.id, "requests"), (None, "gpu"), (None, "requests")):
            with pytest.raises(MeterExists, match=slug):
                await meters.create(conn, team_id, said(slug), NOW)
        with pytest.raises(Forbidden, match="catalogue"):
            await meters.lock(conn, place.team.id, "requests")
        with pytest.raises(UnknownMeter):
            await meters.lock(conn, None, "gpu")


async def test_a_name_is_given_once_however_many_want_it(place: Place) -> None:
    """A team and the operator at the same moment, again and again: one has it."""

    async def attempt(team_id: int | None, slug: str) -> bool:
        async with place.pool.connection() as conn, conn.transaction():
            try:
                await meters.create(conn, team_id, said(slug), NOW)
            except MeterExists:
                return False
        return True

    for number in range(10):
        slug = f"raced{number}"
        found = await asyncio.gather(*(attempt(team_id, slug) for team_id in (None, place.team.id) * 3))
        assert sum(found) == 1, slug


async def test_what_was_counted_stays_what_it_was(place: Place) -> None:
    """Before the first event everything may change, afterwards only what no number depends on."""
    await made(place, said("own", "sum"))
    assert (await changed(place, "own", aggregation="time_weighted", unit="core-hour", per="hour")).version == 2
    assert (await changed(place, "own", aggregation="sum", per=None, unit="thing", scale=Decimal(1000))).divisor == 1000
    await send(place, event(1, "own", quantity=PEAK, dimensions={"kind": "a"}))
    for fields in ({"unit": "x"}, {"aggregation": "max", "scale": Decimal(1)}, {"dimensions": ()}, {"billable": True}):
        with pytest.raises(MeterInUse, match="Make another meter"):
            await changed(place, "own", **fields)
    meter = await changed(place, "own", title="Mine", dimensions=("kind", "size"), billable_statuses=("2xx",))
    assert (meter.version, meter.title, sorted(meter.dimensions)) == (4, "Mine", ["kind", "size"])
    assert (await changed(place, "own", title="Mine")).version == 4, "nothing changed"
    assert counts(await send(place, event(2, "own", quantity=PEAK, dimensions={"size": "b"}))) == (1, 0, [])


async def test_a_dimension_can_be_used_the_moment_it_is_there(place: Place) -> None:
    """No cache remembers that it was not."""
    await made(place, said("own"))
    sized = event(1, "own", quantity=PEAK, dimensions={"size": "b"})
    assert counts(await send(place, sized)) == (0, 0, [(0, "undeclared_dimension")])
    await changed(place, "own", dimensions=("kind", "size"))
    assert counts(await send(place, sized)) == (1, 0, [])


async def test_the_first_event_and_a_change_do_not_cross(place: Place) -> None:
    """Who was first has it: the change waits and finds the meter used, or the event finds it changed."""
    await made(place, said("own", "time_weighted", per="hour"))
    async with place.pool.connection() as changing, place.pool.connection() as counting:
        async with changing.transaction():
            locked = await meters.lock(changing, place.team.id, "own")
            task = asyncio.create_task(
                place.ingest.take(place.team, place.caller, [event(1, "own", quantity=PEAK)], NOW)
            )
            await until_blocked(counting, None)
            await meters.change(
                changing, place.team.id, locked, msgspec.structs.replace(definition_of(locked), per="minute"), NOW
            )
        with pytest.raises(Busy, match="changed at this very moment"):
            await task
    assert await by_series(place) == []
    await send(place, event(1, "own", quantity=PEAK))
    ((_, _, _, total),) = await by_series(place)
    assert total == PEAK * 60
    with pytest.raises(MeterInUse):
        await changed(place, "own", per="hour")


async def test_a_change_waits_for_a_first_event_on_its_way(place: Place) -> None:
    """The series is there when the change goes on, and refuses it."""
    meter = await made(place, said("own"))
    async with place.pool.connection() as counting, place.pool.connection() as watching:
        async with counting.transaction():
            await counting.execute(statement("hold_meters"), {"meters": [meter.id]})
            task = asyncio.create_task(changed(place, "own", unit="other"))
            await until_blocked(watching, None)
            keys = [SeriesKey(meter.slug, None, None, ())]
            await resolve(counting, place.team.id, place.caller, keys, {"own": meter})
        with pytest.raises(MeterInUse):
            await task
