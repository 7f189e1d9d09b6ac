"""Reads what jobs need, asks them, and keeps what they answer. The only file of this folder that does I/O.

Results are made ahead of being asked for, and again once the team's data has changed: who asks gets the last one at
once. A turn takes what waits longest and gives up after a while; whatever it did not come to waits for the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from psycopg import InterfaceError, OperationalError
from uuid_utils.compat import uuid7

from analytics import budgets, forecasts
from meter import past_budgets, results
from meter.coverage.share import Counts
from meter.database import Connection
from meter.errors import Problem, told
from meter.jobs import Turn
from meter.limits import acts, foreseen
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
    """How many results a turn made, how many could not be made, and how many are due still (see `count_due`)."""

    run: UUID
    made: int
    failed: int
    left: int


class Found(NamedTuple):
    """What was found out, of data that had last changed at `as_of`; looked at again at `again_at` at the latest."""

    as_of: datetime | None
    coverage: Decimal | None
    body: Struct
    again_at: datetime | None = None


class Kind(NamedTuple):
    """What a job finds out ahead: whom it looks at from now on, and what it finds; None where what there is stands."""

    name: str
    enrol: Callable[[Connection, str, datetime], Awaitable[int]]
    find: Callable[[Connection, Due, datetime], Awaitable[Found | None]]


async def forecast(turn: Turn) -> str | None:
    """The job: makes forecasts of meters that are due, and says how many, in which run, and whether more wait."""
    return _said("forecasts", await forecasts_turn(turn.conn, turn.now))


async def foresee(turn: Turn) -> str | None:
    """The job: finds out when budgets are used up that are due, and says how many, as `forecast` does."""
    return _said("budgets' dates", await budgets_turn(turn.conn, turn.now))


def _said(what: str, made: Made) -> str | None:
    if not (made.made or made.failed):
        return None
    said = [f"{made.made} {what} in run {made.run}"]
    said += [f"{made.failed} could not be made"] if made.failed else []
    said += [f"{results.counted(made.left)} that are due wait"] if made.left else []
    return "; ".join(said)


async def forecasts_turn(conn: Connection, now: datetime, budget_s: float = BUDGET_S) -> Made:
    """Forecasts of meters that are due: all that data came for since, at most hourly. `conn` in autocommit mode.

    Each is by itself, so a turn that breaks off has lost one.
    """
    return await _turn(conn, Kind(forecasts.NAME, results.enrol_metered, _of_meter), now, budget_s)


async def budgets_turn(conn: Connection, now: datetime, budget_s: float = BUDGET_S) -> Made:
    """When budgets are used up, of those that are due: as `forecasts_turn`, and as soon as a window begins anew."""
    return await _turn(conn, Kind(budgets.NAME, foreseen.enrol, _of_budget), now, budget_s)


async def _turn(conn: Connection, kind: Kind, now: datetime, budget_s: float) -> Made:
    until, run, counts = time.monotonic() + budget_s, uuid7(), {True: 0, False: 0}
    await kind.enrol(conn, kind.name, now)
    waiting = await results.due(conn, kind.name, now, AT_ONCE)
    for each in waiting:
        if time.monotonic() > until:
            break
        renewed = await _renewed(conn, kind, each, run, now)
        if renewed is not None:
            counts[renewed] += 1
    return Made(run, counts[True], counts[False], await results.count_due(conn, kind.name, now))


def _stands(each: Due, now: datetime) -> bool:
    """Whether a result is of all the data there is, and not of long ago."""
    return each.made_at is not None and each.as_of == each.changed_at and now - each.made_at < STALE_AFTER


async def _renewed(conn: Connection, kind: Kind, each: Due, run: UUID, now: datetime) -> bool | None:
    """Makes one result anew, None where it stands; False where it can't be made, which is said beside it.

    That stops no other. Raises what says that the database is away.
    """
    again_at = now + AGAIN_AFTER
    try:
        found = await kind.find(conn, each, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this subject's alone, and it is told
        if not isinstance(error, Problem):
            _log.exception("no %s of %s of team %s", kind.name, each.subject, each.team.public_id)
        await results.postpone(conn, each.team.id, kind.name, each.subject, again_at, told(error))
        return False
    if found is None:
        await results.postpone(conn, each.team.id, kind.name, each.subject, again_at)
        return None
    kept = Result(found.as_of, now, run, found.coverage, msgspec.to_builtins(found.body))
    again_at = again_at if found.again_at is None else min(again_at, found.again_at)
    await results.keep(conn, each.team.id, kind.name, each.subject, kept, again_at)
    return True


async def _of_meter(conn: Connection, each: Due, now: datetime) -> Found | None:
    """The forecast of a meter."""
    if _stands(each, now):
        return None
    found = await read_past(conn, each.team, Asked(each.subject, ZoneInfo(each.team.timezone)), now)
    made = await asyncio.to_thread(forecasts.forecasts, found.past)
    return Found(found.as_of, _share(found.coverage), made)


async def _of_budget(conn: Connection, each: Due, now: datetime) -> Found | None:
    """When a budget is used up. What named no date stands while it is the same budget in the same window."""
    budget = (await acts.get(conn, each.team.id, UUID(each.subject))).budget
    if budget.ended_at is not None:
        await foreseen.forget(conn, budget)
        return None
    before = await foreseen.get(conn, budget)
    same = before is not None and before.version == budget.version and not before.dated
    if same and before is not None and (before.until is None or now < before.until) and _stands(each, now):
        return None
    found = await past_budgets.read_past(conn, each.team, budget, now)
    made = await asyncio.to_thread(budgets.foreseen, found.past)
    return Found(found.as_of, _share(found.coverage), made, made.until)


def _share(coverage: Counts | None) -> Decimal | None:
    return None if coverage is None else coverage.share
