"""What changed since an instant, on every engine: told by transactions, whatever the events' own times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from meter import changes
from meter.changes import Query
from meter.corrections.decide import Amendment
from meter.database import connect
from meter.errors import InvalidParameter, NothingNoted, RawDataGone
from meter.identity import hashed
from tests.contract.correcting import change, named, put_back
from tests.contract.place import NOW, Place, ask, query, send
from tests.contract.test_duplicates import request, sample

DAY = timedelta(days=1)


async def since(place: Place, instant: datetime, *meters: str) -> list[Any]:
    """Answer what changed in the last ten days since an instant."""
    async with place.pool.connection() as conn:
        asked = Query(instant, NOW - 10 * DAY, NOW + DAY, meters)
        return (await changes.read(conn, place.team, asked, None, 100)).hours


async def noted(place: Place) -> datetime:
    """Note what is visible, and answer an instant after that."""
    async with place.pool.connection() as conn:
        await changes.tick(conn)
    return datetime.now(UTC)


async def test_late_events_and_corrections_since(place: Place) -> None:
    """Each of three instants has its own answer; what was there and stayed is in none."""
    start = await noted(place)
    await send(place, request(1, 5), request(2, 5), sample(3, 6))
    first = await noted(place)
    await send(place, request(1, 5), request(9, 3, 3 * DAY))
    made = await change(place, [named("e1")])
    await change(place, [named("e9")], Amendment(quantity=Decimal(4)))
    second = await noted(place)
    await put_back(place, made.public_id)

    hour = NOW.replace(minute=0, second=0)
    late = [each for each in await since(place, first) if each.place.hour < hour - DAY]
    assert [each[2:] for each in late] == [(1, 4, 0, 0, 0)]  # it came since, so its amendment is part of that
    assert [each[2:] for each in await since(place, second)] == [(0, 0, 1, 0, 5)]
    found = await since(place, first, "requests")
    assert [(each.place.hour, *each[2:]) for each in found] == [
        (hour - 3 * DAY, 1, 4, 0, 0, 0),
        (hour, 0, 0, 1, 5, 5),
    ]
    everything = await since(place, start)
    assert sum(each.came for each in everything if each.place.meter == "requests") == 3
    assert sum(each.quantity for each in everything if each.place.meter == "cpu") == 5
    assert [each.corrected for each in everything] == [0] * len(everything)


async def test_what_is_in_flight_has_not_happened(place: Place) -> None:
    """An event whose transaction began before the note and ended after it has changed since."""
    await send(place, request(1))
    async with await connect(place.url) as other:
        identity = UUID(bytes=hashed(b"i", "", "e2", "requests"))
        row = {"team_id": place.team.id, "time": NOW, "event_id": identity, "quantity": 7}
        await other.execute(query("insert_event"), row)
        instant = await noted(place)
        assert await since(place, instant) == []
        await other.commit()
    assert [each[2:4] for each in await since(place, instant)] == [(1, 7)]


async def test_pages_and_refusals(place: Place) -> None:
    """Hour by hour; a range too long, an instant before all notes, raw events that are gone."""
    start = datetime.now(UTC)
    with pytest.raises(NothingNoted):
        await since(place, start)
    instant = await noted(place)
    await send(place, *(request(n, age=n * timedelta(hours=1)) for n in range(5)))
    whole = await since(place, instant)
    assert len(whole) == 5
    async with place.pool.connection() as conn:
        asked = Query(instant, NOW - 10 * DAY, NOW + DAY)
        after, pages = None, []
        for _ in range(3):
            page = (await changes.read(conn, place.team, asked, after, 2)).hours
            pages += page
            after = page[-1].place
        assert pages == whole
        with pytest.raises(InvalidParameter):
            await changes.read(conn, place.team, asked._replace(start=NOW - 90 * DAY), None, 2)
        await ask(conn, "refresh")
        await ask(conn, "drop_before", {"instant": NOW - 7 * DAY})
        with pytest.raises(RawDataGone):
            await changes.read(conn, place.team, asked, None, 2)


async def test_notes_are_thinned_out(place: Place) -> None:
    """After a week one an hour is left, after 400 days none."""
    async with place.pool.connection() as conn:
        await ask(conn, "add_ticks", {"since": NOW - 401 * DAY, "until": NOW})
        await changes.trim(conn, NOW)
        day = 24 * 6
        assert await ask(conn, "count_ticks", {"since": NOW - DAY}) == [(393 * 24 + 7 * day + 1, day)]
        assert (await ask(conn, "count_ticks", {"since": NOW - 20 * DAY}))[0][1] == 24
        await changes.trim(conn, NOW)
        assert (await ask(conn, "count_ticks", {"since": NOW - 20 * DAY}))[0][1] == 24
