"""By which plan does a team pay, now and then?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from meter.database import Connection
from meter.errors import CurrencyMismatch, NoSubscription
from meter.model import Team
from meter.prices import name_of, plan_named
from meter.rating.book import Plan
from sql import statement

TICK = timedelta(microseconds=1)


class Subscription(NamedTuple):
    """A plan (`book/plan`) from an instant on, until another if it has ended; months begin on the anchor's day."""

    id: int
    plan: str
    anchor_day: int
    starts_at: datetime
    ends_at: datetime | None


def check_currency(team: Team, plan: Plan) -> None:
    """Raises CurrencyMismatch when the plan is not priced in the team's currency; we convert nothing."""
    if plan.currency != team.currency:
        raise CurrencyMismatch(f"{name_of(plan)} is priced in {plan.currency}, the team is billed in {team.currency}")


async def at(conn: Connection, team_id: int, until: datetime) -> Subscription:
    """The subscription that pays for what ends at `until`: the last that began before then.

    What ended before the first began is paid by the newest: usage may be sent for a time before its team was made.
    Raises NoSubscription.
    """
    row = await (await conn.execute(statement("find_subscription"), {"team_id": team_id, "until": until})).fetchone()
    if row is None:
        raise NoSubscription("choose one with PUT /v1/teams/{team}/subscription")
    return Subscription(*row)


async def current(conn: Connection, team_id: int) -> Subscription:
    """The subscription that goes on. Raises NoSubscription."""
    row = await (await conn.execute(statement("find_open_subscription"), {"team_id": team_id})).fetchone()
    if row is None:
        raise NoSubscription("choose one with PUT /v1/teams/{team}/subscription")
    return Subscription(*row)


async def begin(conn: Connection, team: Team, plan: str | None, default: str, now: datetime) -> None:
    """Gives a new team its first plan, in the caller's transaction: the one asked for, else the default.

    A team billed in a currency that the default has no prices in begins without a plan; it can't be billed until it
    gets one. Raises UnknownPlan, and CurrencyMismatch for a plan that was asked for.
    """
    chosen = plan_named(plan or default)
    if plan is None and chosen.currency != team.currency:
        return
    check_currency(team, chosen)
    await _start(conn, team.id, name_of(chosen), now)


async def change(conn: Connection, team: Team, plan: str, now: datetime) -> Subscription:
    """Puts the team on a plan from now on; on the same plan as before nothing changes.

    Raises UnknownPlan and CurrencyMismatch.
    """
    check_currency(team, plan_named(plan))
    async with conn.transaction():
        await conn.execute(statement("lock_team"), {"team_id": team.id})
        row = await (await conn.execute(statement("find_open_subscription"), {"team_id": team.id})).fetchone()
        if row is None:
            return await _start(conn, team.id, plan, now)
        old = Subscription(*row)
        if old.plan == plan:
            return old
        at = max(now, old.starts_at + TICK)
        await conn.execute(statement("end_subscription"), {"id": old.id, "at": at})
        return await _start(conn, team.id, plan, at)


async def end(conn: Connection, team_id: int, now: datetime) -> None:
    """Ends the plan that goes on, if there is one; what was used by then is still billed by it."""
    row = await (await conn.execute(statement("find_open_subscription"), {"team_id": team_id})).fetchone()
    if row is not None:
        old = Subscription(*row)
        await conn.execute(statement("end_subscription"), {"id": old.id, "at": max(now, old.starts_at + TICK)})


async def _start(conn: Connection, team_id: int, plan: str, at: datetime) -> Subscription:
    row = {"team_id": team_id, "plan": plan, "at": at}
    return Subscription(*(await (await conn.execute(statement("start_subscription"), row)).fetchall())[0])
