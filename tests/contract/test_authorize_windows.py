"""Limits begin anew at the team's own midnight, exactly once; rates are never exceeded in any window that slides."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from meter.authorize.answers import asked as said
from meter.authorize.answers import retry_after
from tests.contract.limiting import authorize, desk_of, make_budget, settle
from tests.contract.place import NOW, Place

TICK = timedelta(microseconds=1)
DAYS = [  # a zone, and the instant at which a local day begins there
    ("UTC", "2026-11-19T00:00Z"),
    ("Europe/Paris", "2026-03-28T23:00Z"),  # a day of 23 hours begins
    ("Europe/Paris", "2026-03-29T22:00Z"),  # and ends
    ("Europe/Paris", "2026-10-25T23:00Z"),  # after one of 25
    ("America/St_Johns", "2026-11-02T03:30Z"),
    ("Africa/Cairo", "2026-04-23T22:00Z"),  # clocks skip midnight itself
    ("Asia/Kathmandu", "2026-11-18T18:15Z"),
]


def at_home(place: Place, zone: str) -> Place:
    """Answer the place with its team at home in a zone."""
    return place._replace(team=msgspec.structs.replace(place.team, timezone=zone))


@pytest.mark.parametrize(("zone", "edge"), DAYS)
async def test_a_day_begins_at_local_midnight_once(place: Place, zone: str, edge: str) -> None:
    """Until then what was used counts; from then on there is as much again, and not twice."""
    begins, home = datetime.fromisoformat(edge), at_home(place, zone)
    await make_budget(place, 10, span="day")
    desks = desk_of(place), desk_of(place)
    last = await authorize(desks[0], home, 10, begins - TICK)
    assert last.decision.allowed
    await settle(desks[0], home, last.reservation, 10, begins - TICK)
    denied = await authorize(desks[1], home, 1, begins - TICK)
    (limit,) = said(denied.decision, "USD", None, None).limits
    assert (denied.decision.allowed, limit.resets_at, retry_after(denied.decision, begins - TICK)) == (False, begins, 1)
    asked = await asyncio.gather(*(authorize(desks[n % 2], home, 4, begins) for n in range(6)))
    assert sum(each.decision.allowed for each in asked) == 2
    back = await authorize(desks[0], home, 1, begins - TICK)  # a clock that is behind gets nothing of the new day
    assert not back.decision.allowed


async def test_a_call_belongs_to_the_day_it_was_let_through_on(place: Place) -> None:
    """Settled after midnight it takes nothing of the next day, unless its event says that it happened then."""
    begins = datetime.fromisoformat("2026-11-19T00:00Z")
    await make_budget(place, 10, span="day")
    desk = desk_of(place)
    one, other = await authorize(desk, place, 5, begins - TICK), await authorize(desk, place, 5, begins - TICK)
    await settle(desk, place, one.reservation, 5, begins + timedelta(seconds=2))
    tomorrow = await authorize(desk, place, 10, begins)
    assert tomorrow.decision.allowed
    late = await settle(desk, place, other.reservation, 5, begins + timedelta(seconds=2), time=begins + TICK)
    assert [(limit.used, limit.reserved) for limit in late.limits] == [("5", "10")]


async def test_a_rate_is_never_exceeded_in_any_minute(place: Place) -> None:
    """Three calls in any sixty seconds, for each member; and no fewer than in every sixty-two."""
    await make_budget(place, 3, measure="calls", meters=[], span="rolling", seconds=60, each=["member"])
    desk = desk_of(place)
    let_through: list[datetime] = []
    for second in range(0, 260, 7):
        at = NOW + timedelta(seconds=second, milliseconds=second * 37 % 1000)
        asked = await authorize(desk, place, 1, at, member="ann")
        if asked.decision.allowed:
            let_through.append(at)
            if len(let_through) % 2:
                await settle(desk, place, asked.reservation, 1, at)
        else:
            wait = retry_after(asked.decision, at)
            assert wait is not None
            assert (await authorize(desk, place, 1, at, member=f"other {second}")).decision.allowed
            assert wait <= 62
    for first, fourth in zip(let_through, let_through[3:], strict=False):
        assert fourth - first > timedelta(seconds=60)
        assert fourth - first <= timedelta(seconds=62 + 7)


async def test_tokens_per_minute_count_what_was_used(place: Place) -> None:
    """What a call did not use of what it had reserved is there for the next at once."""
    await make_budget(place, 1_000, meters=["tokens.input"], span="rolling", seconds=60)
    desk = desk_of(place)
    first = await authorize(desk, place, 900, meter="tokens.input")
    assert not (await authorize(desk, place, 200, meter="tokens.input")).decision.allowed
    await settle(desk, place, first.reservation, 100, meter="tokens.input")
    assert (await authorize(desk, place, 900, meter="tokens.input")).decision.allowed
    assert not (await authorize(desk, place, 1, NOW + timedelta(seconds=59), meter="tokens.input")).decision.allowed
    assert (await authorize(desk, place, 100, NOW + timedelta(seconds=62), meter="tokens.input")).decision.allowed
