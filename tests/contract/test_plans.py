"""How reads are made: nothing raw is opened where nothing waits, and one week where one quarter waits."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncClientCursor

from meter import aggregate, levels, windows
from meter.database import Connection
from meter.model import Event
from sql import statement
from tests.contract.place import NOW, Place, ask, query, send

pytestmark = pytest.mark.slow

START = NOW - timedelta(days=365)
MEMBERS = 4
WEEK = re.compile(r"(?<=usage_event_)\d{8}|(?<=_)\d+(?=_chunk)")
GOLDEN = Path(__file__).resolve().parents[1] / "golden"
GOLDEN_MAJOR = 18  # the PostgreSQL whose plans are kept: others may choose otherwise
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


async def asked_of(
    place: Place, conn: Connection, window: windows.Window, start: datetime
) -> list[tuple[LiteralString, dict[str, Any]]]:
    """Answer what usage.read would ask for all series of the team from `start` to NOW, statement by statement."""
    bounds = windows.bounds(start, NOW, window, ZoneInfo("UTC"))
    series = [row[0] for row in await ask(conn, "list_series_ids", {"team_id": place.team.id})]
    common = {"team_id": place.team.id, "series": series, "groups": series, "bounds": levels.instants(bounds)}
    common |= {"many": False, **levels.Extras()._asdict()}
    return [(name, common | levels.ranges(parts)) for name, parts in levels.needed(bounds)]


def opened(plan: dict[str, Any]) -> set[str]:
    """Answer the tables that a plan really looked into."""
    if not plan.get("Actual Loops"):
        return set()
    own = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return own.union(*(opened(part) for part in plan.get("Plans", ())))


async def plan_of(conn: Connection, text: LiteralString, asked: dict[str, Any]) -> dict[str, Any]:
    """Run a statement and answer how."""
    async with AsyncClientCursor(conn) as cursor:
        await cursor.execute(query("explain") + text, asked)
        row = await cursor.fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


async def explain(conn: Connection, text: LiteralString, asked: dict[str, Any]) -> set[str]:
    """Run a statement and answer the raw tables it looked into."""
    raw = {name for (name,) in await ask(conn, "list_raw_tables")}
    assert raw
    return opened(await plan_of(conn, text, asked)) & raw


def scans(plan: dict[str, Any]) -> set[str]:
    """Answer how each table was looked into, all weeks of one as one; tables that were not are left out."""
    if not plan.get("Actual Loops"):
        return set()
    parts = set[str]().union(*(scans(part) for part in plan.get("Plans", ())))
    if "Relation Name" not in plan or plan["Node Type"] == "Custom Scan":  # of TimescaleDB, over scans of chunks
        return parts
    name = WEEK.sub("*", plan["Relation Name"])
    # an empty log or a chunk of a few rows is read either way, as their statistics happen to be
    how = "" if name == "touched" or name.endswith("_chunk") else " by index" if "Index Name" in plan else " whole"
    return parts | {f"{name}{how}"}


async def test_rolled_year_opens_no_raw_events(place: Place) -> None:
    """A year by hour or day, whole buckets, nothing waiting: no partition or chunk of raw events is looked into."""
    async with place.pool.connection() as conn:
        await year(place, conn)
        for window in WINDOWS:
            asked = await asked_of(place, conn, window, windows.floor(START, "day", ZoneInfo("UTC")))
            assert asked[-1][0] == "sum_edges"  # NOW lies inside a quarter
            for name, parameters in asked[:-1]:
                assert await explain(conn, statement(name), parameters) == set()


async def test_plans_are_those_we_keep(place: Place) -> None:
    """How each statement of a year by hour and by day reaches its rows; METER_UPDATE_GOLDEN=1 writes the file anew.

    What it looks into is the buckets, and raw events of one week for a ragged end: reading does not grow with them.
    """
    async with place.pool.connection() as conn:
        if conn.info.server_version // 10_000 != GOLDEN_MAJOR:
            pytest.skip(f"plans are kept for PostgreSQL {GOLDEN_MAJOR}")
        await year(place, conn)
        found = []
        for window in WINDOWS:
            for name, parameters in await asked_of(place, conn, window, START):
                looked = sorted(scans(await plan_of(conn, statement(name), parameters)))
                found += [f"a year by {window}, {name}", *(f"    {each}" for each in looked), ""]
    kept, text = GOLDEN / f"plans_{place.engine}.txt", "\n".join(found)
    if os.environ.get("METER_UPDATE_GOLDEN"):
        kept.write_text(text, "utf-8")
    assert kept.read_text("utf-8") == text, "look at the plans; METER_UPDATE_GOLDEN=1 keeps the new ones"


async def test_what_waits_opens_its_own_week(place: Place) -> None:
    """One late event and two ragged edges open their own weeks, of more than fifty; so does looking for a retry."""
    async with place.pool.connection() as conn:
        await year(place, conn)
        late = NOW - timedelta(days=200)
        await send(place, Event(id="late", time=late, meter="requests", member="m1", quantity=Decimal(5)))
        found = [
            await explain(conn, statement(name), asked) for name, asked in await asked_of(place, conn, "hour", START)
        ]
        assert 1 <= len(found[-1]) <= 2  # the two ragged ends
        assert len(set().union(*found[:-1])) == 1
        assert len(await explain(conn, statement("find_stored"), retry(place, late))) == 1


def retry(place: Place, time: datetime) -> dict[str, Any]:
    """Answer what ingest asks about 200 rows that may be stored already."""
    return {
        "team_id": place.team.id,
        "times": [time + timedelta(seconds=n) for n in range(200)],
        "event_ids": [place.team.public_id] * 200,
    }
