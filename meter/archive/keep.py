"""Writes a week of raw events to files, one per team: under another name, read back, verified, then put in place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import polars as pl
from uuid_utils.compat import uuid7

from meter.archive import frames
from meter.archive.feed import Feed
from meter.archive.files import path_of, settle
from meter.archive.verify import ArchiveError, Content, equals_buckets
from meter.database import Connection
from sql import statement

BLOCK = 8 << 20  # bytes of lines that make a frame


class Archive(NamedTuple):
    """Where the files of the archive lie."""

    directory: Path


async def keep_week(conn: Connection, archive: Archive, week: datetime, until: datetime, now: datetime) -> int:
    """Writes and lists the files of a week that nobody writes to any more; how many events are in them.

    Raises ArchiveError, and OSError where nothing can be written.
    """
    teams = await (await conn.execute(statement("list_archivable"), {"since": week, "until": until})).fetchall()
    rows = 0
    for team_id, team in teams:
        rows += await _keep_team(conn, archive, (team_id, team), (week, until), now)
    return rows


async def _keep_team(
    conn: Connection, archive: Archive, team: tuple[int, UUID], span: tuple[datetime, datetime], now: datetime
) -> int:
    team_id, public_id = team
    place = path_of(public_id, span[0])
    path = archive.directory / place
    await asyncio.to_thread(_make_room, path)
    trial = path.with_name(f".{path.name}.{uuid7().hex}.tmp")
    written = await _write(conn, trial, team_id, public_id, span)
    found = await equals_buckets(conn, trial, team_id, *span)
    if found != written:
        raise ArchiveError(f"{trial} has not what was read from the database")
    sha256 = await asyncio.to_thread(_put, trial, path)
    row = {
        "team_id": team_id,
        "week": span[0],
        "path": place,
        "rows": written.rows,
        "bytes": path.stat().st_size,
        "sha256": sha256,
        "now": now,
    }
    await conn.execute(statement("record_archive_file"), row)
    return written.rows


def _make_room(path: Path) -> None:
    """Makes the folder, and takes away what a run that was killed left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        left.unlink()


def _put(trial: Path, path: Path) -> bytes:
    """Gives a verified file its name; its checksum."""
    settle(trial)
    sha256 = frames.digest(trial)
    trial.replace(path)
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        settle(folder)
    return sha256


async def _write(conn: Connection, trial: Path, team_id: int, team: UUID, span: tuple[datetime, datetime]) -> Content:
    """Streams a team's events into a file; neither side holds more than some blocks."""
    described = await (await conn.execute(statement("describe_archived_series"), {"team_id": team_id})).fetchall()
    labels = frames.labels(described)
    feed: Feed[bytes] = Feed()
    told = _Told()
    about = {"team": str(team), "week": span[0].isoformat()}
    writing = asyncio.create_task(asyncio.to_thread(_sink, trial, told, feed, labels, about))
    writing.add_done_callback(lambda _: feed.stop())
    try:
        await _read(conn, feed, team_id, span)
        await writing
    finally:
        feed.stop()
        await asyncio.wait({writing})
    return Content(told.rows, told.hashed)


class _Told:
    """What went into a file, counted on its way."""

    rows = 0
    hashed = 0


def _sink(trial: Path, told: _Told, feed: Feed[bytes], labels: pl.DataFrame, about: dict[str, str]) -> None:
    def made() -> Iterator[pl.DataFrame]:
        for block in feed:
            rows = frames.frame(block, labels)
            told.rows += rows.height
            told.hashed += frames.hashed(rows)
            yield rows

    frames.sink(trial, made(), about)


async def _read(conn: Connection, feed: Feed[bytes], team_id: int, span: tuple[datetime, datetime]) -> None:
    """Puts the rows of the database into the feed; each comes as one message, and may have line breaks in it."""
    asked = {"team_id": team_id, "since": span[0], "until": span[1]}
    pending = bytearray()
    async with conn.cursor().copy(statement("copy_archived_events"), asked) as lines:
        async for data in lines:
            pending += data
            if len(pending) >= BLOCK:
                await feed.put(bytes(pending))
                pending.clear()
    if pending:
        await feed.put(bytes(pending))
    await feed.put(None)
