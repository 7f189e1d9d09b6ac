"""A team with more series than a statement lists: joined instead, the answers are the same."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from meter import aggregate, levels, usage, usage_events
from meter.database import Connection
from meter.labels import Filter
from meter.model import Event
from meter.usage import Item, Query
from tests.contract.place import NOW, Place, send

pytestmark = pytest.mark.slow

MEMBERS = levels.FEW + 50
START = NOW - timedelta(days=3)
RAGGED = timedelta(minutes=4, seconds=59)


def pushed() -> list[Event]:
    """Make three events of each member, spread over three days, one of them of another meter."""
    return [
        Event(
            id=f"{n}-{part}",
            time=START + timedelta(minutes=13 * n + 5 * part),
            meter="network" if part == 2 else "requests",
            quantity=Decimal(n + part),
            member=f"m{n}",
            dimensions={"region": f"r{n % 3}"},
        )
        for n in range(MEMBERS)
        for part in range(3)
    ]


async def asked(conn: Connection, place: Place, end: datetime = NOW, **question: object) -> list[Item]:
    """Answer the items of a question about requests from a little after the start."""
    query = Query(meters=("requests",), start=START + RAGGED, end=end, zone=ZoneInfo("UTC"), **question)  # type: ignore[arg-type]
    return (await usage.read(conn, place.team, query)).readings[0].items


async def test_many_series_are_read_as_few_are(place: Place) -> None:
    """Totals, windows, groups, percentiles and events, before and after everything is rolled up."""
    events = pushed()
    await send(place, *events)
    counted = [each for each in events if each.meter == "requests" and each.time and each.time >= START + RAGGED]
    quantities = sorted(each.quantity or Decimal(0) for each in counted)
    by_member = Counter[str]()
    for each in counted:
        by_member[str(each.member)] += int(each.quantity or 0)
    async with place.pool.connection() as conn:
        for _ in range(2):
            (whole,) = await asked(conn, place)
            assert (whole.quantity, whole.events) == (sum(quantities), len(counted))
            for window in ("hour", "day"):
                assert sum(item.quantity or 0 for item in await asked(conn, place, window=window)) == sum(quantities)
            grouped = {item.group[0]: item.quantity for item in await asked(conn, place, group_by=("member",))}
            assert grouped == dict(by_member)
            (median,) = await asked(conn, place, aggregation="percentile", percentile=Decimal(50))
            assert median.quantity == quantities[(len(quantities) + 1) // 2 - 1]
            (largest,) = await asked(conn, place, aggregation="max")
            assert largest.quantity == quantities[-1]
            picked = usage_events.Query(
                start=START + RAGGED, end=NOW, meters=("requests",), filters=(Filter("region", "prefix", ("r",)),)
            )
            assert await everything(conn, place, picked) == [
                (each.time, each.quantity) for each in sorted(counted, key=lambda each: each.time or NOW, reverse=True)
            ]
            await aggregate.refresh(conn)


async def everything(conn: Connection, place: Place, query: usage_events.Query) -> list[tuple[datetime, Decimal]]:
    """Answer time and quantity of all events, page after page."""
    found: list[tuple[datetime, Decimal]] = []
    after = None
    while True:
        page = await usage_events.read(conn, place.team, query, after, 60)
        found += [(each.place.time, each.quantity) for each in page.events]
        after = page.next
        if after is None:
            return found
