"""What does a team have now?"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from meter.database import Connection
from meter.errors import NoSubscription
from meter.model import Team
from meter.rating.periods import Period, month_period
from meter.subscriptions import store, timeline
from meter.subscriptions.store import Log
from meter.subscriptions.timeline import Stretch

CHOOSE = "choose one with PUT /v1/teams/{team}/subscription"


class Current(NamedTuple):
    """The plan at an instant with what belongs to it, the billing period then, and everything that was decided."""

    stretch: Stretch
    period: Period
    log: Log


async def current(conn: Connection, team: Team, now: datetime) -> Current:
    """What a team has at an instant. Raises NoSubscription."""
    found = of_log(await store.read(conn, team.id), team, now)
    if found is None:
        raise NoSubscription(CHOOSE)
    return found


def of_log(log: Log, team: Team, now: datetime) -> Current | None:
    """The same of a log that was read; None where there is no plan at that instant."""
    stretch = timeline.stretch_at(log.standing, now)
    period = timeline.period_at(log.standing, team.timezone, now)
    return None if stretch is None or period is None else Current(stretch, period, log)


async def running_period(conn: Connection, team: Team, now: datetime) -> Period:
    """The billing period that runs now; of a team without a plan, the calendar month."""
    log = await store.read(conn, team.id)
    return timeline.period_at(log.standing, team.timezone, now) or month_period(now, team.timezone)
