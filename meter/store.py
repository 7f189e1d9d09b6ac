"""Rows of usage into their table: room made ahead, the floor held, COPY and touched log in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from operator import itemgetter

from meter import copy_rows
from meter.database import Connection
from meter.facts import instant, microseconds
from meter.model import Refusal
from meter.rows import Wire
from meter.segments import QUARTER_US
from sql import statement

WEEK_US = 7 * 86_400 * 1_000_000
NO_FLOOR = -(2**63)
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
    await conn.execute(statement("share_floor"))
    floor = await (await conn.execute(statement("get_closed"))).fetchone()
    return NO_FLOOR if floor is None or floor[0] is None else microseconds(floor[0])


def below(floor_us: int) -> Refusal:
    """Why nothing is taken below the floor."""
    return Refusal(
        "too_late", f"raw events before {instant(floor_us).isoformat()} are gone, so nothing can be added there"
    )


async def copy(conn: Connection, team_id: int, rows: Sequence[Wire]) -> None:
    """Writes rows, in key order, and notes their quarters as touched. Raises psycopg's UniqueViolation."""
    async with conn.cursor().copy(statement("copy_events")) as sink:
        await sink.write(copy_rows.body(map(_packed, rows)))
    await _log(conn, team_id, spread(rows, QUARTER_US))


async def touch(conn: Connection, team_id: int, times_us: Iterable[int]) -> None:
    """Notes that the quarters around these times no longer equal their roll-up."""
    await _log(conn, team_id, sorted({time_us // QUARTER_US for time_us in times_us}))


async def _log(conn: Connection, team_id: int, buckets: Sequence[int]) -> None:
    touched = {"team_id": team_id, "buckets": [instant(bucket * QUARTER_US) for bucket in buckets]}
    await conn.execute(statement("log_touched"), touched)


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
