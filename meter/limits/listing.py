"""Budgets as people see them: whom each is for, and how far its counters of now are used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from meter.database import Connection
from meter.limits import foreseen, store
from meter.limits.budget import Budget
from meter.limits.expected import Told
from meter.limits.foreseen import Known
from meter.limits.kept import FIELDS, budget_of
from meter.limits.path import NOTHING, CounterKey, Limit, Use, limits
from meter.limits.prices import plans
from meter.limits.verdict import Slot, Standing
from meter.limits.window import SINCE, oldest
from meter.model import Team
from meter.prices import store as prices
from meter.rating.money import exact
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.windows import MOMENT
from sql import statement

MOST_COUNTERS: Final = 100
"""Counters of one budget that are shown, the most used first."""


class Listed(NamedTuple):
    """A budget with the names of whom it is for; None: anybody's."""

    budget: Budget
    member: str | None
    service: str | None
    key: UUID | None


class Whose(NamedTuple):
    """Whom a counter is of, where its budget tells them apart; None: nobody's, or not told apart."""

    member: str | None
    service: str | None
    key: UUID | None
    meter: str | None


class Shown(NamedTuple):
    """How far a budget is used by somebody in the window of now, which began at `start`, and what is expected of it."""

    whose: Whose
    start: datetime
    standing: Standing
    told: Told | None


class Counted(NamedTuple):
    """A budget's counters of now, the most used first; `more` where there are others. None of one that was ended."""

    listed: Listed
    counters: Sequence[Shown]
    more: bool


def of_row(row: Sequence[Any]) -> Listed:
    """A budget as statements answer it, with names after it."""
    width = len(FIELDS)
    return Listed(budget_of(row[:width]), *row[width : width + 3])


async def page(
    conn: Connection, team_id: int, before: UUID | None, rows: int, *, ended: bool, only_member: str | None = None
) -> list[Listed]:
    """At most `rows` budgets of a team, newest first, before one; those that were ended only where asked for.

    With `only_member` none that is for another member.
    """
    asked = {
        "team_id": team_id,
        "public_id": None,
        "before": before,
        "rows": rows,
        "ended": ended,
        "only_member": only_member,
    }
    return [of_row(row) for row in await (await conn.execute(statement("list_known_budgets"), asked)).fetchall()]


async def counted(
    conn: Connection, team: Team, listed: Sequence[Listed], now: datetime, only_member: str | None = None
) -> list[Counted]:
    """Budgets with how far they are used. The counter of all is made where nobody asked yet; only those of one member.

    `conn` is in autocommit mode.
    """
    holding = [each for each in listed if each.budget.ended_at is None]
    log = await subscriptions.read(conn, team.id)
    billing = timeline.period_at(log.standing, team.timezone, now)
    zone = ZoneInfo(team.timezone)
    found: dict[int, Limit] = {}
    for each in holding:
        budget = each.budget
        use = Use(
            budget.member_id or 0,
            budget.service_id or 0,
            budget.key_id or 0,
            now,
            dict.fromkeys(budget.meters or ("",), NOTHING),
        )
        found[budget.id] = limits([budget], (), use, zone, billing)[0]
    whole = [found[each.budget.id] for each in holding if not each.budget.each]
    if whole:
        await store.ensure(conn, team, whole, now)
    shown: dict[int, list[Shown]] = {}
    asked = {
        "team_id": team.id,
        "budgets": list(found),
        "starts": [(limit.head or limit.key).starts_at for limit in found.values()],
        "since": [_since(limit, now) for limit in found.values()],
        "head": SINCE,
        "most": MOST_COUNTERS + 1,
        "only_member": only_member,
    }
    rows = await (await conn.execute(statement("list_standings_of_budgets"), asked)).fetchall()
    known = await foreseen.read(conn, team.id, [each.budget for each in holding], now)
    for budget_id, *rest in rows:
        shown.setdefault(budget_id, []).append(_shown(found[budget_id], rest, now, known))
    return [_of(each, shown.get(each.budget.id, [])) for each in listed]


def _of(listed: Listed, shown: Sequence[Shown]) -> Counted:
    return Counted(listed, shown[:MOST_COUNTERS], len(shown) > MOST_COUNTERS)


def _since(limit: Limit, now: datetime) -> datetime:
    """Since when slots are not out of a sliding window."""
    budget = limit.budget
    return oldest(budget.seconds, now) if isinstance(budget, Budget) and budget.seconds is not None else SINCE


@exact()
def _shown(limit: Limit, row: Sequence[Any], now: datetime, known: Known) -> Shown:
    member_id, service_id, key_id, meter, used, reserved, starts, taken, member, service, public_key = row
    key = CounterKey(limit.key.budget_id, "", member_id, service_id, key_id, meter, limit.key.starts_at)
    slots = tuple(map(Slot, starts, taken))
    limit, start, told = limit._replace(key=key), limit.key.starts_at, None
    if isinstance(limit.budget, Budget):
        told = known.of(limit.budget, limit)
        start = start if limit.budget.seconds is None else now - timedelta(seconds=limit.budget.seconds)
    whose = Whose(member, service, public_key, meter or None)
    return Shown(whose, start, Standing(limit, used, reserved, slots), told)


async def currency(conn: Connection, team: Team, now: datetime) -> str:
    """The currency that budgets of money are in: that of the prices which the team pays by, else the team's own."""
    changes = (await subscriptions.read(conn, team.id)).standing
    books = await prices.read(conn)
    priced = next(plans(team, changes, books, now, now + MOMENT), None)
    return team.currency if priced is None else priced.plan.currency
