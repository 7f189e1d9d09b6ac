"""The job: what was rolled up is looked at around the hour within minutes, and day by day around five weeks.

Rows of the log go once what they name was looked at; whoever dies in between is followed by one who looks again, and
what is held already is not found a second time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from meter.database import Connection
from meter.held.hold import hold
from meter.held.look import Again, Look, look
from meter.held.slices import DAY, HOUR, NEAR, WIDE, Slice, Unlooked, reach, slices
from meter.model import Team
from sql import statement

BUDGET_S = 20.0
QUARTERS = 50_000
DAYS = 1_000
BUSY = 2_000_000


class Done(NamedTuple):
    """What a turn did: ranges it looked at, events it held, and whether some are left for the next one."""

    looked: int
    held: int
    more: bool


class Day(NamedTuple):
    """A day of a team, and how often something changed in it, by which a change during the look is told."""

    team_id: int
    day: datetime
    changes: int


async def turn(conn: Connection, now: datetime, budget_s: float = BUDGET_S) -> Done:
    """Looks at what was rolled up, and at days that are due, until `budget_s` is spent; at one range at least.

    `conn` is in autocommit mode. Raises Busy as `hold`; what was looked at until then is not looked at again.
    """
    until = time.monotonic() + budget_s
    looked = held = 0
    rows = await (await conn.execute(statement("list_unlooked_quarters"), {"now": now, "rows": QUARTERS})).fetchall()
    quarters = [Unlooked(*row) for row in rows]
    teams = await _teams(conn, {quarter.team_id for quarter in quarters})
    for each in slices(quarters):
        if looked and time.monotonic() > until:
            return Done(looked, held, more=True)
        held += await near_and_finish(conn, teams.get(each.team_id), each, now)
        looked += 1
    days = await due(conn, now)
    teams = await _teams(conn, {day.team_id for day in days})
    for day in days:
        if looked and time.monotonic() > until:
            return Done(looked, held, more=True)
        held += await wide(conn, teams.get(day.team_id), day, now)
        looked += 1
    return Done(looked, held, more=len(quarters) == QUARTERS or len(days) == DAYS)


async def near_and_finish(conn: Connection, team: Team | None, asked: Slice, now: datetime) -> int:
    """Looks at neighbouring quarters and an hour around them; by the hour where there are very many events."""
    held = 0
    if team is not None:
        held = await near(conn, team, asked.since, asked.until, now)
    await conn.execute(statement("finish_look"), {"team_id": asked.team_id, "ids": asked.ids, "now": now})
    return held


async def near(conn: Connection, team: Team, since: datetime, until: datetime, now: datetime) -> int:
    """Holds what came again within an hour of a range of at most a day; how many events."""
    events = await _count(conn, team.id, since, until)
    if events <= BUSY:
        return await _look(conn, team, Look(team.id, since, until, events, NEAR), now)
    held = 0
    start = since
    while start < until:
        end = min(start + HOUR, until)
        events = await _count(conn, team.id, start, end)
        held += await _look(conn, team, Look(team.id, start, end, events, NEAR), now)
        start = end
    return held


async def wide(conn: Connection, team: Team | None, day: Day, now: datetime) -> int:
    """Holds what came again within five weeks of a day, fewer for teams with very many events; how many events."""
    held = 0
    if team is not None:
        events = await _count(conn, team.id, day.day, day.day + DAY)
        around = {"team_id": team.id, "since": day.day - WIDE, "until": day.day + DAY + WIDE}
        all_around = (await (await conn.execute(statement("count_rolled_days"), around)).fetchall())[0][0]
        if events:
            asked = Look(team.id, day.day, day.day + DAY, events, reach(events, all_around))
            held = await _look(conn, team, asked, now)
    await conn.execute(statement("finish_wide_look"), day._asdict() | {"now": now})
    return held


async def due(
    conn: Connection, now: datetime, team_id: int | None = None, between: tuple[datetime, datetime] | None = None
) -> list[Day]:
    """The days that are due now; or those of a team in a range, due or not."""
    since, until = between or (now, now)
    asked = {"now": now, "team_id": team_id, "since": since, "until": until, "rows": DAYS}
    return [Day(*row) for row in await (await conn.execute(statement("list_wide_looks"), asked)).fetchall()]


async def _count(conn: Connection, team_id: int, since: datetime, until: datetime) -> int:
    asked = {"team_id": team_id, "since": since, "until": until}
    rows = await (await conn.execute(statement("count_rolled_quarters"), asked)).fetchall()
    events: int = rows[0][0]
    return events


async def _look(conn: Connection, team: Team, asked: Look, now: datetime) -> int:
    async def take(found: Sequence[Again]) -> int:
        return await hold(conn, team, found, now)

    return await look(conn, asked, take)


async def _teams(conn: Connection, ids: Iterable[int]) -> dict[int, Team]:
    rows = await (await conn.execute(statement("list_teams_by_id"), {"ids": sorted(ids)})).fetchall()
    return {row[0]: Team(*row) for row in rows}
