"""When budgets are used up, on every engine: constant use has the date that anybody can work out by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from analytics import budgets as job
from analytics import run
from meter import database as databases
from meter import past_budgets
from meter.coverage import follow
from meter.ingest import Ingest
from meter.limits import acts, listing
from meter.limits.expected import Expected, Foreseen
from meter.limits.listing import Counted
from meter.migrate import Engine
from meter.model import Event
from meter.past import BudgetPast
from meter.windows import floor, following
from tests.billing.house import House, make_team
from tests.billing.tariff import put_in_force
from tests.contract.conftest import CONNECTIONS
from tests.contract.limited import followed, put, wish
from tests.contract.place import NOW, PAST_DAYS, Place

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGUN = NOW.replace(minute=0, second=0)
OCTOBER, NOVEMBER, DECEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (10, 11, 12))
MIDNIGHT, MONDAY = BEGUN.replace(hour=0), datetime(2026, 11, 16, tzinfo=UTC)
MANY = 1_000  # events at a time
BOOK = """
name = "tariff"
title = "Tariff"
currency = "USD"

[plans.plan]
title = "Plan"
[plans.plan.prices.input]
title = "Input"
meter = "tokens.input"
unit = "token"
unit_amount = "0.01"
included = 30_000
[plans.plan.prices.output]
title = "Output"
meter = "tokens.output"
unit = "token"
unit_amount = "0.02"
"""
BOTH = ("tokens.input", "tokens.output")
PAID: dict[str, Any] = {"measure": "money", "meters": ()}


def hourly(meter: str, member: str, service: str, quantity: int) -> list[Event]:
    """Answer as much in each hour of seven weeks, up to the one that runs."""
    starts = (OCTOBER + number * HOUR for number in range(int((BEGUN - OCTOBER) / HOUR)))
    return [
        Event(f"{meter} {member} {at}", at + HOUR / 8, meter, quantity, member=member, service=service) for at in starts
    ]


@pytest.fixture(name="place")
async def fixture_place(engine: Engine, any_database: str) -> AsyncIterator[Place]:
    """Answer a place where each hour ann used 100 tokens of input and 50 of output, and bob 200 of input."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        await put_in_force(pool, BOOK)
        house: House = await make_team(pool, Ingest(pool, PAST_DAYS), "tariff/plan")
        place = Place(engine, any_database, pool, house.ingest, house.team, house.caller)
        used = [
            *hourly("tokens.input", "ann", "api", 100),
            *hourly("tokens.input", "bob", "etl", 200),
            *hourly("tokens.output", "ann", "api", 50),
        ]
        for first in range(0, len(used), MANY):
            some = used[first : first + MANY]
            receipt = await place.ingest.take(place.team, place.caller, some, NOW)
            assert receipt.accepted == len(some)
        yield place


async def told(place: Place, now: datetime = NOW) -> dict[str, Expected | None]:
    """Answer what is said of each counter: `budget whom`."""
    async with place.pool.connection() as conn:
        found = await listing.page(conn, place.team.id, None, 100, ended=False)
        counted = await listing.counted(conn, place.team, found, now)
    return {name: expected for each in counted for name, expected in named(each)}


def named(counted: Counted) -> list[tuple[str, Expected | None]]:
    """Answer the counters of a budget by what tells them apart."""
    name = counted.listed.budget.name
    return [
        (" ".join([name, *filter(None, map(str, filter(None, each.whose)))]), each.told and each.told.expected)
        for each in counted.counters
    ]


async def works(place: Place, now: datetime = NOW) -> run.Made:
    """Let the worker follow usage and find out what is due."""
    await followed(place, now)
    async with place.pool.connection() as conn:
        return await run.budgets_turn(conn, now, budget_s=600)


class Case(NamedTuple):
    """A budget, and when its counters are used up; by name where they are told apart."""

    amount: int
    more: dict[str, Any]
    dates: dict[str, datetime | None]


