"""Invoices that make themselves: each period that ends is billed soon after, by the clock of the team's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from meter import teams
from meter.bill import ADVANCE, Until
from meter.database import Connection
from meter.invoicing.ahead import bill_ahead, finish
from meter.invoicing.run import Drafted, Issuing, Told, bill_period
from meter.model import Team
from meter.rating.periods import Period
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline, trial
from sql import statement

AT_ONCE = 50
LOOK_EVERY = timedelta(hours=1)
"""How long a decision about a subscription may go unnoticed that ends a period early; and how long a failure rests."""


class Watched(NamedTuple):
    """A team that is to be looked at: what ended until `since` is done with, and the fees of what began at `ahead`."""

    team: Team
    since: datetime
    ahead: datetime | None
    failures: int


async def turn(conn: Connection, issuing: Issuing, after: timedelta, now: datetime) -> list[Told]:
    """Makes drafts final whose time is over, and bills periods that have been over for `after`; what came of each.

    `conn` in autocommit mode. Each team is by itself, so a turn that breaks off has lost nothing.
    """
    told = [await _finalised(conn, issuing, row, now) for row in await _due_drafts(conn, now)]
    await conn.execute(statement("enrol_billing_watch"), {"now": now})
    rows = await (await conn.execute(statement("list_billing_watch"), {"now": now, "rows": AT_ONCE})).fetchall()
    for *team, since, ahead, failures in rows:
        told += await _looked(conn, Watched(Team(*team), since, ahead, failures), issuing, after, now)
    return [each for each in told if each.came != "waits"]


async def _due_drafts(conn: Connection, now: datetime) -> list[Drafted]:
    rows = await (await conn.execute(statement("list_due_drafts"), {"now": now, "rows": AT_ONCE})).fetchall()
    return [_draft(row) for row in rows]


def _draft(row: Sequence[Any]) -> Drafted:
    number, public_id, team, *period, reason = row
    return Drafted(number, public_id, team, Period(*period), reason)


async def _finalised(conn: Connection, issuing: Issuing, due: Drafted, now: datetime) -> Told:
    """A draft made final; one that can't be is looked at again later."""
    team = await teams.get(conn, due.team)
    if team is None:
        raise LookupError(due.team)  # it is referred to
    issuing = issuing._replace(grace=timedelta(0))
    if due.reason == ADVANCE:
        told = await finish(conn, team, due, issuing, now)
    else:
        told = await bill_period(conn, team, due.period, issuing, now, due.reason)
    if told.came == "failed":
        again = Until(now + LOOK_EVERY)
        await conn.execute(statement("keep_draft"), {"invoice_id": due.id, "finalise_at": again.at})
    return told


async def _looked(conn: Connection, watched: Watched, issuing: Issuing, after: timedelta, now: datetime) -> list[Told]:
    """Bills what a team owes by now, one period after the other, then the fees of the one that runs, in advance.

    The first period that can't be billed ends it.
    """
    log = await subscriptions.read(conn, watched.team.id)
    zone, since, told = watched.team.timezone, watched.since, list[Told]()
    for period in timeline.periods(log.standing, zone, since, now):
        if not since < period.end <= now - after:
            continue
        told.append(await bill_period(conn, watched.team, period, issuing, now))
        if told[-1].came == "failed":
            break
        since = period.end
    running, ahead = timeline.period_at(log.standing, zone, now), watched.ahead
    if running is not None and running.start != ahead and trial.ends_at(log.standing, now) is None:
        told.append(await bill_ahead(conn, watched.team, running, issuing, now))
        ahead = ahead if told[-1].came == "failed" else running.start
    ends = [period.end + after for period in timeline.periods(log.standing, zone, now - after, now)]
    soon = min([now + LOOK_EVERY, *(end for end in ends if end > now), *([running.end + after] if running else [])])
    failed = next((each for each in told if each.came == "failed"), None)
    row = {
        "team_id": watched.team.id,
        "since": since,
        "ahead": ahead,
        "next_at": now + LOOK_EVERY if failed else soon,
        "failures": watched.failures + 1 if failed else 0,
        "why": failed.why if failed else "",
    }
    await conn.execute(statement("move_billing_watch"), row)
    return told
