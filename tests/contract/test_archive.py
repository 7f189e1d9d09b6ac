"""The archive: files hold exactly what was dropped, drill-down goes on in them, what is wrong stops the drop."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from meter import usage_events
from meter.archive import frames, keep, verify
from meter.archive.files import File, listed
from meter.archive.look import Question, Row
from meter.archive.read import Reader
from meter.archive.verify import ArchiveError
from meter.corrections.find import Query as Ranged
from meter.database import Connection
from meter.errors import ArchiveAway, RawDataGone
from meter.labels import Filter
from meter.model import Event
from meter.retention import floors
from meter.usage_events import Query
from sql import statement
from tests.contract.correcting import change
from tests.contract.keeping import retained, settings, settled
from tests.contract.place import NOW, Place, ask, make_team, send
from tests.contract.test_usage_events import everything

ROOT = Path(__file__).resolve().parents[2]
FLOOR = datetime(2026, 11, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
START, END = FLOOR - WEEK * 2, FLOOR + WEEK
LARGEST = Decimal("99999999999999999999999999.999999999999")


async def run(function: Callable[[Question], list[Row]], question: Question) -> list[Row]:
    """Read in a thread, as the service does in a process."""
    return await asyncio.to_thread(function, question)


def quantity(chosen: random.Random) -> Decimal:
    """Answer a quantity of any length that can be stored."""
    return chosen.choice([Decimal(0), LARGEST, Decimal("1e-12"), Decimal(f"{chosen.randrange(10**38)}e-12")])


def some(number: int = 120) -> list[Event]:
    """Answer events of three weeks, two in an instant: any quantity, labels, attributes; levels held over hours."""
    chosen = random.Random(7)  # noqa: S311 (no secret)
    found = []
    for n in range(number):
        held = n % 10 == 0
        more: dict[str, Any] = {"duration_seconds": Decimal(8_000)} if held else {}
        said: dict[str, object] = {"note": 'comma, "quote"\n\\ ünï\u2028', "n": [n, 1.50, None], "": {}}
        found.append(
            Event(
                id=f'e{n}, \r\n"{n}"\n',
                time=START + timedelta(hours=3) + (END - START) * (n // 2) * 97 // (number // 2 * 100),
                meter="cpu" if held else ("requests", "network")[n % 2],
                quantity=Decimal(n) if held else quantity(chosen),
                member=("ann", "bob", None)[n % 3],
                service=f"s{n % 2}",
                dimensions={"model": f"m{n % 4}"},
                attributes=None if n % 3 else said,
                **more,
            )
        )
    return found


async def filled(place: Place) -> None:
    """Store them, void some of the week before the floor, roll up."""
    receipt = await send(place, *some())
    assert receipt.accepted == len(some()), receipt
    await change(place, Ranged(FLOOR - WEEK, FLOOR - WEEK / 2, ("network",)))
    async with place.pool.connection() as conn:
        await settled(conn)


QUERIES = (
    Query(start=START, end=END),
    Query(start=START, end=END, meters=("requests", "cpu")),
    Query(start=START + timedelta(days=3, minutes=7), end=FLOOR + timedelta(minutes=11)),
    Query(start=START, end=FLOOR - timedelta(days=2, minutes=1), filters=(Filter("member", "in", ("ann",)),)),
    Query(start=START, end=END, filters=(Filter("member", "in", (None,)), Filter("model", "prefix", ("m",)))),
    Query(start=START, end=END, filters=(Filter("member", "in", ("nobody",)),)),
    Query(start=FLOOR, end=END),
)


async def pages(
    place: Place, conn: Connection, asked: Query, archive: Reader | None, limit: int
) -> list[usage_events.Event]:
    """Answer all events of a question, page after page."""
    found: list[usage_events.Event] = []
    after = None
    while True:
        page = await usage_events.read(conn, place.team, asked, after, limit, archive)
        assert len(page.events) == limit or page.next is None
        found += page.events
        after = page.next
        if after is None:
            return found


async def test_drill_down_goes_on_in_the_archive(place: Place, tmp_path: Path) -> None:
    """Every question is answered as before, page after page over the seam, whatever the size of a page."""
    await filled(place)
    async with place.pool.connection() as conn:
        before = [await everything(place, conn, asked) for asked in QUERIES]
        assert len(before[0]) > 150
        assert (await retained(place, settings(tmp_path))).weeks == [START, START + WEEK]
        reader = Reader(tmp_path, run)
        for asked, events in zip(QUERIES, before, strict=True):
            for limit in (7, 1000):
                assert await pages(place, conn, asked, reader, limit) == events, asked
        exporting = usage_events.export(place.pool, place.team, QUERIES[0], reader)
        exported = [event async for page in exporting for event in page]
        assert exported == before[0]
        for asked in QUERIES:
            await usage_events.check_exportable(conn, place.team, asked, reader)
        with pytest.raises(RawDataGone):
            await everything(place, conn, QUERIES[0])
        assert await everything(place, conn, QUERIES[-1]) == before[-1]
        (await listed_paths(conn, tmp_path))[0].unlink()
        with pytest.raises(ArchiveAway, match="can't be read"):
            await pages(place, conn, QUERIES[0], reader, 1000)


async def listed_paths(conn: Connection, directory: Path) -> list[Path]:
    """Answer where the files lie, newest first."""
    return [directory / file.path for file in await listed(conn)]


async def test_a_file_says_what_was_stored(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row to its last digit, labels spelled out, read by somebody else's program; written in many parts."""
    monkeypatch.setattr(keep, "BLOCK", 700)
    monkeypatch.setattr(frames, "WINDOW", 7)
    monkeypatch.setattr(verify, "AT_ONCE", 5)
    await filled(place)
    async with place.pool.connection() as conn:
        stored = await ask(conn, "list_stored", {"team_id": place.team.id, "since": START, "until": FLOOR})
        await retained(place, settings(tmp_path))
        files = await listed(conn)
    assert [(file.week, file.rows) for file in files] == [
        (week, sum(week <= row[0] < week + WEEK for row in stored)) for week in (FLOOR - WEEK, START)
    ]
    found: list[Any] = []
    for file in reversed(files):
        assert (tmp_path / file.path).stat().st_size == file.size
        with duckdb.connect() as duck:
            found += duck.execute(
                "select epoch_us(time), event_id, series_id, quantity, covers_us, attributes, voided, meter, member,"
                " service, dimensions, id from read_parquet(?) order by time, event_id",
                [str(tmp_path / file.path)],
            ).fetchall()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [(epoch + timedelta(microseconds=row[0]), *row[1:]) for row in found] == [
        (row[0], row[1].bytes, *row[2:]) for row in stored
    ]
    assert any(row[6] for row in found)
    assert {row[3] for row in found} >= {LARGEST, Decimal("1e-12"), Decimal(0)}


