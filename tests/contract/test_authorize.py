"""A call is let through by every limit on its way or by none; what it used is booked with its event, once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from meter import facts
from meter.authorize import sweep
from meter.errors import EventsRefused, NotFound, ReservationClosed
from meter.facts import Defaults, Horizon
from meter.ingest import load_meters
from meter.limits import follow
from meter.model import Event, Refusal
from meter.store import copy
from tests.contract.limiting import authorize, counters, desk_of, make_budget, settle
from tests.contract.place import NOW, Place, ask, differences, until_blocked


async def swept(place: Place, now: datetime) -> int:
    """Run the sweep."""
    async with place.pool.connection() as conn:
        return await sweep.turn(conn, now)


async def test_a_call_is_reserved_settled_and_counted(place: Place) -> None:
    """Reserved at first, then what it used, in the commit of its event."""
    budget = await make_budget(place, 10)
    desk = desk_of(place)
    asked = await authorize(desk, place, 4)
    assert asked.decision.allowed
    assert asked.expires_at == NOW + timedelta(minutes=5)
    assert await counters(place) == [(budget, "", 0, 4, 0)]
    answer = await settle(desk, place, asked.reservation, 3)
    assert answer.usage.quantities == {"requests": "3"}
    (limit,) = answer.limits
    assert (limit.used, limit.reserved, limit.remaining, limit.limit) == ("3", "0", "7", "10")
    assert await counters(place) == [(budget, "", 3, 0, 0)]
    async with place.pool.connection() as conn:
        assert [row[3] for row in await ask(conn, "list_daily")] == [Decimal(3)]
        assert await differences(conn) == []


async def test_nothing_goes_beyond_and_everything_says_why(place: Place) -> None:
    """Of two calls at once that fit one by one only, one is let through."""
    await make_budget(place, 10)
    desk = desk_of(place)
    first, second = await asyncio.gather(authorize(desk, place, 6), authorize(desk, place, 6))
    assert sorted([first.decision.allowed, second.decision.allowed]) == [False, True]
    denied = first if not first.decision.allowed else second
    (looked,) = denied.decision.looked
    assert [looked.verdict.remaining, looked.asked] == [4, 6]
    assert looked.verdict.exceeded
    assert denied.reservation is None
    assert (await authorize(desk, place, 4)).decision.allowed
    assert not (await authorize(desk, place, 0)).decision.allowed  # nobody knows how much, and nothing is left


async def test_what_is_released_or_expires_comes_free(place: Place) -> None:
    """By the caller, or by the sweep; a settle that comes too late is booked all the same."""
    budget = await make_budget(place, 10)
    desk = desk_of(place)
    one, other = await authorize(desk, place, 5), await authorize(desk, place, 5)
    assert one.reservation is not None
    assert other.reservation is not None
    assert (await desk.release(place.team, one.reservation, NOW)).state == "released"
    assert (await desk.release(place.team, one.reservation, NOW)).state == "released"
    assert await counters(place) == [(budget, "", 0, 5, 0)]
    assert await swept(place, NOW + timedelta(hours=1)) == 1
    assert await counters(place) == []
    with pytest.raises(ReservationClosed):
        await settle(desk, place, one.reservation, 1)
    await settle(desk, place, other.reservation, 7, at=NOW + timedelta(hours=1))
    assert await counters(place) == [(budget, "", 7, 0, 0)]


async def test_a_settle_counts_once(place: Place) -> None:
    """However often it is sent, at once or later; another event for the same reservation is refused."""
    budget = await make_budget(place, 100)
    desks = desk_of(place), desk_of(place)
    asked = await authorize(desks[0], place, 5)
    found = await asyncio.gather(*(settle(desks[n % 2], place, asked.reservation, 5) for n in range(6)))
    assert len({each.usage.id for each in found}) == 1
    assert all(each == found[0] for each in found)
    assert await counters(place) == [(budget, "", 5, 0, 0)]
    with pytest.raises(ReservationClosed):
        await settle(desks[0], place, asked.reservation, 6)
    async with place.pool.connection() as conn:
        assert await ask(conn, "count_raw") == [(1, NOW)]


async def test_somebody_else_stores_the_event_meanwhile(place: Place) -> None:
    """Who meets an event that is being stored waits for it, and then does not count it again."""
    budget = await make_budget(place, 100)
    desk = desk_of(place)
    asked = await authorize(desk, place, 5)
    event = Event(id="e", time=NOW, meter="requests", quantity=Decimal(5))
    async with place.pool.connection() as other, place.pool.connection() as watcher:
        meters = await load_meters(other, place.team.id)
        rows = facts.rows(event, 0, meters, Horizon(0, 2**62), Defaults(None, None, {}, ZoneInfo("UTC")))
        assert not isinstance(rows, Refusal)
        wires = await place.ingest.wired(other, place.team.id, place.caller, rows, meters)
        async with other.transaction():
            await copy(other, place.team.id, wires)
            settling = asyncio.create_task(settle(desk, place, asked.reservation, 5, id="e", time=NOW))
            await until_blocked(watcher, None)
        assert (await settling).usage.duplicate
        assert await ask(watcher, "count_raw") == [(1, NOW)]
        assert await differences(watcher) == []
    assert [row for row in await counters(place) if row[:1] == (budget,)] == []  # what came by itself is followed later


async def test_a_bad_event_leaves_the_reservation_open(place: Place) -> None:
    """It is refused by itself, whatever else is in the batch."""
    budget = await make_budget(place, 100)
    desk = desk_of(place)
    one, other = await authorize(desk, place, 5), await authorize(desk, place, 5)
    bad = settle(desk, place, one.reservation, 1, time=NOW + timedelta(hours=1))
    good = settle(desk, place, other.reservation, 2)
    refused, answer = await asyncio.gather(bad, good, return_exceptions=True)
    assert isinstance(refused, EventsRefused)
    assert not isinstance(answer, BaseException)
    assert await counters(place) == [(budget, "", 2, 5, 0)]
    with pytest.raises(NotFound):
        await desk.release(place.team, place.team.public_id, NOW)


async def test_a_call_is_settled_for_whom_it_was_authorized(place: Place) -> None:
    """Whoever is named anew is refused, in the event or beside it; a call of nobody stays nobody's."""
    await make_budget(place, 10, each=["member"])
    desk = desk_of(place)
    colleague = msgspec.structs.replace(place.caller, member="ann")
    for named, caller, member in (
        (None, None, "ann"),
        ("bob", None, "ann"),
        (None, colleague, None),
        ("bob", colleague, None),
    ):
        asked = await authorize(desk, place, 1, member=named)
        with pytest.raises(EventsRefused, match="authorized for"):
            await settle(desk, place, asked.reservation, 1, caller=caller, member=member)
        answer = await settle(desk, place, asked.reservation, 1)
        assert answer.usage.member == named


async def test_what_a_call_holds_is_not_forgotten(place: Place) -> None:
    """A reservation may outlive the slot of a sliding window that it holds; it is settled or given back as any."""
    budget = await make_budget(place, 10, span="rolling", seconds=60)
    desk = desk_of(place)
    held, left = await authorize(desk, place, 4), await authorize(desk, place, 2)
    later = NOW + timedelta(hours=3)
    async with place.pool.connection() as conn:
        await follow.turn(conn, later)
        assert await counters(place) == [(budget, "", 0, 6, 0)]
        await settle(desk, place, held.reservation, 3, later)
        assert await sweep.turn(conn, later) == 1
        assert left.reservation is not None
        assert (await desk.release(place.team, left.reservation, later)).state == "expired"
        await follow.turn(conn, later)
    assert await counters(place) == []
