"""Retention: whole weeks of raw events go when they are old, billed, rolled up and right; nothing else ever does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from meter import bill
from meter.corrections.find import Query
from meter.database import Connection, connect
from meter.errors import RawDataGone
from meter.invoices import Party
from meter.model import Event
from meter.rating.periods import Period
from meter.retention import floors, pack, run
from meter.retention.raw import DiffersError
from meter.retention.run import Dropped, RunningError
from meter.retention.words import of_drop, of_look
from meter.subscriptions import decisions
from sql import statement
from tests.contract.correcting import change
from tests.contract.keeping import looked, retained, settings, settled
from tests.contract.place import NOW, Place, ask, differences, query, send, until

FLOOR = datetime(2026, 11, 2, tzinfo=UTC)  # the last Monday two weeks or more before NOW
WEEK = timedelta(days=7)
WEEKS = [FLOOR - WEEK * n for n in (4, 3, 2, 1)]
COUNT = 26
OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")
SEPTEMBER = Period(datetime(2026, 9, 1, tzinfo=UTC), OCTOBER.start, "UTC")


def request(time: datetime, quantity: int = 1, meter: str = "requests") -> Event:
    """Answer an event."""
    return Event(id=f"at {time}", time=time, meter=meter, member="ann", quantity=Decimal(quantity))


def some(meter: str = "requests") -> list[Event]:
    """Answer an event every one and a half days for six weeks, the oldest on October 5."""
    first = datetime(2026, 10, 5, 1, tzinfo=UTC)
    return [request(first + timedelta(hours=36 * n), n + 1, meter) for n in range(COUNT)]


async def billed(place: Place, period: Period) -> None:
    """Make the invoice of a period."""
    async with place.pool.connection() as conn:
        await bill.generate(conn, place.team, period, Party("Seller"), NOW)


async def kept(conn: Connection) -> tuple[int, datetime]:
    """Answer how many raw events there are from the floor on, and the oldest of all."""
    found: tuple[int, datetime] = (await ask(conn, "count_raw"))[0]
    return found


async def test_old_weeks_go_and_totals_stay(place: Place) -> None:
    """Without a plan a team's events go by age; usage is as before, the next run finds nothing to do."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        await settled(conn)
        before = await ask(conn, "list_daily")
        found = await looked(place, settings())
        assert (found.weeks, found.stopped) == (WEEKS, None)
        assert await looked(place, settings()) == found
        assert await retained(place, settings()) == Dropped(WEEKS, None)
        assert await ask(conn, "list_daily") == before
        assert (await floors.floors(conn))[:3] == (FLOOR, FLOOR, FLOOR)
        count, oldest = await kept(conn)
        assert oldest >= FLOOR - WEEK  # what of a chunk lies behind the floor goes with the rest of it
        assert count < COUNT
        assert await retained(place, settings()) == Dropped([], None)
        refused = await send(place, request(FLOOR - timedelta(microseconds=1)), request(FLOOR + timedelta(minutes=1)))
        assert (refused.accepted, [each.code for each in refused.rejected]) == (1, ["too_late"])


async def test_nothing_is_dropped_unless_asked_for(place: Place) -> None:
    """For ever is the default."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        await settled(conn)
        assert await retained(place, settings(days=None)) == Dropped([], None)
        assert (await kept(conn))[0] == COUNT
        assert any("for ever" in line for line in of_look(await looked(place, settings(days=None))))


async def test_what_is_not_billed_holds_it_back(place: Place) -> None:
    """A week goes when all of its billable usage is in final invoices; a void one is none."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        await settled(conn)
        await decisions.begin(conn, place.team, "calls/pro", "calls/pro", NOW)
    found = await looked(place, settings())
    assert (found.weeks, found.stopped) == ([], WEEKS[0])
    assert [(each.team, each.since.date()) for each in found.holds] == [(place.team.public_id, WEEKS[0].date())]
    assert any(str(place.team.public_id) in line and "invoice" in line for line in of_look(found))
    assert (await retained(place, settings())).weeks == []
    await billed(place, OCTOBER)
    found = await looked(place, settings())
    assert (found.weeks, found.stopped) == (WEEKS[:3], WEEKS[3])  # its Sunday is in November
    assert found.holds[0].since == datetime(2026, 11, 1, 1, tzinfo=UTC)
    async with place.pool.connection() as conn:
        await ask(conn, "set_invoices", {"status": "void"})
        assert (await looked(place, settings())).stopped == WEEKS[0]
    await billed(place, OCTOBER)
    assert of_drop(await retained(place, settings())) == "dropped 3 weeks of raw events, 2026-10-05 to 2026-10-26"