async def test_each_team_has_its_files(place: Place, tmp_path: Path) -> None:
    """One's events are in no other's file."""
    async with place.pool.connection() as conn:
        other, caller = await make_team(conn)
        await filled(place)
        theirs = Event(id="x", time=START + timedelta(hours=1), meter="requests", quantity=Decimal(3))
        await place.ingest.take(other, caller, [theirs], NOW)
        await settled(conn)
        await retained(place, settings(tmp_path))
        paths = await listed_paths(conn, tmp_path)
        assert len(paths) == 3
        assert {path.parent.name for path in paths} == {str(place.team.public_id), str(other.public_id)}
        mine = place._replace(team=other)
        events = await pages(mine, conn, QUERIES[0], Reader(tmp_path, run), 1000)
    assert [event.quantity for event in events] == [Decimal(3)]


async def test_without_an_archive_nothing_reaches_behind_the_floor(place: Place, tmp_path: Path) -> None:
    """What was dropped before there was an archive is gone, what was dropped after is there."""
    await filled(place)
    async with place.pool.connection() as conn:
        await ask(conn, "drop_before", {"instant": START + WEEK})
        await retained(place, settings(tmp_path))
        reader = Reader(tmp_path, run)
        with pytest.raises(RawDataGone, match=str(START.date() + WEEK)):
            await pages(place, conn, QUERIES[0], reader, 100)
        assert await pages(place, conn, Query(start=START + WEEK, end=FLOOR), reader, 100)


async def test_wrong_files_are_found(place: Place, tmp_path: Path) -> None:
    """Changed, missing, or never what the buckets say."""
    await filled(place)
    await retained(place, settings(tmp_path))
    async with place.pool.connection() as conn:
        files = await listed(conn)
        for file in files:
            await verify.as_listed(conn, tmp_path, file)
        path = tmp_path / files[0].path
        good = path.read_bytes()
        path.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
        await refused(conn, tmp_path, files[0], "checksum")
        path.write_bytes(good)
        frame = pl.read_parquet(path)
        spoiled = {
            "sum": frame.with_columns(pl.col("quantity") * 0 + pl.lit(Decimal("1e-12")).cast(pl.Decimal(38, 12))),
            "nothing": frame.tail(frame.height - 1),
            "order of time": frame.reverse(),
        }
        for what, rows in spoiled.items():
            rows.write_parquet(path)
            with pytest.raises(ArchiveError, match=what):
                await verify.equals_buckets(conn, path, place.team.id, FLOOR - WEEK, FLOOR)
        path.write_bytes(b"no parquet")
        with pytest.raises(ArchiveError, match="can't be read"):
            await verify.equals_buckets(conn, path, place.team.id, FLOOR - WEEK, FLOOR)
        path.unlink()
        await refused(conn, tmp_path, files[0], "can't be read")


