"""Rows of usage into their table: room made ahead, the floor held, COPY and touched log in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any

from meter import copy_rows
from meter.database import Connection
from meter.facts import instant, microseconds
from meter.model import Refusal
from meter.packed import Bigints, Cells, Instants
from meter.rows import Wire
from meter.segments import QUARTER_US
from sql import statement

WEEK_US = 7 * 86_400 * 1_000_000
NO_FLOOR = -(2**63)
HOLDING_FLOOR = ("share_floor", "get_closed")
COLUMNS = {
    "team_ids": "int8",
    "times": "timestamptz",
    "event_ids": "uuid",
    "series_ids": "int8",
    "quantities": "numeric",
    "covers_us": "int8",
    "attributes": "jsonb",
}
"""The columns of a packed row, in order."""
_packed = itemgetter(3)


class NoRoomError(Exception):
    """Rows are to be written where nothing was made ready; `times_us` are theirs, in microseconds since 2000."""

    def __init__(self, times_us: Iterable[int]) -> None:
        """Says for which times to make room, before the same is tried again."""
        super().__init__("no room was made for some rows")
        self.times_us = frozenset(times_us)


class Room:
    """Makes partitions ahead of rows, each once per process, in a transaction before theirs."""

    def __init__(self) -> None:
        """Knows of none yet."""
        self._weeks: set[int] = set()

    async def prepare(self, conn: Connection, times_us: Iterable[int]) -> None:
        """Makes room for rows at these times, in microseconds since 2000; `conn` is in no transaction."""
        for week in sorted({time_us // WEEK_US for time_us in times_us} - self._weeks):
            since = instant(week * WEEK_US)
            await conn.execute(statement("prepare_events"), {"since": since, "until": since + timedelta(days=7)})
            self._weeks.add(week)

    def check(self, times_us: Iterable[int]) -> None:
        """Raises NoRoomError for times that no room was made for."""
        missing = {time_us for time_us in times_us if time_us // WEEK_US not in self._weeks}
        if missing:
            raise NoRoomError(missing)


async def hold_floor(conn: Connection) -> int:
    """Since when usage is taken and changed, in microseconds since 2000; it stays so until the transaction ends."""
    share, get = HOLDING_FLOOR
    await conn.execute(statement(share))
    return floor_of(await (await conn.execute(statement(get))).fetchall())


def floor_of(rows: Sequence[Sequence[Any]]) -> int:
    """The same, from what the second of HOLDING_FLOOR answered to somebody who sent both with other statements."""
    return NO_FLOOR if not rows or rows[0][0] is None else microseconds(rows[0][0])


def below(floor_us: int) -> Refusal:
    """Why nothing is taken below the floor."""
    return Refusal(
        "too_late", f"raw events before {instant(floor_us).isoformat()} are gone, so nothing can be added there"
    )


async def copy(conn: Connection, team_id: int, rows: Sequence[Wire]) -> None:
    """Writes rows, in key order, and notes their quarters as touched. Raises psycopg's UniqueViolation."""
    async with conn.cursor().copy(statement("copy_events")) as sink:
        await sink.write(copy_rows.body(map(_packed, rows)))
    await conn.execute(statement("log_touched"), _touched({team_id: spread(rows, QUARTER_US)}))


def inserting(rows: Mapping[int, Sequence[Wire]]) -> list[tuple[str, dict[str, Any]]]:
    """The statements that write a few rows by team, each team's in key order, as `copy` does; in a pipeline, too."""
    columns = copy_rows.columns(_packed(row) for _, made in sorted(rows.items()) for row in made)
    cells = {name: Cells(kind, column) for (name, kind), column in zip(COLUMNS.items(), columns, strict=True)}
    quarters = {team_id: spread(made, QUARTER_US) for team_id, made in rows.items()}
    return [("insert_events", cells), ("log_touched", _touched(quarters))]


async def touch(conn: Connection, team_id: int, times_us: Iterable[int]) -> None:
    """Notes that the quarters around these times no longer equal their roll-up."""
    quarters = sorted({time_us // QUARTER_US for time_us in times_us})
    await conn.execute(statement("log_touched"), _touched({team_id: quarters}))


def _touched(quarters: Mapping[int, Sequence[int]]) -> dict[str, Any]:
    pairs = [(team_id, quarter * QUARTER_US) for team_id, each in sorted(quarters.items()) for quarter in each]
    return {"team_ids": Bigints([team_id for team_id, _ in pairs]), "buckets": Instants([start for _, start in pairs])}


def spread(rows: Sequence[Wire], width_us: int) -> list[int]:
    """Which steps of this width, counted from 2000, rows in key order lie in.

    By halves: rows of one step, however many, cost a look at the first and the last.
    """
    found: list[int] = []
    parts = [(0, len(rows) - 1)] if rows else []
    while parts:
        first, last = parts.pop()
        step = rows[first][0] // width_us
        if step == rows[last][0] // width_us:
            if found[-1:] != [step]:
                found.append(step)
        else:
            middle = (first + last) // 2
            parts += [(middle + 1, last), (first, middle)]
    return found
