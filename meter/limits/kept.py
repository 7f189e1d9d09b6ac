"""Which budgets of a team hold; and the version of its limits, which says that they are others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from meter.database import Connection
from meter.limits.budget import Budget
from sql import statement

FIELDS: Final = (
    "id",
    "public_id",
    "team_id",
    "name",
    "measure",
    "amount",
    "window",
    "created_at",
    "seconds",
    "meters",
    "member_id",
    "service_id",
    "key_id",
    "each",
    "hard",
    "opens",
    "version",
    "ended_at",
    "divisor",
    "unit",
)


async def budgets(conn: Connection, team_id: int) -> list[Budget]:
    """The budgets of a team that hold, by id."""
    rows = await (await conn.execute(statement("list_budgets"), {"team_id": team_id})).fetchall()
    return [budget_of(row) for row in rows]


def budget_of(row: Sequence[Any]) -> Budget:
    """A budget as statements answer it."""
    named = dict(zip(FIELDS, row, strict=True))
    return Budget(**(named | {"meters": tuple(named["meters"]), "each": tuple(named["each"])}))


async def raise_version(conn: Connection, team_id: int) -> None:
    """Says that the limits of a team are others now, in the caller's transaction, which changes them."""
    await conn.execute(statement("raise_limit_version"), {"team_id": team_id})