async def test_a_period_that_cuts_a_quarter_keeps_it_for_the_next(place: Place) -> None:
    """Of a quarter with an edge inside both periods need the raw events."""
    edge = WEEKS[1] - timedelta(minutes=7)
    await send(place, request(WEEKS[0] + timedelta(hours=1)), request(edge - timedelta(minutes=1)))
    async with place.pool.connection() as conn:
        await settled(conn)
        await decisions.begin(conn, place.team, "calls/pro", "calls/pro", NOW)
    await billed(place, Period(WEEKS[0], edge, "UTC"))
    assert (await looked(place, settings())).stopped == WEEKS[0]
    await billed(place, Period(edge, WEEKS[2], "UTC"))
    assert (await looked(place, settings())).stopped is None


async def test_what_is_never_billed_does_not_hold(place: Place) -> None:
    """Usage of a meter that is not billable, of a team on a plan."""
    await send(place, *some("response_time"))
    async with place.pool.connection() as conn:
        await settled(conn)
        await decisions.begin(conn, place.team, "calls/pro", "calls/pro", NOW)
    assert (await looked(place, settings())).weeks == WEEKS


async def test_what_waits_holds_it_back(place: Place) -> None:
    """Not rolled up, or not followed: the week stays, and those after it."""
    await send(place, *some())
    assert (await looked(place, settings())).stopped == WEEKS[0]
    async with place.pool.connection() as conn:
        await ask(conn, "refresh")
        found = await looked(place, settings())
        assert (found.stopped, [each.since.date() for each in found.holds]) == (WEEKS[0], [WEEKS[0].date()])
        await settled(conn)
        await send(place, request(WEEKS[2] + timedelta(hours=5)))
        assert (await retained(place, settings())).weeks == WEEKS[:2]