CASES = {
    "month": Case(300 * 450, {}, {"": NOVEMBER + 450 * HOUR}),
    "not this month": Case(300 * 721, {}, {"": None}),
    "day": Case(300 * 18, {"window": "day"}, {"": MIDNIGHT + 18 * HOUR}),
    "week": Case(300 * 100, {"window": "week"}, {"": MONDAY + 100 * HOUR}),
    "quarter": Case(300 * 24 * 70, {"window": "quarter"}, {"": OCTOBER + 70 * DAY}),
    "year": Case(300 * 24 * 60, {"window": "year"}, {"": OCTOBER + 60 * DAY}),
    "billing": Case(300 * 450, {"window": "billing"}, {"": NOVEMBER + 450 * HOUR}),
    "ever": Case(300 * 24 * 150, {"window": "ever"}, {"": OCTOBER + 150 * DAY}),
    "last week": Case(300 * 24 * 8, {"window": "rolling", "seconds": 7 * 86_400}, {"": None}),
    "last two months": Case(300 * 24 * 55, {"window": "rolling", "seconds": 60 * 86_400}, {"": OCTOBER + 55 * DAY}),
    "ann": Case(100 * 500, {"member": "ann"}, {"": NOVEMBER + 500 * HOUR}),
    "etl": Case(200 * 500, {"service": "etl"}, {"": NOVEMBER + 500 * HOUR}),
    "both meters": Case(350 * 500, {"meters": BOTH}, {"": NOVEMBER + 500 * HOUR}),
    "each": Case(150 * 500, {"meters": BOTH, "each": ("member",)}, {" ann": NOVEMBER + 500 * HOUR, " bob": BEGUN}),
    "each of each": Case(
        100 * 500,
        {"meters": BOTH, "each": ("member", "meter")},
        {" ann tokens.input": NOVEMBER + 500 * HOUR, " ann tokens.output": None, " bob tokens.input": BEGUN},
    ),
    "money": Case(4 * 500 - 300, PAID, {"": NOVEMBER + 500 * HOUR}),
    "money of input": Case(3 * 500 - 300, PAID | {"meters": BOTH[:1]}, {"": NOVEMBER + 500 * HOUR}),
    "money of a day": Case(4 * 18, PAID | {"window": "day"}, {"": MIDNIGHT + 18 * HOUR}),
    "money of ann": Case(2 * 500 - 100, PAID | {"member": "ann"}, {"": NOVEMBER + 500 * HOUR}),
    "money each": Case(
        2 * 500 - 200, PAID | {"each": ("member",)}, {" bob": NOVEMBER + 500 * HOUR, " ann": NOVEMBER + 450 * HOUR}
    ),
    "money of last week": Case(4 * 24 * 8, PAID | {"window": "rolling", "seconds": 7 * 86_400}, {"": None}),
    # 30,000 are free in October, in November and in December, of which all but the last two days are over then
    "money for ever": Case(4 * 24 * 90 - 3 * 300, PAID | {"window": "ever"}, {"": OCTOBER + 90 * DAY}),
}
WITHOUT: dict[str, tuple[dict[str, Any], str]] = {
    "calls": ({"measure": "calls", "meters": ()}, "asked_only"),
    "hour": ({"window": "hour"}, "short_window"),
    "minutes": ({"window": "rolling", "seconds": 3_600}, "short_window"),
}


async def test_every_kind_of_budget_has_its_date(place: Place) -> None:
    """The instant at which constant use gets there, null where the window ends before; or why there is none."""
    for name, case in CASES.items():
        await put(place, wish(name, case.amount, **case.more))
    await put(place, wish("key", 300 * 500, key=place.caller.key_public_id))
    for name, (more, _) in WITHOUT.items():
        await put(place, wish(name, 1_000, **more))
    made = await works(place)
    assert (made.made, made.failed, made.left) == (len(CASES) + 1, 0, 0)
    found = await told(place)
    for name, case in CASES.items():
        for whose, date in case.dates.items():
            expected = found.pop(name + whose)
            assert expected is not None, name
            assert same(expected.expected, date), (name, whose, expected)
            assert same(expected.earliest80, date), (name, whose, expected)
            assert expected.probability == (0 if date is None else 1), (name, whose, expected)
            assert expected.reason is None
    of_key = found.pop("key")
    assert of_key is not None
    assert same(of_key.expected, NOVEMBER + 500 * HOUR)
    for name, (_, reason) in WITHOUT.items():
        expected = found.pop(name)
        assert expected is not None
        assert (expected.expected, expected.probability, expected.reason) == (None, None, reason)
    assert found == {}


def same(found: datetime | None, wanted: datetime | None) -> bool:
    """Whether two dates are the same to the minute."""
    if found is None or wanted is None:
        return found is wanted
    return abs(found - wanted) <= HOUR / 60


async def test_it_is_found_out_anew_when_there_is_reason_to(place: Place) -> None:
    """Not within the hour; when the window begins anew; when its amount is another; never again where it was ended."""
    day = await put(place, wish("day", 300 * 18, window="day"))
    await put(place, wish("far", 10**9))
    assert (await works(place)).made == 2
    assert (await works(place, NOW + HOUR / 2)).made == 0
    assert (await works(place, NOW + HOUR)).made == 1  # what has no date stands while no data comes
    tomorrow = NOW + DAY
    assert (await told(place, tomorrow))["day"] is None
    assert (await works(place, MIDNIGHT + DAY)).made == 1
    assert (await told(place, tomorrow))["day"] is not None
    async with place.pool.connection() as conn:
        async with conn.transaction():
            locked = await acts.lock(conn, place.team.id, day.public_id)
            await acts.change(conn, locked, "day", Decimal(1), hard=True, opens=False)
        assert (await told(place, tomorrow))["day"] is None
        assert (await run.budgets_turn(conn, tomorrow)).made >= 1
        changed = (await told(place, tomorrow))["day"]
        assert changed is not None
        async with conn.transaction():
            await acts.end(conn, await acts.lock(conn, place.team.id, day.public_id), tomorrow)
        assert (await run.budgets_turn(conn, tomorrow + 30 * HOUR)).made == 1


