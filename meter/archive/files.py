"""The files of the archive as the database lists them, and where each lies."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from meter.database import Connection
from sql import statement


class File(NamedTuple):
    """A file of the archive: whose events of which week (from its Monday on), where it lies, its size in bytes."""

    team_id: int
    team: UUID
    week: datetime
    path: str
    rows: int
    size: int
    sha256: bytes
    written_at: datetime


class Extent(NamedTuple):
    """How large the archive is (`size` in bytes), and from which week to which it reaches."""

    files: int
    rows: int
    size: int
    first: datetime | None
    last: datetime | None


def path_of(team: UUID, week: datetime) -> str:
    """Where a team's events of a week lie, below the directory of the archive."""
    return f"events/{team}/{week:%Y-%m-%d}.parquet"


async def listed(
    conn: Connection, team_id: int | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[File]:
    """The files of a team (None: of all) with weeks that touch [since, until), newest first."""
    asked = {"team_id": team_id, "since": since, "until": until}
    rows = await (await conn.execute(statement("list_archive_files"), asked)).fetchall()
    return [File._make((*row[:6], bytes(row[6]), row[7])) for row in rows]


async def extent(conn: Connection) -> Extent:
    """How large the archive is."""
    row = await (await conn.execute(statement("sum_archive_files"))).fetchone()
    return Extent(0, 0, 0, None, None) if row is None else Extent._make(row)


def settle(path: Path) -> None:
    """Sees that a file, or a folder's list of files, survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
