"""Which billing runs were there, and what came of each team in one? Reports read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from meter.database import Connection
from meter.invoicing.report import Kind, Origin
from meter.invoicing.run import Sum
from meter.rating.periods import Period
from sql import statement


class Run(NamedTuple):
    """A run: how many results of each kind, and what was billed by currency.

    One without `ended_at` still goes on or was broken off; `last_at` is when it told of a team last.
    """

    id: int
    public_id: UUID
    origin: Origin
    said: str
    month: date | None
    started_at: datetime
    ended_at: datetime | None
    last_at: datetime | None
    came: Mapping[Kind, int]
    revenue: tuple[Sum, ...]


class Result(NamedTuple):
    """What came of a team's period, or of a team that has none to bill: an invoice, or why not."""

    id: int
    team: UUID
    name: str
    period: Period | None
    came: Kind
    why: str
    invoice: UUID | None
    number: str | None
    currency: str | None
    total: Decimal | None
    at: datetime


async def runs(conn: Connection, before: int | None, rows: int) -> list[Run]:
    """At most `rows` runs begun before one, the last begun first."""
    return await _runs(conn, {"before": before, "public_id": None, "rows": rows})


async def get(conn: Connection, public_id: UUID) -> Run | None:
    """The run with this id, None where there is none."""
    found = await _runs(conn, {"before": None, "public_id": public_id, "rows": 1})
    return found[0] if found else None


async def results(
    conn: Connection, run: Run, came: Sequence[Kind] | None, after: int | None, rows: int
) -> list[Result]:
    """At most `rows` results of a run, of some kinds or (None) of all, in the order in which they came."""
    asked = {"run_id": run.id, "came": None if came is None else list(came), "after": after, "rows": rows}
    found = await (await conn.execute(statement("list_billing_run_results"), asked)).fetchall()
    return [_result(row) for row in found]


async def _runs(conn: Connection, asked: Mapping[str, object]) -> list[Run]:
    found = await (await conn.execute(statement("list_billing_runs"), asked)).fetchall()
    return [Run._make((*row[:-1], tuple(map(_sum, row[-1])))) for row in found]


def _sum(stored: Sequence[Any]) -> Sum:
    currency, invoices, total = stored
    return Sum(currency, invoices, Decimal(total))


def _result(row: Sequence[Any]) -> Result:
    number, team, name, start, end, zone, *rest = row
    return Result(number, team, name, None if start is None else Period(start, end, zone), *rest)
