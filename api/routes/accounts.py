"""/v1/billing/account and what was booked on it: balance, transactions, what usage took and for whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.params import QueryParameter

from api.auth import may
from api.credit_view import (
    AccountView,
    Services,
    Stats,
    TransactionView,
    UsageRecord,
    account_view,
    as_table,
    services_view,
    stats_view,
    transaction_view,
    usage_record,
)
from api.errors import problems
from api.formats import MEDIA_TYPES, format_of
from api.given import TheShell, TheTeam
from api.openapi import FORMS
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.questions import instant_of, range_of
from api.request import Request
from meter.errors import InvalidParameter, NoAccount, NotFound
from meter.ledger import history, spending
from meter.ledger.accounts import account_of
from meter.ledger.history import Wanted
from meter.ledger.store import Kind, look

MOST_GRANTS = 100
MOST_ROWS = 100_000
"""Transactions that a CSV has at most; a longer range is asked for in parts."""

AskedKey = Annotated[
    UUID | None, QueryParameter(name="key", description="The account of this key of the team, in place of the team's.")
]
From = Annotated[
    str | None,
    QueryParameter(name="from", description="RFC 3339 with a zone, a date (midnight in the team's zone), or now-7d."),
]
To = Annotated[str | None, QueryParameter(name="to", description="The instant after the last one, as `from`; or now.")]
Kinds = Annotated[list[Kind] | None, QueryParameter(name="kind", description="Only these; repeat it for several.")]
Form = Annotated[Literal["json", "csv"] | None, QueryParameter(name="format", description="In place of Accept.")]


@get("/v1/billing/account", guards=[may("view_billing")], responses=problems(NotFound, NoAccount), tags=["credits"])
async def get_account(team: TheTeam, shell: TheShell, key: AskedKey = None) -> AccountView:
    """Show what there is on the team's account, or on that of a key: balance, reserved, owed, grants, caps.

    A team has one from the first credits on (`no_account` before).
    """
    now = shell.clock()
    async with shell.readers.connection() as conn, conn.transaction():
        account = await account_of(conn, team, key)
        wallet = await look(conn, account.id)
        grants = await history.standing_grants(conn, account.id, MOST_GRANTS)
        return account_view(account, wallet, grants, await spending.caps(conn, account), now)


@get(
    "/v1/billing/transactions",
    guards=[may("view_billing")],
    responses=problems(NotFound, NoAccount, InvalidParameter),
    tags=["credits"],
    opt={FORMS: (MEDIA_TYPES["csv"],)},
)
async def list_transactions(  # noqa: PLR0913, PLR0917 (a query parameter each)
    request: Request,
    team: TheTeam,
    shell: TheShell,
    key: AskedKey = None,
    kind: Kinds = None,
    from_: From = None,
    to: To = None,
    form: Form = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[Page[TransactionView]]:
    """List what was booked, the last booked first: of some kinds, in a range. CSV has all of it without pages."""
    since, until = _bounds(team.timezone, shell.clock(), from_, to)
    wanted = Wanted(tuple(kind or ()), since, until, row_of(cursor))
    csv = format_of(request, form, ("json", "csv")) == "csv"
    async with shell.readers.connection() as conn:
        account = await account_of(conn, team, key)
        rows = await history.transactions(conn, account.id, wanted, MOST_ROWS + 1 if csv else limit + 1)
    if not csv:
        return Response(page(rows, limit, transaction_view, lambda each: each.id))
    if len(rows) > MOST_ROWS:
        raise InvalidParameter(f"more than {MOST_ROWS} transactions; ask for a shorter range")
    return cast("Response[Page[TransactionView]]", Response(as_table(rows), media_type=MEDIA_TYPES["csv"]))


@get("/v1/billing/usage", guards=[may("view_billing")], responses=problems(NotFound, NoAccount), tags=["credits"])
async def list_usage(
    team: TheTeam,
    shell: TheShell,
    key: AskedKey = None,
    from_: From = None,
    to: To = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[UsageRecord]:
    """List each use that was paid of the account, the last booked first: what it took, for whom and for which meter."""
    since, until = _bounds(team.timezone, shell.clock(), from_, to)
    wanted = Wanted(("usage_deduction",), since, until, row_of(cursor))
    async with shell.readers.connection() as conn:
        account = await account_of(conn, team, key)
        rows = await history.transactions(conn, account.id, wanted, limit + 1)
    return page(rows, limit, usage_record, lambda each: each.id)


@get("/v1/billing/stats", guards=[may("view_billing")], responses=problems(NotFound, NoAccount), tags=["credits"])
async def get_stats(team: TheTeam, shell: TheShell, key: AskedKey = None, from_: From = None, to: To = None) -> Stats:
    """Show what went in and out of the account, in this month or a range: by kind, meter, service and member."""
    since, until = _range(team.timezone, shell.clock(), from_, to)
    before = timedelta(microseconds=1)
    async with shell.readers.connection() as conn, conn.transaction():
        account = await account_of(conn, team, key)
        opening = await history.balance_at(conn, account.id, since - before)
        closing = await history.balance_at(conn, account.id, until - before)
        booked = await spending.booked(conn, account.id, since, until)
        rows = await spending.spending(conn, account.id, since, until)
    return stats_view(account.unit, opening, closing, booked, rows, since, until)


@get("/v1/billing/services", guards=[may("view_billing")], responses=problems(NotFound, NoAccount), tags=["credits"])
async def list_services(
    team: TheTeam, shell: TheShell, key: AskedKey = None, from_: From = None, to: To = None
) -> Services:
    """Show what each service (workspace) took of the account, in this month or a range, the most first."""
    since, until = _range(team.timezone, shell.clock(), from_, to)
    async with shell.readers.connection() as conn:
        account = await account_of(conn, team, key)
        rows = await spending.spending(conn, account.id, since, until)
    return services_view(rows, account.unit, since, until)


def _bounds(zone: str, now: datetime, from_: str | None, to: str | None) -> tuple[datetime | None, datetime | None]:
    """Both ends, either of which may be open."""
    known = ZoneInfo(zone)
    return (
        None if from_ is None else instant_of("from", from_, known, now),
        None if to is None else instant_of("to", to, known, now),
    )


def _range(zone: str, now: datetime, from_: str | None, to: str | None) -> tuple[datetime, datetime]:
    """The range asked for; this calendar month of the zone so far where none is."""
    known = ZoneInfo(zone)
    asked = range_of(from_, to, known, now)
    return asked or (instant_of("from", f"{now.astimezone(known):%Y-%m}-01", known), now)


HANDLERS = (get_account, list_transactions, list_usage, get_stats, list_services)
