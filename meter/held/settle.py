"""Before a period is billed, ids of its events are looked at as far around as they would be later: a bill is final."""

from __future__ import annotations

import time
from datetime import datetime

from meter.database import Connection
from meter.errors import Busy
from meter.held import turn
from meter.held.slices import Unlooked, slices
from meter.model import Team
from sql import statement

BUDGET_S = 20.0


async def settle(
    conn: Connection, team: Team, period: tuple[datetime, datetime], now: datetime, budget_s: float = BUDGET_S
) -> int:
    """Looks at all of a team in [start, end) that no worker has looked at; how many events it held.

    `conn` is in autocommit mode. Raises Busy once `budget_s` is spent: what was looked at is not looked at again, so
    whoever asks again gets further.
    """
    until = time.monotonic() + budget_s
    asked = {"team_id": team.id, "since": period[0], "until": period[1]}
    row = await (await conn.execute(statement("find_unlooked_usage"), asked)).fetchone()
    if row is None or not row[0]:
        return 0
    held = 0
    rows = await (await conn.execute(statement("list_unlooked_usage"), asked)).fetchall()
    for each in slices(Unlooked(*row) for row in rows):
        held += await turn.near_and_finish(conn, team, each, now)
        _check_time(until)
    for day in await turn.due(conn, now, team.id, period):
        held += await turn.wide(conn, team, day, now)
        _check_time(until)
    return held


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise Busy("ids of this period's events are still being compared; ask again, it goes on from there")
