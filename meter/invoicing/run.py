"""Bills one team's period and says what came of it, whatever that is: one team's trouble never stops the others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

from psycopg import InterfaceError, OperationalError

from meter import audit, bill, invoices
from meter.audit import Actor
from meter.bill import Draft, Standing
from meter.database import Connection
from meter.errors import InvoiceExists, Problem
from meter.invoices import Invoice
from meter.invoicing import final
from meter.model import Team
from meter.parties import seller
from meter.rating.periods import Period
from meter.settings import Settings
from sql import statement

_log = logging.getLogger(__name__)
Came = Literal["billed", "draft", "there", "failed", "waits"]
Prepare = Callable[[Connection, Team, Period, datetime, bill.Reason], Awaitable[Draft | Standing | None]]


class Issuing(NamedTuple):
    """How invoices are issued: by whose settings, and for how long after its period each stays a draft."""

    settings: Settings
    grace: timedelta


class Drafted(NamedTuple):
    """A draft that is to be made final: for which period, and why it was made."""

    id: int
    public_id: UUID
    team: UUID
    period: Period
    reason: bill.Reason


class Told(NamedTuple):
    """What came of a team's period: an invoice, made now or `there` before (in parts: none is named); or why not.

    It `waits` where it is not its time. Invoices are as in a list, since a run comes to thousands.
    """

    team: Team
    period: Period
    came: Came
    invoice: Invoice | None = None
    why: str = ""


class Skipped(NamedTuple):
    """A team that nothing was to be billed of, or not yet: why, and the period if there is one."""

    team: Team
    why: str
    period: Period | None = None
    came: Literal["skipped"] = "skipped"
    invoice: None = None


class Sum(NamedTuple):
    """What was billed in one currency: by how many invoices, how much."""

    currency: str
    invoices: int
    total: Decimal


async def bill_period(
    conn: Connection,
    team: Team,
    period: Period,
    issuing: Issuing,
    now: datetime,
    reason: bill.Reason = bill.PERIOD,
    prepare: Prepare | None = None,
) -> Told:
    """The invoice of a period, as a draft until its time of grace is over; or why there is none.

    That time begins with the period for fees in advance, and when it ends for all else.
    `prepare` may prepare it in another way, and say that it is not its time yet.
    Raises what says that the database is away: then nobody else can be billed either.
    """
    final_at = (period.start if reason == bill.ADVANCE else period.end) + issuing.grace
    try:
        until = None if now >= final_at else bill.Until(final_at)
        prepare = prepare or (final.prepare if until is None else bill.prepare)
        prepared = await prepare(conn, team, period, now, reason)
        if prepared is None:
            return Told(team, period, "waits")
        async with conn.transaction():
            made = await bill.conclude(conn, prepared, seller(issuing.settings), now, draft=until)
            invoice = await invoices.head(conn, made.public_id, team.id)
            if made.created and invoice is not None:
                await _record(conn, team, invoice, now)
    except Problem as problem:
        if isinstance(problem, InvoiceExists) and await _is_billed(conn, team, period, reason):
            return Told(team, period, "there")
        return Told(team, period, "failed", why=f"{problem.code}: {problem.detail}")
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this team's alone, and it is told
        _log.exception("team %s could not be billed for %s", team.public_id, period.start.isoformat())
        return Told(team, period, "failed", why=f"internal: {type(error).__name__}")
    drafted = invoice is not None and invoice.status == "draft"
    return Told(team, period, "draft" if drafted else "billed" if made.created else "there", invoice)


async def _is_billed(conn: Connection, team: Team, period: Period, reason: bill.Reason) -> bool:
    """Whether somebody billed a period in parts, and all of it."""
    asked = {"team_id": team.id, "reason": reason, "period_from": period.start, "period_to": period.end}
    row = await (await conn.execute(statement("is_billed"), asked)).fetchone()
    return bool(row and row[0])


async def _record(conn: Connection, team: Team, invoice: Invoice, now: datetime) -> None:
    action = "invoice.create" if invoice.status == "draft" else "invoice.finalize"
    after = {"number": invoice.number, "status": invoice.status, "total": f"{invoice.total:f} {invoice.currency}"}
    await audit.record(conn, Actor("system", now), action, audit.of(team, "invoice", invoice.public_id), None, after)


def revenue(told: Iterable[Told | Skipped]) -> list[Sum]:
    """What was billed, by currency; drafts and what was there before are not among it."""
    sums: dict[str, Sum] = {}
    for each in told:
        if each.came != "billed" or each.invoice is None:
            continue
        there = sums.get(each.invoice.currency, Sum(each.invoice.currency, 0, Decimal(0)))
        sums[each.invoice.currency] = there._replace(
            invoices=there.invoices + 1, total=there.total + each.invoice.total
        )
    return [sums[currency] for currency in sorted(sums)]
