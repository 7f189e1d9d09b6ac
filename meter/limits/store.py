"""Where counters are kept: found, and made with what was used before. Who decides holds and adds to them itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from meter.database import Connection
from meter.limits import follow
from meter.limits.budget import Budget
from meter.limits.kept import budgets, raise_version
from meter.limits.path import CounterKey, Limit
from meter.limits.window import UNTIL
from meter.model import Team
from sql import statement

__all__ = ("budgets", "ensure", "raise_version")


async def ensure(conn: Connection, team: Team, limits: Sequence[Limit], now: datetime) -> dict[CounterKey, int]:
    """The ids of the counters of limits, heads too. What is missing is made, and says at once what was used before.

    `conn` must be in autocommit mode: what is made stays, whatever becomes of the call.
    """
    wanted = {limit.key: _made(limit) for limit in limits}
    wanted |= {limit.head: (UNTIL, _follows(limit)) for limit in limits if limit.head is not None}
    found = await _find(conn, team.id, list(wanted))
    if missing := [key for key in wanted if key not in found]:
        await follow.make(conn, team.id, {key: wanted[key] for key in missing}, now)
        found |= await _find(conn, team.id, missing)
    if new := [number for number, followed in found.values() if not followed]:
        await follow.counters(conn, team, new, now)
    return {key: number for key, (number, _) in found.items()}


def _made(limit: Limit) -> tuple[datetime, bool]:
    """Until when a limit's counter goes, and whether it follows usage; a slot does not, its head does."""
    return limit.ends_at, limit.head is None and _follows(limit)


def _follows(limit: Limit) -> bool:
    return not isinstance(limit.budget, Budget) or limit.budget.follows


async def _find(conn: Connection, team_id: int, keys: Sequence[CounterKey]) -> dict[CounterKey, tuple[int, bool]]:
    """Id of each counter that is there, and whether it need not be followed before it is used."""
    if not keys:
        return {}
    rows = await (await conn.execute(statement("find_counters"), follow.columns(team_id, keys))).fetchall()
    return {CounterKey(*key): (number, followed) for number, *key, followed in rows}
