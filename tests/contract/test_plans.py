"""How reads are made: nothing raw is opened where nothing waits, and one week where one quarter waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncClientCursor

from meter import aggregate, windows
from meter.database import Connection
from meter.model import Event
from meter.spans import spans
from sql import statement
from tests.contract.place import NOW, Place, ask, query, send

pytestmark = pytest.mark.slow

START = NOW - timedelta(days=365)
MEMBERS = 4
WINDOWS: tuple[windows.Window, ...] = ("hour", "day")


async def year(place: Place, conn: Connection) -> None:
    """Make a year of events in four series, all rolled up."""
    events = [Event(id=f"{n}", time=NOW, meter="requests", member=f"m{n}", quantity=Decimal(1)) for n in range(MEMBERS)]
    await send(place, *events)
    await conn.execute(statement("prepare_events"), {"since": START, "until": NOW})
    await ask(conn, "load_year", {"team_id": place.team.id, "since": START, "until": NOW})
    assert await aggregate.refresh(conn)
    assert await ask(conn, "count_waiting") == [(0,)]
    await ask(conn, "analyze")


async def parameters(place: Place, conn: Connection, window: windows.Window, start: datetime) -> dict[str, Any]:
    """Answer what usage.read would ask for all series of the team from `start` to NOW."""
    bounds = windows.bounds(start, NOW, window, ZoneInfo("UTC"))
    ranges = {
        f"{level}_{name}": [span[side] for span in found]
        for level, found in spans(bounds)._asdict().items()
        for side, name in enumerate(("from", "to"))
    }
    series = [row[0] for row in await ask(conn, "list_series_ids", {"team_id": place.team.id})]
    return {"team_id": place.team.id, "series": series, "groups": series, "bounds": bounds, **ranges}


def opened(plan: dict[str, Any]) -> set[str]:
    """Answer the tables that a plan really looked into."""
    if not plan.get("Actual Loops"):
        return set()
    own = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return own.union(*(opened(part) for part in plan.get("Plans", ())))


async def explain(conn: Connection, text: LiteralString, asked: dict[str, Any]) -> set[str]:
    """Run a statement and answer the raw tables it looked into."""
    async with AsyncClientCursor(conn) as cursor:
        await cursor.execute(query("explain") + text, asked)
        row = await cursor.fetchone()
    assert row is not None
    raw = {name for (name,) in await ask(conn, "list_raw_tables")}
    assert raw
    return opened(row[0][0]["Plan"]) & raw


async def test_rolled_year_opens_no_raw_events(place: Place) -> None:
    """A year by hour or day, whole buckets, nothing waiting: no partition or chunk of raw events is looked into."""
    async with place.pool.connection() as conn:
        await year(place, conn)
        for window in WINDOWS:
            asked = await parameters(place, conn, window, windows.floor(START, "day", ZoneInfo("UTC")))
            assert asked["raw_from"]  # NOW lies inside a quarter
            asked |= {"raw_from": [], "raw_to": []}
            assert await explain(conn, statement("read_usage"), asked) == set()


async def test_what_waits_opens_its_own_week(place: Place) -> None:
    """One late event and two ragged edges open their own weeks, of more than fifty; so does looking for a retry."""
    async with place.pool.connection() as conn:
        await year(place, conn)
        late = NOW - timedelta(days=200)
        await send(place, Event(id="late", time=late, meter="requests", member="m1", quantity=Decimal(5)))
        asked = await parameters(place, conn, "hour", START)
        assert len(asked["raw_from"]) == 2
        assert 1 <= len(await explain(conn, statement("read_usage"), asked)) <= 3
        asked |= {"raw_from": [], "raw_to": []}
        assert len(await explain(conn, statement("read_usage"), asked)) == 1
        assert len(await explain(conn, statement("find_stored"), retry(place, late))) == 1


def retry(place: Place, time: datetime) -> dict[str, Any]:
    """Answer what ingest asks about 200 rows that may be stored already."""
    return {
        "team_id": place.team.id,
        "times": [time + timedelta(seconds=n) for n in range(200)],
        "event_ids": [place.team.public_id] * 200,
        "series_ids": [1] * 200,
        "quantities": [Decimal(1)] * 200,
        "covers": [None] * 200,
    }
