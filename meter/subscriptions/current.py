"""Which billing period of a team runs now?"""

from __future__ import annotations

from datetime import datetime

from meter.database import Connection
from meter.model import Team
from meter.rating.periods import Period, month_period
from meter.subscriptions import store, timeline


async def running_period(conn: Connection, team: Team, now: datetime) -> Period:
    """The billing period that runs now; of a team without a plan, the calendar month."""
    log = await store.read(conn, team.id)
    return timeline.period_at(log.standing, team.timezone, now) or month_period(now, team.timezone)
