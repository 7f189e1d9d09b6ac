"""What is used and has no price? Never zero, but an alarm: until a price is in force, there is no invoice either."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from meter import bill, checks
from meter.agreement import agreed
from meter.checks import Finding
from meter.database import Connection
from meter.errors import Problem
from meter.model import Team
from meter.prices import store
from meter.prices.schedule import Schedule
from meter.rating.invoice import unpriced_rows
from meter.rating.periods import Period
from meter.rating.usage import Usage
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.subscriptions.store import Log
from sql import statement

NAME: Final = checks.USAGE_HAS_PRICES
SAYS: Final = (
    "What teams on a plan use, and is to be paid for, has a price by what is in force: in the running billing period "
    "and in the last one."
)
MOST_KEPT: Final = 1000
"""So many findings are kept to be shown; the first are those of the teams that are there longest."""

_TWO_PERIODS: Final = timedelta(days=64)
_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """Usage of a meter that a team's plan, `book/plan`, has no price for, in the billing period [start, end)."""

    team: UUID
    name: str
    plan: str
    meter: str
    quantity: Decimal
    start: datetime
    end: datetime

    def row(self) -> dict[str, object]:
        """As a check's row, which JSON can hold."""
        return {
            "team": str(self.team),
            "name": self.name,
            "plan": self.plan,
            "meter": self.meter,
            "quantity": f"{self.quantity:f}",
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
        }


async def of_team(conn: Connection, team: Team, now: datetime) -> list[Found]:
    """What a team has used without a price in its last billing period and in the running one, as of now.

    A period that can't be priced at all, for another reason, has none here: its invoice says why.
    """
    return await _of_team(conn, team, await store.read(conn), now, None)


async def of_all(conn: Connection, now: datetime) -> list[Found]:
    """The same of every team; only the usage of teams that may have some is read, so it may be asked often."""
    asked = {"team_id": None, "since": now - _TWO_PERIODS}
    used: defaultdict[int, list[Usage]] = defaultdict(list)
    for team_id, meter, dimensions in await (await conn.execute(statement("list_labels_used"), asked)).fetchall():
        used[team_id].append(_some(meter, dimensions))
    rows = await (await conn.execute(statement("list_teams_by_id"), {"ids": list(used)})).fetchall()
    books = await store.read(conn)
    found: list[Found] = []
    for team in sorted((Team(*row) for row in rows), key=lambda team: team.id):
        found += await _of_team(conn, team, books, now, tuple(used[team.id]))
    return found


def _some(meter: str, dimensions: Mapping[str, Any]) -> Usage:
    """A bit of usage with these labels: whether there is a price for it does not go by how much it is."""
    return Usage(meter, Decimal(1), dimensions=tuple(sorted((name, str(value)) for name, value in dimensions.items())))


async def _of_team(
    conn: Connection, team: Team, books: Schedule, now: datetime, used: tuple[Usage, ...] | None
) -> list[Found]:
    found: list[Found] = []
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        log = await subscriptions.read(conn, team.id)
        for period in _periods(team, log, now):
            if used is None or may_lack(team, log, books, period, used):
                found += await _exactly(conn, team, log, books, period)
    return found


def _periods(team: Team, log: Log, now: datetime) -> Iterable[Period]:
    both = (
        timeline.previous_period(log.standing, team.timezone, now),
        timeline.period_at(log.standing, team.timezone, now),
    )
    return (period for period in both if period is not None)


def may_lack(team: Team, log: Log, books: Schedule, period: Period, used: tuple[Usage, ...]) -> bool:
    """Whether some of what a team used lately has no price by a plan of this period; pure."""
    try:
        agreement = agreed(team, log.standing, books, period)
        return any(unpriced_rows(part.plan, used, period) for part in agreement.parts)
    except Problem:
        return False  # it has no plan, or can't be billed by the one it has: not for want of a price
    except ValueError:
        return True  # what it used in truth, and when, decides


async def _exactly(conn: Connection, team: Team, log: Log, books: Schedule, period: Period) -> list[Found]:
    try:
        async with conn.transaction():
            draft = await bill.draft(conn, team, period, books, log)
    except Problem:
        return []
    return [
        Found(team.public_id, team.name, draft.plan, each.meter, each.quantity, period.start, period.end)
        for each in draft.rated.unpriced
    ]


async def look(conn: Connection, now: datetime) -> Finding:
    """What of all teams has no price, as a check's finding."""
    began = time.monotonic()
    found = await of_all(conn, now)
    return Finding(NAME, SAYS, [each.row() for each in found], None, time.monotonic() - began)


async def last(conn: Connection) -> checks.Result | None:
    """What the worker found last; None before its first look."""
    return next((each for each in await checks.last(conn) if each.name == NAME), None)


async def turn(conn: Connection, now: datetime) -> str | None:
    """Looks, keeps what was found, and logs what was not there the last time."""
    before = await last(conn)
    finding = await look(conn, now)
    await checks.keep_one(conn, finding, MOST_KEPT, now)
    for row in news(finding.rows[:MOST_KEPT], [] if before is None else before.rows):
        _log.warning("no price for %s, which team %s uses on %s", row["meter"], row["team"], row["plan"])
    if not finding.rows:
        return None
    teams = len({row["team"] for row in finding.rows})
    return f"{teams} teams use what has no price: GET /v1/prices/unpriced lists it"


def news(found: Sequence[dict[str, object]], before: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """The first row of each team and meter that was in none before."""
    seen = {(row["team"], row["meter"]) for row in before}
    new: list[dict[str, object]] = []
    for row in found:
        if (row["team"], row["meter"]) not in seen:
            seen.add((row["team"], row["meter"]))
            new.append(row)
    return new
