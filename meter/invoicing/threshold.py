"""Invoices before a period is over: as soon as what it costs and was not billed yet reaches the team's threshold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from meter import bill
from meter.bill import Draft, Reason, Standing
from meter.database import Connection
from meter.errors import Busy, InvoiceExists
from meter.invoicing import final
from meter.invoicing.run import Issuing, Told, bill_period
from meter.model import Team
from meter.rating.periods import Period
from meter.rating.plan import INVOICE
from meter.settings import Settings
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.thresholds import Threshold
from meter.windows import ORIGIN, QUARTER
from sql import statement

AT_ONCE = 500
NO_GRACE = timedelta(0)


class _Due(NamedTuple):
    """A team to look at, and when its data last changed."""

    team: Team
    threshold: Threshold
    as_of: datetime | None


async def turn(conn: Connection, settings: Settings, now: datetime) -> list[Told]:
    """Looks at teams whose usage may have reached their threshold; what came of those that have, or can't be billed.

    Usage counts up to the last whole quarter of an hour, so each team is looked at once in each. `conn` in autocommit
    mode: each team is by itself, and a turn that breaks off has lost nothing.
    """
    until = now - (now - ORIGIN) % QUARTER
    asked = {"until": until, "rows": AT_ONCE}
    rows = await (await conn.execute(statement("list_due_thresholds"), asked)).fetchall()
    told = [await _looked(conn, _due(row), Issuing(settings, NO_GRACE), until, now) for row in rows]
    return [each for each in told if each is not None and each.came in {"billed", "failed"}]


def _due(row: Sequence[Any]) -> _Due:
    *team, amount, recurring, version, changed_at, as_of = row
    threshold = Threshold(amount=amount, recurring=recurring, version=version, changed_at=changed_at)
    return _Due(Team(*team), threshold, as_of)


async def _looked(conn: Connection, due: _Due, issuing: Issuing, until: datetime, now: datetime) -> Told | None:
    """Bills a team if it is time; None where it has no period that runs until then.

    What came in the way at this very moment is looked at again in the next turn.
    """
    period = await _period(conn, due.team, until, now)
    told, prepare = None, partial(_prepare, due.threshold)
    if period is not None:
        told = await bill_period(conn, due.team, period, issuing, now, bill.PROGRESSIVE, prepare)
    why = told.why if told else ""
    if not why.startswith(f"{Busy.code}: "):
        noted = {"team_id": due.team.id, "version": due.threshold.version, "until": until, "as_of": due.as_of}
        await conn.execute(statement("note_threshold_look"), noted | {"why": why})
    return told


async def _period(conn: Connection, team: Team, until: datetime, now: datetime) -> Period | None:
    log = await subscriptions.read(conn, team.id)
    running = timeline.period_at(log.standing, team.timezone, now)
    if running is None or running.start >= until:
        return None
    return Period(running.start, until, running.zone, running.anchor_day)


async def _prepare(
    threshold: Threshold, conn: Connection, team: Team, period: Period, now: datetime, reason: Reason
) -> Draft | Standing | None:
    """The invoice of what was used so far, if what is to be paid by now reaches a threshold.

    First by what was rolled up, which is cheap; only what reaches it is proved, and asked once more. Where somebody
    billed a part of the period by hand, the rest waits for its end. Raises as `final.prepare`.
    """
    try:
        if not reached(await bill.price(conn, team, period, reason), threshold):
            return None
        prepared = await final.prepare(conn, team, period, now, reason)
    except InvoiceExists:
        return None
    return prepared if isinstance(prepared, Standing) or reached(prepared, threshold) else None


def reached(draft: Draft, threshold: Threshold) -> bool:
    """Whether what a draft of the period so far comes to, without taxes, is to be billed now; pure.

    Where usage is charged to an account as it happens there is nothing to wait for.
    """
    if threshold.amount is None or (draft.billed and not threshold.recurring):
        return False
    if any(part.plan.charge != INVOICE for part in draft.agreement.parts):
        return False
    return draft.document.net >= threshold.amount
