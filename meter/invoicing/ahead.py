"""Fees that are billed before their period: an invoice of their own, as soon as it has begun."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from meter import audit, bill
from meter.audit import Actor
from meter.bill import Draft, Standing
from meter.database import Connection
from meter.errors import InvoiceState, NotFound
from meter.invoicing import change
from meter.invoicing.run import Drafted, Issuing, Told, bill_period
from meter.model import Team
from meter.rating.periods import Period
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline


async def bill_ahead(conn: Connection, team: Team, period: Period, issuing: Issuing, now: datetime) -> Told:
    """The invoice of the fees that are owed before a period, which has begun; it `waits` where none are.

    Raises as `bill_period`.
    """
    return await bill_period(conn, team, period, issuing, now, bill.ADVANCE, _prepare)


async def finish(conn: Connection, team: Team, draft: Drafted, issuing: Issuing, now: datetime) -> Told:
    """A draft of fees in advance made final, or discarded where they are not owed in advance any more.

    That is so where the plan became another, or the period ended: then its own invoice has all of it. Raises as
    `bill_period`.
    """
    told = await bill_ahead(conn, team, draft.period, issuing, now)
    if told.came == "waits":
        with suppress(NotFound, InvoiceState):  # somebody else was faster
            await _discard(conn, team, draft, now)
    return told


async def _discard(conn: Connection, team: Team, draft: Drafted, now: datetime) -> None:
    async with conn.transaction():
        await change.discard(conn, draft.public_id, team.id)
        target = audit.of(team, "invoice", draft.public_id)
        await audit.record(conn, Actor("system", now), "invoice.discard", target, {"status": "draft"}, None)


async def _prepare(
    conn: Connection, team: Team, period: Period, now: datetime, reason: bill.Reason
) -> Draft | Standing | None:
    log = await subscriptions.read(conn, team.id)
    running = timeline.period_at(log.standing, team.timezone, now)
    if running is None or (running.start, running.end) != (period.start, period.end):
        return None
    prepared = await bill.prepare(conn, team, period, now, reason)
    return None if isinstance(prepared, Draft) and not prepared.document.lines else prepared