async def test_one_bucket_that_differs_stops_it(place: Place) -> None:
    """Loudly, before anything is dropped; what comes late is taken as before, and once it is right it goes on."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        await settled(conn)
        spoiled = {"by": 1, "until": WEEKS[1] + timedelta(hours=2)}
        await ask(conn, "spoil_events", spoiled)
        with pytest.raises(DiffersError, match="2026-10-05 is not dropped, buckets differ"):
            await retained(place, settings())
        assert (await kept(conn))[0] == COUNT
        assert (await floors.floors(conn))[:2] == (None, None)
        assert (await send(place, request(WEEKS[0] + timedelta(minutes=1)))).accepted == 1
        await ask(conn, "spoil_events", spoiled | {"by": -1})
        await settled(conn)
        assert (await retained(place, settings())).weeks == WEEKS


async def test_while_a_week_is_looked_at_nothing_is_taken_there(place: Place) -> None:
    """Events and corrections are refused, readers go on with the raw events."""
    await send(place, *some())
    async with place.pool.connection() as conn:
        await settled(conn)
        await floors.close(conn, WEEKS[1])
        late = await send(place, request(WEEKS[1] - timedelta(seconds=1)), request(WEEKS[1]))
        assert (late.accepted, [each.code for each in late.rejected]) == (1, ["too_late"])
        with pytest.raises(RawDataGone):
            await change(place, Query(WEEKS[0], WEEKS[1], ()))
        assert await differences(conn) == []
        assert await (await conn.execute(statement("get_floor"))).fetchone() == (None,)
        await settled(conn)
        assert (await retained(place, settings())).weeks == WEEKS


async def test_one_run_at_a_time(place: Place) -> None:
    """A second one says so; one that died has let go."""
    async with place.pool.connection() as conn, await connect(place.url, autocommit=True) as other:
        await other.execute(statement("lock_retention"))
        with pytest.raises(RunningError):
            await run.drop(conn, settings(), NOW)
        await other.close()

        async def free() -> bool:
            try:
                await run.drop(conn, settings(), NOW)
            except RunningError:
                return False
            return True

        await until(free)


async def test_events_are_taken_while_weeks_are_dropped(place: Place) -> None:
    """Old readers in the way as well: nobody is refused or fails, and all are counted."""
    await send(place, *some())
    stop = asyncio.Event()
    sent = 0

    async def writer() -> None:
        nonlocal sent
        while not stop.is_set():
            receipt = await send(place, request(NOW - timedelta(milliseconds=sent)))
            assert receipt.accepted == 1
            sent += 1

    async with place.pool.connection() as conn, await connect(place.url) as reader:
        await settled(conn)
        writing = asyncio.create_task(writer())
        await reader.execute(query("count_raw"))  # holds a lock on every chunk until its transaction ends
        dropping = asyncio.create_task(retained(place, settings()))

        async def some_more(before: int) -> None:
            async def came() -> bool:
                return sent > before + 20

            await until(came)

        await some_more(sent)
        await reader.rollback()
        assert (await dropping).weeks == WEEKS
        await some_more(sent)
        stop.set()
        await writing
        await settled(conn)
        assert sum(row[2] for row in await ask(conn, "list_daily")) == COUNT + sent


async def test_a_run_that_lost_its_connection_is_gone_on_with(place: Place) -> None:
    """Ended while it waits to drop a chunk that somebody reads: the floor is up, the chunk goes next time."""
    await send(place, request(WEEKS[2] + timedelta(hours=1)))
    async with (
        place.pool.connection() as conn,
        await connect(place.url) as reader,
        await connect(place.url, autocommit=True) as dropper,
    ):
        await settled(conn)
        before = await ask(conn, "list_daily")
        await reader.execute(query("count_raw"))  # holds a lock on every chunk until its transaction ends
        dropping = asyncio.create_task(run.drop(dropper, settings(), NOW))

        async def floor_moved() -> bool:
            return (await floors.floors(conn)).raw is not None

        await until(floor_moved)
        await ask(conn, "terminate", {"pid": dropper.info.backend_pid})
        with pytest.raises(psycopg.OperationalError):
            await dropping
        await reader.rollback()
        assert (await kept(conn))[0] == 1
        await retained(place, settings())
        assert (await kept(conn))[0] == 0
        assert (await floors.floors(conn)).raw == WEEKS[3]
        assert await ask(conn, "list_daily") == before


async def test_chunks_move_to_the_columnstore(place: Place) -> None:
    """While everybody writes and rolls up; what comes late to one moves with the next run."""
    await send(place, *some())
    stop = asyncio.Event()
    sent = 0

    async def writer() -> None:
        nonlocal sent
        while not stop.is_set():
            at = (NOW, WEEKS[sent % 4])[sent % 2] - timedelta(milliseconds=sent)
            assert (await send(place, request(at))).accepted == 1
            sent += 1

    async def refresher() -> None:
        async with place.pool.connection() as conn:
            while not stop.is_set():
                await ask(conn, "refresh")

    async with place.pool.connection() as conn:
        working = [asyncio.create_task(writer()), asyncio.create_task(refresher())]
        packed = await pack.pack(conn, 7, NOW)

        async def enough() -> bool:
            return sent > 40

        await until(enough)
        stop.set()
        await asyncio.gather(*working)
        assert await differences(conn) == []
        again = await pack.pack(conn, 7, NOW)
        assert await pack.pack(conn, 7, NOW) == 0
        assert await pack.pack(conn, 0, NOW) == 0
        assert (packed > 0 and again > 0) == (place.engine == "timescale")
        await settled(conn)
        assert await differences(conn) == []
        assert sum(row[2] for row in await ask(conn, "list_daily")) == COUNT + sent
        assert (await retained(place, settings())).weeks[-1] == WEEKS[-1]
