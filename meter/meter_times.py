"""When was a meter made, when last changed, and since when is it used?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from meter.database import Connection
from sql import statement


class Times(NamedTuple):
    """When a meter was made, and last changed."""

    created_at: datetime
    changed_at: datetime


async def times_of(conn: Connection, team_id: int, slugs: Iterable[str]) -> dict[str, Times]:
    """When these meters of a team, or of the catalogue, were made and changed, by slug."""
    asked = {"team_id": team_id, "slugs": list(slugs)}
    rows = await (await conn.execute(statement("list_meter_times"), asked)).fetchall()
    return {slug: Times(created_at, changed_at) for slug, created_at, changed_at in rows}


async def first_used(conn: Connection, team_id: int, meter_id: int) -> datetime | None:
    """The start of the first day (UTC) that a team used a meter on; None where it never did."""
    asked = {"team_id": team_id, "meter_id": meter_id}
    row = await (await conn.execute(statement("find_first_use"), asked)).fetchone()
    first: datetime | None = row[0] if row else None
    return first
