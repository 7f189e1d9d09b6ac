"""Which invoices are looked at again, and when? Those of a team before it is billed again, all others once a day."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from psycopg import InterfaceError, OperationalError

from meter import invoices, teams
from meter.adjustments.look import look
from meter.adjustments.store import Adjustment
from meter.database import Connection
from meter.errors import NotRateable, Problem, told
from meter.invoices import Invoice
from meter.model import Team
from sql import statement

_log = logging.getLogger(__name__)
FOR: Final = timedelta(days=92)
"""For how long after its period an invoice is looked at: what changes later is for `verify` to tell, and for people."""
EVERY: Final = timedelta(days=1)
AT_ONCE: Final = 50


class Looked(NamedTuple):
    """What a look found, and (in `why`, as `code: detail`) what it heard where it failed."""

    adjustment: Adjustment | None
    why: str = ""


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
        looked = await _look(conn, team, invoice, now)
        noted = {"invoice_id": invoice.id, "now": now, "why": looked.why}
        await conn.execute(statement("record_invoice_look"), noted)
        if looked.adjustment is not None:
            found.append(looked.adjustment)
    return found


async def _look(conn: Connection, team: Team, invoice: Invoice, now: datetime) -> Looked:
    """What one look finds; where it can't be told, that is said beside the invoice and stops no other.

    Raises what says that the database is away.
    """
    try:
        return Looked(await look(conn, team, invoice, now))
    except (OperationalError, InterfaceError):
        raise
    except (Problem, ValueError) as error:
        _log.warning("invoice %s can't be looked at again: %s", invoice.number, error)
        return Looked(None, told(error if isinstance(error, Problem) else NotRateable(str(error))))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this invoice's alone, and it is told
        _log.exception("invoice %s can't be looked at again", invoice.number)
        return Looked(None, told(error))
