"""Which invoices are looked at again, and when? Those of a team before it is billed again, all others once a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from meter import invoices, teams
from meter.adjustments.look import look
from meter.adjustments.store import Adjustment
from meter.database import Connection
from meter.model import Team
from sql import statement

FOR: Final = timedelta(days=92)
"""For how long after its period an invoice is looked at: what changes later is for `verify` to tell, and for people."""
EVERY: Final = timedelta(days=1)
AT_ONCE: Final = 50


async def of_team(conn: Connection, team: Team, now: datetime) -> list[Adjustment]:
    """What is found of a team's final invoices. `conn` in autocommit mode."""
    asked = {"team_id": team.id, "since": now - FOR}
    rows = await (await conn.execute(statement("list_invoices_of_team_since"), asked)).fetchall()
    return await _looked(conn, team, [row[0] for row in rows], now)


async def turn(conn: Connection, now: datetime) -> list[Adjustment]:
    """What is found of invoices that are due to be looked at; some at a time. `conn` in autocommit mode."""
    asked = {"since": now - FOR, "looked_before": now - EVERY, "rows": AT_ONCE}
    rows = await (await conn.execute(statement("list_invoices_to_look_at"), asked)).fetchall()
    found: list[Adjustment] = []
    for team_id, public_id in rows:
        team = await teams.get(conn, team_id)
        if team is None:
            raise LookupError(team_id)  # it is referred to
        found += await _looked(conn, team, [public_id], now)
    return found


async def _looked(conn: Connection, team: Team, ids: Iterable[UUID], now: datetime) -> list[Adjustment]:
    found = []
    for public_id in ids:
        invoice = await invoices.get(conn, public_id, team.id)
        if invoice is None:
            continue
        adjustment = await look(conn, team, invoice, now)
        await conn.execute(statement("record_invoice_look"), {"invoice_id": invoice.id, "now": now})
        if adjustment is not None:
            found.append(adjustment)
    return found
