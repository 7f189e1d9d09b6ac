"""Corrections in contract tests: made and undone at a place, and what counts afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from meter import checks
from meter.audit import Actor, actor_of
from meter.corrections import write
from meter.corrections.decide import Amendment
from meter.corrections.find import Known, Named, Query
from meter.corrections.write import Ids, Order, Outcome, attempt, correct, undo
from meter.database import Connection
from tests.contract.place import NOW, Place, ask, differences

LOOK = timedelta(days=35)


class Counted(NamedTuple):
    """What counts in one hour under some labels."""

    meter: str
    member: str | None
    service: str | None
    hour: datetime
    events: int
    total: Decimal


def actor(place: Place) -> Actor:
    """Answer who corrects."""
    return actor_of(place.caller, NOW, "a request")


def named(id_: str, meter: str | None = None, time: datetime | None = None) -> Named:
    """Answer an event by its id."""
    return Named(id_, "", meter, time, NOW - LOOK, NOW + timedelta(hours=1))


def hours_back(hours: int, *meters: str, end: datetime = NOW + timedelta(hours=1)) -> Query:
    """Answer a query over the last hours."""
    return Query(end - timedelta(hours=hours), end, meters)


async def change(
    place: Place, which: Sequence[Named | Known] | Query, amendment: Amendment | None = None, why: str = "a mistake"
) -> Outcome:
    """Void what is meant, or amend it."""
    order = Order(why, which, amendment)
    async with place.pool.connection() as conn:
        inner = conn

        async def work(ids: Ids) -> Outcome:
            async with inner.transaction():
                return await correct(inner, place.team, actor(place), order, ids)

        return await attempt(conn, place.team, work)


async def tried(place: Place, which: Sequence[Named | Known] | Query, amendment: Amendment | None = None) -> Outcome:
    """Answer what a correction would change."""
    async with place.pool.connection() as conn:
        return await write.tried(conn, place.team, Order("a mistake", which, amendment))


async def put_back(place: Place, made: UUID | None) -> Outcome:
    """Undo a correction."""
    assert made is not None
    async with place.pool.connection() as conn, conn.transaction():
        return await undo(conn, place.team, actor(place), made, "a mistake of the mistake")


async def counted(place: Place) -> list[Counted]:
    """Answer what counts, after seeing that the views say what raw events do."""
    async with place.pool.connection() as conn:
        assert await differences(conn) == []
        return await rows(conn, place)


async def rows(conn: Connection, place: Place) -> list[Counted]:
    """Answer what counts, as the views say."""
    return [Counted(*row) for row in await ask(conn, "sum_counted", {"team_id": place.team.id})]


async def total(place: Place, meter: str, **labels: Any) -> Any:
    """Answer the sum of a meter in base units, of some labels."""
    found = [row for row in await counted(place) if row.meter == meter]
    kept = [row for row in found if all(getattr(row, name) == value for name, value in labels.items())]
    return sum((row.total for row in kept), Decimal(0))


async def broken(place: Place) -> list[Any]:
    """Answer which checks do not hold, after everything was rolled up."""
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        return [found for found in await checks.run(conn, NOW) if not found.holds]
