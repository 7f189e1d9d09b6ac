"""Invariant 3: usage between any two instants, in any zone and window, equals what a list of the raw facts says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meter import aggregate, usage
from meter.database import Connection
from meter.model import Event
from meter.usage import Item, Query
from meter.windows import WINDOWS, Window
from tests.contract.oracle import Fact, answer, window_of
from tests.contract.place import NOW, Place, make_team

pytestmark = pytest.mark.slow

# each of these days has a clock change in one of the zones, by an hour or a half, some at midnight; one month is short
DAYS = [
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in ((2, 28), (3, 8), (3, 29), (4, 5), (4, 24), (9, 6), (10, 4), (10, 25), (10, 31), (11, 1))
]
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
]
# meter, its aggregation, what its stored amounts are divided by
METERS = {
    "requests": ("sum", 1),
    "response_time": ("average", 1),
    "cpu": ("held", 3_600),
    "memory": ("held", 3_600),
    "storage": ("held per month", 1),
}
DIMENSION = "model"
EXACTLY = Fraction(1, 10**9)  # of samples cut in the middle; everything else is exact to the last of 12 digits
_ids = count()


class Happening(NamedTuple):
    """What happened some time after the day's begin."""

    after: timedelta
    quantity: Decimal
    seconds: Decimal
    member: str | None
    model: str | None


class Question(NamedTuple):
    """What is asked, and how much of what happened is rolled up by then."""

    day: datetime
    meter: str
    happened: list[Happening]
    start: timedelta
    length: timedelta
    window: Window | None
    zone: str
    group_by: tuple[str, ...]


