"""People's days, weeks, months, quarters and years: where zones are odd, clocks change and months are short or long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from meter import aggregate, usage
from meter.database import Connection
from meter.ingest import Ingest
from meter.model import Event
from meter.usage import Query
from meter.windows import Window
from tests.contract.oracle import Answer, Fact, answer, window_of
from tests.contract.place import NOW, Place, make_team

pytestmark = pytest.mark.slow

ODD = timedelta(seconds=13, microseconds=700_001)
EVERY = timedelta(minutes=37, seconds=11, microseconds=3)
WINDOWS: tuple[Window | None, ...] = (None, "hour", "day", "week", "month", "quarter", "year")
CLOSE = Fraction(1, 10**9)


class Stretch(NamedTuple):
    """A zone, and a time in which something is odd there."""

    zone: str
    start: datetime
    days: int


STRETCHES = [
    *(
        Stretch(zone, datetime(2024, 2, 27, tzinfo=UTC), 5) for zone in ("Asia/Kathmandu", "Pacific/Chatham")
    ),  # leap day
    *(
        Stretch(zone, datetime(2026, 1, 29, tzinfo=UTC), 5) for zone in ("Asia/Kathmandu", "Australia/Lord_Howe")
    ),  # a 31st
    Stretch("Asia/Kathmandu", datetime(2025, 12, 30, tzinfo=UTC), 4),  # a new year at 18:15 UTC
    Stretch("Australia/Lord_Howe", datetime(2026, 4, 3, tzinfo=UTC), 4),  # back by half an hour
    Stretch("Australia/Lord_Howe", datetime(2025, 10, 3, tzinfo=UTC), 4),  # ahead by half an hour
    Stretch("Pacific/Chatham", datetime(2026, 4, 3, tzinfo=UTC), 4),  # back, at 3:45
    Stretch("Pacific/Chatham", datetime(2025, 9, 26, tzinfo=UTC), 4),  # ahead, at 2:45
    Stretch("Europe/Paris", datetime(2026, 3, 27, tzinfo=UTC), 6),  # ahead, and the end of a quarter
    Stretch("America/New_York", datetime(2025, 10, 30, tzinfo=UTC), 5),  # back, and the end of a month
]


@pytest.mark.parametrize("stretch", STRETCHES, ids=lambda each: f"{each.zone}-{each.start:%Y-%m-%d}")
async def test_local_windows_equal_the_raw_facts(place: Place, stretch: Stretch) -> None:
    """Events and samples, whole range and ragged by odd seconds at both ends, before and after rolling up."""
    zone = ZoneInfo(stretch.zone)
    end = stretch.start + timedelta(days=stretch.days)
    async with place.pool.connection() as conn:
        team, caller = await make_team(conn)
        here = place._replace(team=team, caller=caller, ingest=Ingest(place.pool, past_days=1_100))
        counted, held = await fill(here, stretch.start, end)
        for rows in (0, aggregate.MAX_ROWS):
            if rows:
                assert await aggregate.refresh(conn, rows)
            for window in WINDOWS:
                for lo, hi in ((stretch.start, end), (stretch.start + ODD, end - 3 * ODD)):
                    expected = answer(counted, lo, hi, window, zone, per_month=False)
                    assert await read(conn, here, "requests", lo, hi, window, zone) == expected
                    expected = answer(held, lo, hi, window, zone, per_month=True)
                    found = await read(conn, here, "storage", lo, hi, window, zone)
                    assert found.keys() == expected.keys()
                    for key, (amount, events) in expected.items():
                        assert abs(found[key][0] - amount) < CLOSE, (key, window)
                        assert found[key][1] == events


async def fill(place: Place, start: datetime, end: datetime) -> tuple[list[Fact], list[Fact]]:
    """Push a request and a sample every while, over both ends; answer both as facts."""
    times = [start - timedelta(hours=3) + n * EVERY for n in range((end - start + timedelta(hours=6)) // EVERY)]
    events, counted, held = [], [], []
    for number, time in enumerate(times):
        quantity, seconds = number % 7 + 1, 1_000 + number % 13 * 300
        events.append(Event(id=f"r{number}", time=time, meter="requests", quantity=Decimal(quantity)))
        sample = {"quantity": Decimal(quantity), "duration_seconds": Decimal(seconds)}
        events.append(Event(id=f"s{number}", time=time, meter="storage", **sample))  # type: ignore[arg-type]
        counted.append(Fact(time, Fraction(quantity), timedelta(0), ()))
        held.append(Fact(time, Fraction(quantity), timedelta(seconds=seconds), ()))
    receipt = await place.ingest.take(place.team, place.caller, events, NOW)
    assert receipt.accepted == len(events), receipt
    return counted, held


async def read(
    conn: Connection, place: Place, meter: str, lo: datetime, hi: datetime, window: Window | None, zone: ZoneInfo
) -> Answer:
    """Ask the program, and put its answer as the oracle puts its own."""
    query = Query(meters=(meter,), start=lo, end=hi, zone=zone, window=window)
    (reading,) = (await usage.read(conn, place.team, query)).readings
    assert all(item.quantity is not None for item in reading.items)
    return {
        (window_of(item.start, window, zone), item.group): (Fraction(item.quantity or 0), item.events)
        for item in reading.items
    }
