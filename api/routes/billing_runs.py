"""GET /v1/billing/runs: what did billing runs do, of the command and of the worker?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter

from api.auth import may
from api.errors import problems
from api.given import TheShell
from api.line_view import PeriodView, digits, period_view
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from meter.database import Connection
from meter.errors import NotFound
from meter.invoicing import report_read
from meter.invoicing.report import KINDS, Kind, Origin
from meter.invoicing.report_read import Result, Run

Came = Annotated[list[Kind] | None, QueryParameter(description="Only these; repeat it for several.")]


class RevenueView(msgspec.Struct, frozen=True):
    """What a run billed in one currency: by how many invoices that it made final, how much."""

    currency: str
    invoices: int
    total: str


class CameView(msgspec.Struct, frozen=True):
    """How many periods were billed, drafted, `there` already, or failed; and how many teams or periods were skipped."""

    billed: int
    draft: int
    there: int
    skipped: int
    failed: int


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A billing run: of the command, in the words of `said` and for a `month`, or a turn of the worker.

    Without `ended_at` it still goes on, or was broken off after `last_at`; it may be run again, nobody is billed twice.
    """

    id: UUID
    origin: Origin
    said: str
    month: str | None
    started_at: datetime
    last_at: datetime | None
    ended_at: datetime | None
    came: CameView
    revenue: list[RevenueView]


class ResultView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a team's period, null where none was to be billed: an invoice as it was then, or why none is."""

    team: UUID
    name: str
    period: PeriodView | None
    came: Kind
    why: str | None
    invoice: UUID | None
    number: str | None
    currency: str | None
    total: str | None
    at: datetime


@get("/v1/billing/runs", guards=[may("operate")], responses=problems(), tags=["operator"])
async def list_runs(shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[RunView]:
    """List billing runs, the last begun first; no turns of the worker that neither made nor missed anything."""
    async with shell.readers.connection() as conn:
        found = await report_read.runs(conn, row_of(cursor), limit + 1)
    return page(found, limit, run_view, lambda run: run.id)


@get("/v1/billing/runs/{run_id:uuid}", guards=[may("operate")], responses=problems(NotFound), tags=["operator"])
async def get_run(run_id: FromPath[UUID], shell: TheShell) -> RunView:
    """Show what one billing run did, in numbers."""
    async with shell.readers.connection() as conn:
        return run_view(await _found(conn, run_id))


@get(
    "/v1/billing/runs/{run_id:uuid}/results",
    guards=[may("operate")],
    responses=problems(NotFound),
    tags=["operator"],
)
async def list_run_results(
    run_id: FromPath[UUID], shell: TheShell, came: Came = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ResultView]:
    """List what came of each team in a billing run, as it came: with the reasons of those that were not billed."""
    async with shell.readers.connection() as conn:
        run = await _found(conn, run_id)
        found = await report_read.results(conn, run, came, row_of(cursor), limit + 1)
    return page(found, limit, _result, lambda each: each.id)


async def _found(conn: Connection, run_id: UUID) -> Run:
    run = await report_read.get(conn, run_id)
    if run is None:
        raise NotFound("there is no such billing run")
    return run


def run_view(run: Run) -> RunView:
    """A run in numbers."""
    return RunView(
        id=run.public_id,
        origin=run.origin,
        said=run.said,
        month=None if run.month is None else f"{run.month:%Y-%m}",
        started_at=run.started_at,
        last_at=run.last_at,
        ended_at=run.ended_at,
        came=CameView(**{kind: run.came.get(kind, 0) for kind in KINDS}),
        revenue=[RevenueView(each.currency, each.invoices, digits(each.total)) for each in run.revenue],
    )


def _result(each: Result) -> ResultView:
    return ResultView(
        team=each.team,
        name=each.name,
        period=None if each.period is None else period_view(each.period),
        came=each.came,
        why=each.why or None,
        invoice=each.invoice,
        number=each.number,
        currency=each.currency,
        total=None if each.total is None else digits(each.total),
        at=each.at,
    )


HANDLERS = (list_runs, get_run, list_run_results)