async def refused(conn: Connection, directory: Path, file: File, why: str) -> None:
    """See that a file is refused."""
    with pytest.raises(ArchiveError, match=why):
        await verify.as_listed(conn, directory, file)


def everywhere(directory: Path) -> set[Path]:
    """Answer every file there is."""
    return {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}


SPOILED = {
    "has not what was read": pl.lit(None, pl.String).alias("attributes"),
    "has not what was read ": pl.lit("eve").alias("member"),
    "is not what the buckets say": (pl.col("quantity") * 0).cast(pl.Decimal(38, 12)).alias("quantity"),
}


@pytest.mark.parametrize("why", SPOILED)
async def test_a_file_that_says_something_else_keeps_the_week(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """A column lost on its way to the disk: nothing gets its name, nothing is dropped."""
    await filled(place)
    real = frames.sink

    def sink(path: Path, made: Iterator[pl.DataFrame], about: dict[str, str]) -> None:
        real(path, (rows.with_columns(SPOILED[why]).select(frames.COLUMNS.names()) for rows in made), about)

    monkeypatch.setattr(frames, "sink", sink)
    with pytest.raises(ArchiveError, match=why.strip()):
        await retained(place, settings(tmp_path))
    async with place.pool.connection() as conn:
        assert (await floors.floors(conn))[:2] == (None, None)
        assert await listed(conn) == []
    assert {path.suffix for path in everywhere(tmp_path)} == {".tmp"}


async def test_a_file_that_can_not_be_written_keeps_the_week(place: Place, tmp_path: Path) -> None:
    """No directory to write to: nothing is dropped, and late events are taken as before."""
    await filled(place)
    (tmp_path / "events").write_text("in the way")
    with pytest.raises(OSError, match=r"."):
        await retained(place, settings(tmp_path))
    async with place.pool.connection() as conn:
        assert (await floors.floors(conn))[:2] == (None, None)
        assert await everything(place, conn, QUERIES[0])
        (tmp_path / "events").unlink()
        assert len((await retained(place, settings(tmp_path))).weeks) == 2


KILLED = """
import asyncio, os, signal, sys
from meter.archive import keep, verify
from meter.database import connect
from meter.retention import raw, run
from tests.contract.keeping import NOW, settings
from pathlib import Path

url, directory, module, name = sys.argv[1:]
owner = {"keep": keep, "raw": raw}[module]
real = getattr(owner, name)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def after(*given, **more):
    await real(*given, **more)
    die()

def put(*given):
    real(*given)
    die()

setattr(owner, name, put if name == "_put" else after)

async def main():
    async with await connect(url, autocommit=True) as conn:
        await run.drop(conn, settings(Path(directory)), NOW)

asyncio.run(main())
"""

STEPS = (
    ("raw", "compare"),
    ("keep", "_write"),
    ("keep", "_put"),
    ("raw", "keep_week"),
    ("raw", "_drop"),
)


@pytest.mark.slow
async def test_killed_at_any_step(place: Place, tmp_path: Path) -> None:
    """Kill -9 after each step in turn: every event is there, raw or in a verified file, and the next run goes on."""
    await filled(place)
    async with place.pool.connection() as conn:
        before = await everything(place, conn, QUERIES[0])
        sums = await ask(conn, "list_daily")
        for step in STEPS:
            command = [sys.executable, "-c", KILLED, place.url, str(tmp_path), *step]
            done = await asyncio.to_thread(
                subprocess.run, command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
            )
            assert done.returncode == -signal.SIGKILL, (step, done.stderr)
            assert await pages(place, conn, QUERIES[0], Reader(tmp_path, run), 1000) == before, step
            for file in await listed(conn):
                await verify.as_listed(conn, tmp_path, file)
        assert (await floors.floors(conn)).raw == START + WEEK  # the last one was killed after its first week
        assert (await retained(place, settings(tmp_path))).weeks == [START + WEEK]
        assert await pages(place, conn, QUERIES[0], Reader(tmp_path, run), 1000) == before
        assert await ask(conn, "list_daily") == sums
        assert {Path(file.path) for file in await listed(conn)} == everywhere(tmp_path)
        assert await (await conn.execute(statement("find_oldest_event"))).fetchone() != (None,)
