"""How does a team stand? What it has to pay, what it paid this year, which invoice came last and which comes next."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter import invoices, usage_summary, windows
from meter.bill import Draft
from meter.database import Connection
from meter.errors import Problem
from meter.invoices import Invoice, State, Wanted
from meter.invoicing import foresee
from meter.model import Team
from meter.rating.periods import Period
from meter.settings import Settings
from meter.subscriptions import store as subscriptions
from meter.subscriptions import timeline
from meter.usage_summary import Owed
from sql import statement

FINAL: tuple[State, ...] = ("open", "paid", "uncollectible")
MOST_DRAFTS = 100


class Balance(NamedTuple):
    """How a team stands in one currency; of what is `outstanding` a part is `overdue`. `paid` is of this year."""

    currency: str
    open_invoices: int
    outstanding: Decimal
    overdue_invoices: int
    overdue: Decimal
    paid: Decimal


class Next(NamedTuple):
    """The invoice that comes next: when it is made and final, for which period, and what it comes to by now.

    `draft` is there where it waits to be final; of a running period `owed` is known, or the Problem that says why not,
    and `foreseen`, with what credits would pay.
    """

    period: Period
    made_at: datetime
    final_at: datetime
    draft: Invoice | None = None
    owed: Owed | Problem | None = None
    foreseen: Draft | None = None


class Summary(NamedTuple):
    """Balances by currency, none before the first invoice; `year` is the one of `paid`. None for no such invoice."""

    year: int
    balances: tuple[Balance, ...]
    last: Invoice | None
    coming: Next | None


async def read(conn: Connection, team: Team, settings: Settings, now: datetime) -> Summary:
    """How a team stands now."""
    start = windows.floor(now, "year", ZoneInfo(team.timezone))
    end = windows.following(start, "year", ZoneInfo(team.timezone))
    asked = {"team_id": team.id, "now": now, "starts_at": start, "ends_at": end}
    rows = await (await conn.execute(statement("sum_invoice_balances"), asked)).fetchall()
    last = await invoices.list_invoices(conn, team.id, None, 1, Wanted(FINAL, now))
    return Summary(
        now.astimezone(ZoneInfo(team.timezone)).year,
        tuple(map(Balance._make, rows)),
        last[0] if last else None,
        await coming(conn, team, settings, now),
    )


async def coming(conn: Connection, team: Team, settings: Settings, now: datetime) -> Next | None:
    """The draft that becomes final first, or the invoice of the running period; None of a team without a plan."""
    drafts = await invoices.list_invoices(conn, team.id, None, MOST_DRAFTS, Wanted(("draft",), now))
    due = [(each.finalise_at, each) for each in drafts if each.finalise_at is not None]
    if due:
        at, draft = min(due, key=lambda pair: pair[0])
        return Next(draft.period, draft.created_at, at, draft)
    log = await subscriptions.read(conn, team.id)
    period = timeline.period_at(log.standing, team.timezone, now)
    if period is None:
        return None
    after, grace = (timedelta(hours=hours) for hours in (settings.bill_after_hours, settings.invoice_grace_hours))
    owed = await usage_summary.costs(conn, team, period, now)
    foreseen = await foresee.foreseen(conn, owed.draft, now) if isinstance(owed, Owed) else None
    return Next(period, period.end + after, period.end + max(after, grace), owed=owed, foreseen=foreseen)
