"""/v1/billing/late-usage and /v1/billing/policy: what changed after its invoice, and what becomes of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, QueryParameter

from api import versions
from api.auth import may, maybe_team
from api.calculation_given import Instant
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.questions import instant_of
from api.routes.invoice_life import Note
from api.versions import IfMatch
from meter import teams
from meter.adjustments import store, told
from meter.adjustments.decide import Policy
from meter.adjustments.told import State, Told
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    InvalidBody,
    InvoiceState,
    NotFound,
    TeamDeleted,
    UnsupportedEncoding,
)
from meter.model import Team

LATE = "/v1/billing/late-usage"
POLICY = "/v1/billing/policy"
Since = Annotated[Instant | None, QueryParameter(name="from", description="Found at this time or later.")]
Until = Annotated[Instant | None, QueryParameter(name="to", description="Found before this time.")]
OfState = Annotated[State | None, QueryParameter(name="state", description="Only those in this state.")]


class NewPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of usage that changes after its invoice: `next_invoice`, `credit_note` or `write_off`."""

    late_usage: Policy


class PolicyView(msgspec.Struct, frozen=True):
    """What the team has agreed to; `version` is the ETag, at first 0."""

    late_usage: Policy
    version: int


class CameView(msgspec.Struct, frozen=True):
    """What came of a meter: events that came late, and ones that the invoice counted and that were corrected since."""

    meter: str
    late: int
    corrected: int


class ChangedLine(msgspec.Struct, frozen=True):
    """By how much a line differs: its quantity, its amount after coupons, and that with taxes."""

    description: str
    meter: str
    quantity: Decimal
    unit: str
    amount: Decimal
    total: Decimal


class DocumentName(msgspec.Struct, frozen=True):
    """An invoice or a credit note."""

    id: UUID
    number: str


class LateUsageView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What changed of an invoice's period after it was final: its total was `before`, and would be `after`.

    `state` is `waiting` for the next invoice, `billed` or `credited` by the document `on`, `written_off`, or
    `withdrawn` with an invoice that is void.
    """

    id: UUID
    team: UUID
    invoice: DocumentName
    from_: datetime
    to: datetime
    found_at: datetime
    currency: str
    before: Decimal
    after: Decimal
    amount: Decimal
    meters: tuple[CameView, ...]
    lines: tuple[ChangedLine, ...]
    state: State
    on: DocumentName | None
    note: str


@get(
    LATE,
    guards=[may("view_billing")],
    dependencies={"team": Provide(maybe_team)},
    responses=problems(NotFound),
    tags=["billing"],
)
async def list_late_usage(
    team: NamedDependency[Team | None],
    shell: TheShell,
    since: Since = None,
    until: Until = None,
    in_state: OfState = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[LateUsageView]:
    """Report usage that changed after its invoice was final, newest first: of all teams with the operator's key alone.

    Invoices of the last 92 days are looked at once a day, and before the team is billed again.
    """
    zone = ZoneInfo(team.timezone if team else "UTC")
    found_from = None if since is None else instant_of("from", since, zone, shell.clock())
    found_until = None if until is None else instant_of("to", until, zone, shell.clock())
    wanted = told.Wanted(team.id if team else None, found_from, found_until, in_state)
    async with shell.readers.connection() as conn:
        rows = await told.listed(conn, wanted, row_of(cursor), limit + 1)
    return page(rows, limit, _view, lambda row: row.id)


@post(
    f"{LATE}/{{adjustment_id:uuid}}/write-off",
    guards=[may("operate")],
    status_code=204,
    responses=problems(NotFound, InvoiceState, InvalidBody, BodyTooLarge, UnsupportedEncoding),
    tags=["billing"],
)
async def write_off_late_usage(
    adjustment_id: FromPath[UUID], data: JSONBody[Note], team: TheTeam, actor: TheActor, shell: TheShell
) -> None:
    """Decide that nobody bills, or is given back, a difference that waits for the next invoice."""
    async with shell.pool.connection() as conn, conn.transaction():
        await told.write_off(conn, team, adjustment_id, data.note, actor)


@get(POLICY, guards=[may("view_billing")], responses=problems(NotFound), tags=["billing"])
async def get_billing_policy(team: TheTeam, shell: TheShell) -> Response[PolicyView]:
    """Show what becomes of usage that changes after its invoice, with the policy's version as ETag."""
    async with shell.readers.connection() as conn:
        found = PolicyView(*await store.kept_policy(conn, team.id))
    return versions.tagged(found, found.version)


@put(
    POLICY,
    guards=[may("operate")],
    responses=problems(NotFound, TeamDeleted, ChangedMeanwhile, InvalidBody, BodyTooLarge, UnsupportedEncoding),
    tags=["billing"],
)
async def put_billing_policy(
    data: JSONBody[NewPolicy], team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> Response[PolicyView]:
    """Say what becomes of usage that changes after its invoice, from the next difference on that is found.

    `write_off` is of what would have to be paid; what was billed too much is given back on the next invoice. A
    `credit_note` is made of what was billed too much, where each line has that much left.
    """
    async with shell.pool.connection() as conn, conn.transaction():
        there = await teams.lock(conn, team)
        versions.check(if_match, (await store.kept_policy(conn, there.id))[1])
        await store.agree(conn, there, data.late_usage, actor)
        kept = PolicyView(*await store.kept_policy(conn, there.id))
    return versions.tagged(kept, kept.version)


def _view(found: Told) -> LateUsageView:
    return LateUsageView(
        id=found.public_id,
        team=found.team,
        invoice=DocumentName(found.invoice, found.number),
        from_=found.period_from,
        to=found.period_to,
        found_at=found.found_at,
        currency=found.currency,
        before=found.before,
        after=found.after,
        amount=found.after - found.before,
        meters=tuple(CameView(each.meter, each.late, each.corrected) for each in found.came),
        lines=tuple(
            ChangedLine(
                each.line.description,
                each.line.meter,
                each.line.quantity,
                each.line.unit,
                each.line.amount,
                each.total,
            )
            for each in found.lines
        ),
        state=found.state,
        on=DocumentName(found.on_id, found.on) if found.on_id and found.on else None,
        note=found.note,
    )


HANDLERS = (list_late_usage, write_off_late_usage, get_billing_policy, put_billing_policy)