def instants(up_to: timedelta) -> st.SearchStrategy[timedelta]:
    """Draw times: on the quarter, beside it by a microsecond, or anywhere."""
    grid = st.integers(0, up_to // timedelta(minutes=15)).map(lambda n: n * timedelta(minutes=15))
    beside = st.builds(lambda at, us: at + timedelta(microseconds=us), grid, st.sampled_from([0, 1, 7, 899_999_999]))
    anywhere = st.integers(0, up_to // timedelta(microseconds=1)).map(lambda us: timedelta(microseconds=us))
    return st.one_of(grid, beside, anywhere)


HAPPENINGS = st.builds(
    Happening,
    instants(timedelta(days=3)),
    st.decimals(0, 10**6, places=3, allow_nan=False, allow_infinity=False),
    st.decimals("0.000001", 9_000, places=6, allow_nan=False, allow_infinity=False),
    st.sampled_from(["ann", "bob", None]),
    st.sampled_from(["small", None]),
)
QUESTIONS = st.builds(
    Question,
    st.sampled_from(DAYS),
    st.sampled_from(list(METERS)),
    st.lists(HAPPENINGS, min_size=1, max_size=12),
    instants(timedelta(days=2)),
    instants(timedelta(days=4)).map(lambda length: length + timedelta(microseconds=1)),
    st.sampled_from([None, *WINDOWS]),
    st.sampled_from(ZONES),
    st.sampled_from([(), ("member",), (DIMENSION,), ("member", DIMENSION)]),
)


def event(asked: Question, what: Happening) -> Event:
    """Answer what is sent."""
    return Event(
        id=f"u{next(_ids)}",
        time=asked.day + what.after,
        meter=asked.meter,
        quantity=what.quantity,
        member=what.member,
        dimensions={DIMENSION: what.model} if what.model else None,
        duration_seconds=what.seconds if METERS[asked.meter][0].startswith("held") else None,
    )


def fact(asked: Question, what: Happening) -> Fact:
    """Answer the same for the oracle."""
    held = METERS[asked.meter][0].startswith("held")
    labels = {"member": what.member, DIMENSION: what.model}
    return Fact(
        asked.day + what.after,
        Fraction(what.quantity),
        timedelta(microseconds=int(what.seconds * 1_000_000)) if held else timedelta(0),
        tuple(labels[name] for name in asked.group_by),
    )


def check(items: list[Item], asked: Question, facts: list[Fact]) -> None:
    """Compare the items with the oracle: the same windows and groups, and in each the same."""
    aggregation, divisor = METERS[asked.meter]
    zone, start = ZoneInfo(asked.zone), asked.day + asked.start
    per_month = aggregation == "held per month"
    expected = answer(facts, start, start + asked.length, asked.window, zone, per_month=per_month)
    found = {(window_of(item.start, asked.window, zone), item.group): item for item in items}
    assert len(found) == len(items), "one item per window and group"
    assert found.keys() == expected.keys()
    for key, (amount, events) in expected.items():
        item = found[key]
        assert item.events == events, key
        if aggregation == "average" and not events:
            assert item.quantity is None
            continue
        wanted = amount / (events if aggregation == "average" else divisor)
        assert item.quantity is not None
        assert abs(Fraction(item.quantity) - wanted) <= (EXACTLY if divisor > 1 or per_month else Fraction(1, 10**12))


def check_windows(items: list[Item], asked: Question) -> None:
    """See that the windows cover the range without gap or overlap, every one of them a window of the zone."""
    edges = sorted({(item.start, item.end) for item in items})
    start, zone = asked.day + asked.start, ZoneInfo(asked.zone)
    assert edges[0][0] == start
    assert edges[-1][1] == start + asked.length
    assert all(one[1] == other[0] for one, other in pairwise(edges))
    last = [window_of(end - timedelta(microseconds=1), asked.window, zone) for _, end in edges]
    assert last == [window_of(begin, asked.window, zone) for begin, _ in edges]
    assert len(set(last)) == len(last)


async def read(conn: Connection, place: Place, asked: Question, fill: usage.Fill | None = None) -> list[Item]:
    """Ask the program."""
    start = asked.day + asked.start
    query = Query(
        meters=(asked.meter,),
        start=start,
        end=start + asked.length,
        zone=ZoneInfo(asked.zone),
        window=asked.window,
        group_by=asked.group_by,
        fill=fill,
    )
    return (await usage.read(conn, place.team, query)).readings[0].items


def happening(minutes: float, quantity: int = 1, seconds: int = 60) -> Happening:
    """Answer something of no member."""
    return Happening(timedelta(minutes=minutes), Decimal(quantity), Decimal(seconds), None, None)


@settings(
    max_examples=60,
    deadline=None,  # what a database takes says nothing
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],  # each example has its own team
)
@given(asked=QUESTIONS)
@example(  # a bound in the middle of a quarter, with events on either side of it
    asked=Question(
        DAYS[0],
        "requests",
        [happening(5, 1), happening(7, 2), happening(9, 4)],
        timedelta(minutes=1),
        timedelta(minutes=6),
        None,
        "UTC",
        (),
    )
)
@example(  # an event on the lower bound counts, one on the upper does not
    asked=Question(
        DAYS[0],
        "requests",
        [happening(1, 1), happening(7, 2)],
        timedelta(minutes=1),
        timedelta(minutes=6),
        None,
        "UTC",
        (),
    )
)
@example(  # a sample cut by both bounds
    asked=Question(
        DAYS[0], "cpu", [happening(40, 3, 2_000)], timedelta(minutes=17), timedelta(minutes=9), None, "UTC", ()
    )
)
async def test_usage_is_what_happened(place: Place, asked: Question) -> None:
    """Before anything is rolled up, after some of it is, and after all of it is."""
    async with place.pool.connection() as conn:
        team, caller = await make_team(conn)
        here = place._replace(team=team, caller=caller)
        events = [event(asked, what) for what in asked.happened]
        receipt = await here.ingest.take(team, caller, events, NOW)
        facts = [fact(asked, what) for what in asked.happened]
        assert receipt.accepted == len(events), receipt
        for rows in (0, 3, aggregate.MAX_ROWS):
            if rows:
                assert await aggregate.refresh(conn, rows)
            check(await read(conn, here, asked), asked, facts)
        check_windows(await read(conn, here, asked, "zero"), asked)
