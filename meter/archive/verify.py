"""Does a file hold exactly what the buckets say? Read back, added up in whole numbers, compared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from polars.exceptions import PolarsError

from meter.archive import frames
from meter.archive.files import File
from meter.archive.tallies import EPOCH, Tallies, add, differing, of_buckets
from meter.database import Connection
from meter.retention.weeks import WEEK
from sql import statement

AT_ONCE = 20_000  # series and quarters that are compared at once


class ArchiveError(RuntimeError):
    """A file of the archive is not what it must be; the message says which and how."""


class Content(NamedTuple):
    """What was read of a file: how many rows, and a number that tells them from others."""

    rows: int
    hashed: int


class _Part(NamedTuple):
    """The tallies of a file up to a quarter, None for up to its end; and what was read until then."""

    until_us: int | None
    tallies: Tallies
    content: Content


async def equals_buckets(conn: Connection, path: Path, team_id: int, since: datetime, until: datetime) -> Content:
    """Reads a file to its end and holds it against the buckets of [since, until). Raises ArchiveError."""
    parts = _parts(path)
    at = since
    while True:
        try:
            part = await asyncio.to_thread(next, parts)
        except PolarsError as error:
            raise ArchiveError(f"{path} can't be read: {error}") from error
        end = until if part.until_us is None else EPOCH + timedelta(microseconds=part.until_us)
        asked = {"team_id": team_id, "since": at, "until": end}
        rows = await (await conn.execute(statement("list_quarters"), asked)).fetchall()
        wrong = await asyncio.to_thread(_differing, part.tallies, rows)
        if wrong:
            raise ArchiveError(f"{path} is not what the buckets say: {'; '.join(wrong)}")
        if part.until_us is None:
            return part.content
        at = end


def _differing(tallies: Tallies, rows: Sequence[Sequence[Any]]) -> list[str]:
    return differing(tallies, of_buckets(rows))


def _parts(path: Path) -> Iterator[_Part]:
    """A file in parts of AT_ONCE tallies and more; in each all there is of its quarters."""
    found: Tallies = {}
    read, hashed, last = 0, 0, None
    for rows in frames.windows(path):
        times = rows["time"]
        if not times.is_sorted() or (last is not None and times[0] < last):
            raise ArchiveError(f"{path} is not in order of time")
        last = times[-1]
        read, hashed = read + rows.height, hashed + frames.hashed(rows)
        add(found, frames.tallied(rows))
        newest = max(quarter for quarter, _ in found)
        done = {place: tally for place, tally in found.items() if place[0] < newest}
        if len(done) >= AT_ONCE:
            yield _Part(newest, done, Content(read, hashed))
            found = {place: tally for place, tally in found.items() if place[0] == newest}
    yield _Part(None, found, Content(read, hashed))


async def as_listed(conn: Connection, directory: Path, file: File) -> None:
    """Sees that a listed file is there, unchanged, and still what the buckets say. Raises ArchiveError."""
    path = directory / file.path
    try:
        size, digest = path.stat().st_size, await asyncio.to_thread(frames.digest, path)
    except OSError as error:
        raise ArchiveError(f"{path} can't be read: {error.strerror}") from error
    if (size, digest) != (file.size, file.sha256):
        raise ArchiveError(f"{path} is not the file that was written: its checksum is another")
    content = await equals_buckets(conn, path, file.team_id, file.week, file.week + WEEK)
    if content.rows != file.rows:
        raise ArchiveError(f"{path} has {content.rows} rows, and {file.rows} were written")
