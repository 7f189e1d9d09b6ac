"""Reads what jobs need, asks them, and keeps what they answer. The only file of this folder that does I/O.

Results are made ahead of being asked for, and again once the team's data has changed: who asks gets the last one at
once. A turn takes what waits longest and gives up after a while; whatever it did not come to waits for the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from psycopg import InterfaceError, OperationalError
from uuid_utils.compat import uuid7

from analytics import forecasts
from analytics.forecasts import Forecasts
from meter import results
from meter.database import Connection
from meter.errors import Problem
from meter.jobs import Turn
from meter.past_read import Asked, read_past
from meter.results import Due, Result

_log = logging.getLogger(__name__)
AT_ONCE = 200
BUDGET_S = 20.0
AGAIN_AFTER = timedelta(hours=1)
"""How soon what was found out is found out again from new data; and how long a failure rests."""
STALE_AFTER = timedelta(hours=24)
"""How long a result stands where no data came: then what has not come is news, too."""


class Made(NamedTuple):
    """How many results a turn made, how many could not be made, and how many of those due it did not come to."""

    run: UUID
    made: int
    failed: int
    left: int


async def forecast(turn: Turn) -> str | None:
    """The job: makes forecasts that are due, and says how many, in which run, and whether more wait."""
    made = await forecasts_turn(turn.conn, turn.now)
    if not (made.made or made.failed):
        return None
    said = [f"{made.made} forecasts in run {made.run}"]
    said += [f"{made.failed} could not be made"] if made.failed else []
    said += [f"{made.left} of those that were due wait"] if made.left else []
    return "; ".join(said)


async def forecasts_turn(conn: Connection, now: datetime, budget_s: float = BUDGET_S) -> Made:
    """Forecasts of meters that are due: all that data came for since, at most hourly. `conn` in autocommit mode.

    Each is by itself, so a turn that breaks off has lost one.
    """
    until, run, counts = time.monotonic() + budget_s, uuid7(), {True: 0, False: 0}
    await results.enrol_metered(conn, forecasts.NAME, now)
    waiting = await results.due(conn, forecasts.NAME, now, AT_ONCE)
    for number, each in enumerate(waiting):
        if time.monotonic() > until:
            return Made(run, counts[True], counts[False], len(waiting) - number)
        if _stands(each, now):
            await results.postpone(conn, each.team.id, forecasts.NAME, each.subject, now + AGAIN_AFTER)
        else:
            counts[await _renewed(conn, each, run, now)] += 1
    return Made(run, counts[True], counts[False], 0)


def _stands(each: Due, now: datetime) -> bool:
    """Whether a result is of all the data there is, and not of long ago."""
    return each.made_at is not None and each.as_of == each.changed_at and now - each.made_at < STALE_AFTER


async def _renewed(conn: Connection, each: Due, run: UUID, now: datetime) -> bool:
    """Makes one result anew; False where it can't be made, which is said beside it: it stops no other.

    Raises what says that the database is away.
    """
    try:
        found = await read_past(conn, each.team, Asked(each.subject, ZoneInfo(each.team.timezone)), now)
        made = await asyncio.to_thread(forecasts.forecasts, found.past)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this meter's alone, and it is told
        why = f"{error.code}: {error.detail}" if isinstance(error, Problem) else f"internal: {type(error).__name__}"
        if not isinstance(error, Problem):
            _log.exception("no forecast of %s of team %s", each.subject, each.team.public_id)
        await results.postpone(conn, each.team.id, forecasts.NAME, each.subject, now + AGAIN_AFTER, why)
        return False
    share = None if found.coverage is None else found.coverage.share
    kept = Result(found.as_of, now, run, share, _body(made))
    await results.keep(conn, each.team.id, forecasts.NAME, each.subject, kept, now + AGAIN_AFTER)
    return True


def _body(made: Forecasts) -> dict[str, object]:
    body: dict[str, object] = msgspec.to_builtins(made)
    return body
