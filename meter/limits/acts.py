"""Budgets set, changed and ended, in the caller's transaction; whoever decides by heart hears of it by the version."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from uuid_utils.compat import uuid7

from meter.database import Connection
from meter.errors import InvalidBudget, NotFound
from meter.ingest import load_meters
from meter.limits import foreseen, kept
from meter.limits.listing import Listed, of_row
from meter.limits.wish import Wish, wrong
from meter.model import Team
from sql import statement

MOST = 500
"""Budgets of a team that hold at a time: all of them are looked at with each call."""


async def create(conn: Connection, team: Team, wish: Wish, now: datetime) -> Listed:
    """Sets a budget.

    Raises InvalidBudget where there can't be such a one, where nobody is called that, or with too many of them.
    """
    if found := wrong(wish, await load_meters(conn, team.id)):
        raise InvalidBudget("; ".join(found))
    await kept.raise_version(conn, team.id)  # who comes at the same time waits here
    if len(await kept.budgets(conn, team.id)) >= MOST:
        raise InvalidBudget(f"at most {MOST} budgets at a time; end one, or set one that counts `each` apart")
    public_id = uuid7()
    row = {
        "public_id": public_id,
        "team_id": team.id,
        "name": wish.name,
        "measure": wish.measure,
        "amount": wish.amount,
        "span": wish.window,
        "seconds": wish.seconds,
        "meters": list(wish.meters),
        "each": list(wish.each),
        "hard": wish.hard,
        "opens": wish.opens,
        "now": now,
    }
    await conn.execute(statement("create_budget"), row | await _scope(conn, team, wish))
    return await get(conn, team.id, public_id)


async def get(conn: Connection, team_id: int, public_id: UUID) -> Listed:
    """A budget, also an ended one. Raises NotFound."""
    asked = {"team_id": team_id, "public_id": public_id, "before": None, "rows": 1, "ended": True, "only_member": None}
    row = await (await conn.execute(statement("list_known_budgets"), asked)).fetchone()
    if row is None:
        raise NotFound("there is no such budget")
    return of_row(row)


async def lock(conn: Connection, team_id: int, public_id: UUID) -> Listed:
    """A budget that holds, kept from others until the transaction ends. Raises NotFound."""
    await kept.raise_version(conn, team_id)
    found = await get(conn, team_id, public_id)
    if found.budget.ended_at is not None:
        raise NotFound("this budget was ended; set another one")
    return found


async def change(conn: Connection, locked: Listed, name: str, amount: Decimal, *, hard: bool, opens: bool) -> Listed:
    """Changes what may be changed of a locked budget: what it counts stays. One that stays as it is keeps its version.

    Raises InvalidBudget.
    """
    budget = locked.budget
    if (name, amount, hard, opens) == (budget.name, budget.amount, budget.hard, budget.opens):
        return locked
    wish = Wish(name, "calls", amount, "ever")
    if found := wrong(wish, {}):
        raise InvalidBudget("; ".join(found))
    row = {"id": budget.id, "name": name, "amount": amount, "hard": hard, "opens": opens}
    await conn.execute(statement("change_budget"), row)
    await foreseen.forget(conn, budget)
    return await get(conn, budget.team_id, budget.public_id)


async def end(conn: Connection, locked: Listed, now: datetime) -> Listed:
    """Ends a locked budget: it limits nothing any more, and its counters are forgotten in a while."""
    await conn.execute(statement("end_budget"), {"id": locked.budget.id, "now": now})
    await foreseen.forget(conn, locked.budget)
    return await get(conn, locked.budget.team_id, locked.budget.public_id)


async def _scope(conn: Connection, team: Team, wish: Wish) -> dict[str, int | None]:
    """The ids of whom a budget is for."""
    asked = {"team_id": team.id, "member": wish.member, "service": wish.service, "key": wish.key}
    ((member, service, key),) = await (await conn.execute(statement("find_scope"), asked)).fetchall()
    named = (("member", wish.member, member), ("service", wish.service, service), ("key", wish.key, key))
    if missing := [
        f"{what}: there is no {str(name)[:64]!r} in this team" for what, name, number in named if name and not number
    ]:
        raise InvalidBudget("; ".join(missing))
    return {"member_id": member, "service_id": service, "key_id": key}
