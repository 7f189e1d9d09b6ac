"""/v1/billing/current, history and summary: what does a team pay, month by month and by now?"""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from litestar import get
from litestar.params import QueryParameter

from api.auth import may
from api.billing_view import CurrentView, History, SummaryView, history_view, no_cost, spend_view, summary_view
from api.errors import problems
from api.given import TheShell, TheTeam
from api.invoice_view import expected_view
from api.line_view import period_view
from api.owed_view import balance_view, owed_view
from meter import billing_history, billing_summary, spend, usage_summary
from meter.errors import NotFound
from meter.invoicing import foresee
from meter.ledger import store as ledger
from meter.spend import Spend
from meter.subscriptions.current import running_period
from meter.usage_summary import Owed

Months = Annotated[int, QueryParameter(ge=1, le=60, description="How many months, the running one among them.")]
HALF_A_YEAR = 6


@get("/v1/billing/current", guards=[may("view_billing")], responses=problems(NotFound), tags=["billing"])
async def get_current(team: TheTeam, shell: TheShell) -> CurrentView:
    """Show what the running billing period costs by now, line by line, and where that will be at its end.

    And what the plan includes of it, how many days are left, the team's account, and what credits would pay of it.
    `forecast` is what the invoice comes to by the forecasts of its meters, rated with all that is agreed. What a
    threshold had billed before is taken off; `unpriced` usage is in no sum.
    """
    now = shell.clock()
    async with shell.readers.connection() as conn:
        period = await running_period(conn, team, now)
        owed = await usage_summary.costs(conn, team, period, now)
        known = owed if isinstance(owed, Owed) else None
        foreseen = None if known is None else await foresee.foreseen(conn, known.draft, now)
        ahead = None if known is None else await spend.read(conn, team, known.draft, now)
        account = (await ledger.find(conn, team.id)).get(None)
        wallet = None if account is None else await ledger.look(conn, account.id)
    return CurrentView(
        period=period_view(period),
        days_left=(period.last_day - now.astimezone(ZoneInfo(period.zone)).date()).days + 1,
        as_of=None if known is None else known.draft.billable.as_of,
        cost=None if known is None else owed_view(known, period, now),
        no_cost=no_cost(owed),
        expected=None if foreseen is None else expected_view(foreseen),
        forecast=spend_view(ahead) if isinstance(ahead, Spend) else None,
        no_forecast=no_cost(ahead),
        account=None if wallet is None else balance_view(wallet, now),
    )


@get("/v1/billing/history", guards=[may("view_billing")], responses=problems(NotFound), tags=["billing"])
async def get_history(team: TheTeam, shell: TheShell, months: Months = HALF_A_YEAR) -> History:
    """Show what was billed month by month, the running month first: how many invoices, and what they come to.

    An invoice belongs to the month that its period began in, by the clock of the team's zone. Drafts and void ones are
    counted and in no sum.
    """
    async with shell.readers.connection() as conn:
        found = await billing_history.read(conn, team, months, shell.clock())
    return history_view(team.timezone, found)


@get("/v1/billing/summary", guards=[may("view_billing")], responses=problems(NotFound), tags=["billing"])
async def get_summary(team: TheTeam, shell: TheShell) -> SummaryView:
    """Show what the team has to pay, what of it is overdue, what it paid this year, its last and its next invoice."""
    async with shell.readers.connection() as conn:
        return summary_view(await billing_summary.read(conn, team, shell.settings, shell.clock()))


HANDLERS = (get_current, get_history, get_summary)
