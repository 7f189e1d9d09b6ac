"""Which labels and series there are: counted right, page by page, and those of a range are those used in it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from meter import aggregate, occurring
from meter.database import Connection
from meter.errors import InvalidParameter, UnknownMeter
from meter.labels import Filter
from meter.model import Event
from meter.occurring import Query, Value, Wanted
from tests.contract.place import NOW, Place, send

LONG_AGO = NOW - timedelta(days=40)
TODAY = (NOW - timedelta(hours=3), NOW + timedelta(seconds=1))


def event(n: int, **more: Any) -> Event:
    """Answer an event of now."""
    said: dict[str, Any] = {"time": NOW, "meter": "requests"} | more
    return Event(id=f"{n}", quantity=Decimal(n + 1), **said)


async def fill(place: Place) -> None:
    """Use five series today and one long ago."""
    await send(
        place,
        event(0, member="ann", service="api", dimensions={"model": "big", "region": "eu"}),
        event(1, member="ann", service="api", dimensions={"model": "small"}),
        event(2, member="bob", dimensions={"model": "big"}),
        event(3),
        event(4, meter="cpu", member="ann", duration_seconds=Decimal(1_800)),
        event(5, member="old", dimensions={"model": "Ancient"}, time=LONG_AGO),
    )


async def values(place: Place, conn: Connection, query: Query, wanted: Wanted, rows: int = 100) -> list[Value]:
    """Answer the values."""
    return (await occurring.values(conn, place.team, query, wanted, rows)).values


async def test_values_are_counted_by_series(place: Place) -> None:
    """Every label with its values, capital letters first; what a series lacks is no value."""
    await fill(place)
    key = str(place.caller.key_public_id)
    async with place.pool.connection() as conn:
        assert await values(place, conn, Query(meters=("requests",)), Wanted()) == [
            ("key", key, 5),
            ("member", "ann", 2),
            ("member", "bob", 1),
            ("member", "old", 1),
            ("model", "Ancient", 1),
            ("model", "big", 2),
            ("model", "small", 1),
            ("region", "eu", 1),
            ("service", "api", 2),
        ]
        ann = Query(filters=(Filter("member", "in", ("ann",)),))
        assert await values(place, conn, ann, Wanted("member")) == [("member", "ann", 3)]
        assert await values(place, conn, Query(), Wanted("model", "b")) == [("model", "big", 2)]


async def test_values_of_a_range_are_those_used_in_it(place: Place) -> None:
    """Before and after rolling up; usage that ended on the edge is not in it."""
    await fill(place)
    async with place.pool.connection() as conn:
        for _ in range(2):
            found = await values(place, conn, Query(between=TODAY), Wanted("member"))
            assert found == [("member", "ann", 3), ("member", "bob", 1)]
            past = Query(between=(LONG_AGO, LONG_AGO + timedelta(microseconds=1)))
            assert await values(place, conn, past, Wanted("model")) == [("model", "Ancient", 1)]
            before = Query(between=(LONG_AGO - timedelta(days=5), LONG_AGO))
            assert await values(place, conn, before, Wanted()) == []
            await aggregate.refresh(conn)


async def test_values_are_paged(place: Place) -> None:
    """Two by two, each once, in order."""
    await fill(place)
    async with place.pool.connection() as conn:
        whole = await values(place, conn, Query(), Wanted())
        found: list[Value] = []
        after: tuple[str, str] | None = None
        while part := await values(place, conn, Query(), Wanted(after=after), 2):
            found += part
            after = (part[-1].name, part[-1].value)
    assert found == whole


async def test_series_with_what_they_were_used(place: Place) -> None:
    """Each with its labels; in a range its events and quantity, none where it was not used."""
    await fill(place)
    async with place.pool.connection() as conn:
        plain = (await occurring.series(conn, place.team, Query(), None, 100)).series
        assert len({each.public_id for each in plain}) == len(plain) == 6
        assert all(each.usage is None and each.billable for each in plain)
        for _ in range(2):
            page = await occurring.series(conn, place.team, Query(between=TODAY), None, 100)
            used = {(each.member, each.dimensions.get("model"), each.meter.slug): each.usage for each in page.series}
            assert {labels: usage and (usage.quantity, usage.events) for labels, usage in used.items()} == {
                ("ann", "big", "requests"): (1, 1),
                ("ann", "small", "requests"): (2, 1),
                ("bob", "big", "requests"): (3, 1),
                (None, None, "requests"): (4, 1),
                ("ann", None, "cpu"): (Decimal("2.5"), 3),
                ("old", "Ancient", "requests"): (0, 0),
            }
            assert page.as_of is not None
            await aggregate.refresh(conn)


async def test_series_are_paged_and_picked(place: Place) -> None:
    """One by one after the one before; by meter and label."""
    await fill(place)
    async with place.pool.connection() as conn:
        whole = (await occurring.series(conn, place.team, Query(), None, 100)).series
        found: list[occurring.Series] = []
        while part := (
            await occurring.series(conn, place.team, Query(), found[-1].public_id if found else None, 1)
        ).series:
            found += part
        assert found == whole
        picked = Query(meters=("cpu", "requests"), filters=(Filter("member", "not", ("ann",)),))
        assert len((await occurring.series(conn, place.team, picked, None, 100)).series) == 3


async def test_what_cant_be_asked_is_told(place: Place) -> None:
    """An unknown meter, a label that no meter has, an empty range, a range over too many series."""
    await fill(place)
    async with place.pool.connection() as conn:
        with pytest.raises(UnknownMeter):
            await values(place, conn, Query(meters=("nope",)), Wanted())
        with pytest.raises(InvalidParameter):
            await values(place, conn, Query(filters=(Filter("color", "in", ("red",)),)), Wanted())
        with pytest.raises(InvalidParameter):
            await values(place, conn, Query(between=(NOW, NOW)), Wanted())
