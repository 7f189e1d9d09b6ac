"""Dropped events, read from the archive for drill-down: which files, and in a process that may take its time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from meter.archive.files import listed
from meter.archive.look import Question, Row, Source, UnreadableError, newest
from meter.database import Connection
from meter.errors import ArchiveAway

MICROSECOND = timedelta(microseconds=1)

Run = Callable[[Callable[[Question], list[Row]], Question], Awaitable[list[Row]]]
"""Computes a pure function of a question somewhere else than on the event loop."""


class Reader(NamedTuple):
    """Where the files lie, and who reads them."""

    directory: Path
    run: Run

    async def newest(
        self,
        conn: Connection,
        team_id: int,
        between: tuple[datetime, datetime],
        before: tuple[datetime, UUID],
        series: Sequence[int] | None,
        rows: int,
    ) -> list[Row]:
        """The newest `rows` events of a team between two instants and before a place, of some series or all.

        Raises ArchiveAway where a file that is listed can't be read.
        """
        since, until = between
        files = await listed(conn, team_id, since, min(until, before[0] + MICROSECOND))
        sources = tuple(Source(self.directory / file.path, file.week, file.rows) for file in files)
        if not sources or series == []:
            return []
        picked = None if series is None else frozenset(series)
        try:
            return await self.run(newest, Question(sources, since, until, before, picked, rows))
        except UnreadableError as error:
            raise ArchiveAway(f"a file of the archive can't be read: {error}") from error