async def test_trouble_with_one_budget_is_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It rests for an hour, and says nothing; the other has its date."""
    await put(place, wish("good", 300 * 450))
    await put(place, wish("bad", 300 * 451))
    whole = job.foreseen

    def broken(past: BudgetPast) -> Foreseen:
        if past.budget.name == "bad":
            raise ValueError("too large")
        return whole(past)

    monkeypatch.setattr(job, "foreseen", broken)
    made = await works(place)
    assert (made.made, made.failed) == (1, 1)
    found = await told(place)
    assert (found["good"] is not None, found["bad"]) == (True, None)
    assert (await works(place, NOW + HOUR / 2)).failed == 0


async def test_the_most_used_counters_have_dates(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a budget that counts each apart so many are forecast, and the others say that they are not."""
    monkeypatch.setattr(past_budgets, "MOST", 1)
    await put(place, wish("each", 300 * 500, each=("member",)))
    await put(place, wish("money", 4 * 500, **PAID, each=("member", "meter")))
    assert (await works(place)).made == 2
    found = {name: each.reason for name, each in (await told(place)).items() if each is not None}
    assert found == {
        "each bob": None,
        "each ann": "little_used",
        "money bob tokens.input": None,
        "money ann tokens.input": "little_used",
        "money ann tokens.output": "little_used",
    }


async def test_each_meter_is_expected_by_its_own_rule(place: Place) -> None:
    """Input has to be reported each minute and output once a day: hours without output are known to be without."""
    async with place.pool.connection() as conn:
        for meter, seconds in zip(BOTH, (60, 86_400), strict=True):
            await conn.execute("update meter set expected_every_seconds = %s where slug = %s", (seconds, meter))
    every_third = hourly("tokens.output", "dora", "api", 300)[::3]
    assert (await place.ingest.take(place.team, place.caller, every_third, NOW)).accepted == len(every_third)
    for name, meters in (("both", BOTH), ("output", BOTH[1:])):
        await put(place, wish(name, 100 * 500, meters=meters, member="dora"))
    await followed(place)
    async with place.pool.connection() as conn:
        await follow.follow(conn, NOW)
    assert (await works(place)).failed == 0
    found = await told(place)
    assert found["both"] == found["output"]
    assert found["output"] is not None
    assert found["output"].expected is not None


async def test_who_began_since_has_no_date_yet(place: Place) -> None:
    """At midnight nobody has used anything of the day; who then does is not told that others use more."""
    await put(place, wish("each", 100 * 18, window="day", each=("member",)))
    assert (await works(place)).made == 1
    at = MIDNIGHT + DAY
    assert (await works(place, at)).made == 1
    ann = Event("first", at + HOUR / 8, "tokens.input", 100, member="ann")
    assert (await place.ingest.take(place.team, place.caller, [ann], at + HOUR / 4)).accepted == 1
    await works(place, at + HOUR / 4)
    assert await told(place, at + HOUR / 4) == {"each ann": None}
    await works(place, at + HOUR)
    expected = (await told(place, at + HOUR))["each ann"]
    assert expected is not None
    assert expected.expected is not None


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kolkata"])
async def test_windows_are_of_the_teams_clock(any_database: str, engine: Engine, zone: str) -> None:
    """A week in which clocks are set back is an hour longer; where days begin at half past, hours do as well."""
    now, clock = datetime(2026, 10, 24, 12, 7, tzinfo=UTC), ZoneInfo(zone)
    begun, start = floor(now, "hour", clock), floor(now, "week", clock)
    async with databases.pool(any_database, CONNECTIONS) as pool:
        await put_in_force(pool, BOOK)
        house = await make_team(pool, Ingest(pool, PAST_DAYS), "tariff/plan", timezone=zone)
        place = Place(engine, any_database, pool, house.ingest, house.team, house.caller)
        used = [
            Event(f"{number}", begun - number * HOUR + HOUR / 8, "tokens.output", 100) for number in range(1, 24 * 15)
        ]
        assert (await place.ingest.take(place.team, place.caller, used, now)).accepted == len(used)
        hours = int((following(start, "week", clock) - start) / HOUR)
        assert hours == (169 if zone == "Europe/Paris" else 168)
        output = {"meters": BOTH[1:], "window": "week"}
        await put(place, wish("in the last hour", 100 * hours - 50, **output))
        await put(place, wish("after it", 100 * hours + 1, **output))
        await put(place, wish("money", 2 * hours - 1, measure="money", **output))
        assert (await works(place, now)).failed == 0
        found = await told(place, now)
    dates = {name: each.expected for name, each in found.items() if each is not None}
    assert same(dates["in the last hour"], start + hours * HOUR - HOUR / 2)
    assert same(dates["money"], start + hours * HOUR - HOUR / 2)
    assert dates["after it"] is None
