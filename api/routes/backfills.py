"""/v1/backfills: a source of a range held against what is stored, then applied beside live ingest, and taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from api.auth import may
from api.backfill_view import (
    BackfillView,
    Difference,
    NewBackfill,
    backfill_view,
    hour_view,
    invoices_view,
    left_view,
    order_of,
)
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.idempotency import Retry, once
from api.ingest import events
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of, row_of
from api.request import Request, media_type
from api.routes.push import RequestName
from api.state import Shell
from meter import audit
from meter.answers import Request as Retried
from meter.audit import Actor
from meter.backfill import book, difference
from meter.backfill.book import Step
from meter.backfill.model import Backfill, Phase, State
from meter.backfill.stage import Staging
from meter.database import Connection, lent
from meter.errors import (
    BackfillState,
    BatchTooLarge,
    BodyTooLarge,
    Busy,
    IdempotencyConflict,
    InvalidBody,
    NotFound,
    RawDataGone,
    UnknownMeter,
    UnsupportedEncoding,
)
from meter.model import Receipt, Team

PATH = "/v1/backfills/{backfill_id:uuid}"
CREATING = (InvalidBody, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding, Busy)
STEPPING = problems(NotFound, BackfillState, RawDataGone, IdempotencyConflict, Busy)

StateAsked = Annotated[State | None, QueryParameter(name="state", description="Only those in this state.")]
Whole = Annotated[bool, QueryParameter(name="all", description="Hours without a difference too.")]


@post(
    "/v1/backfills",
    guards=[may("correct_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone, *CREATING),
    tags=["backfills"],
)
async def create_backfill(
    data: JSONBody[NewBackfill], team: TheTeam, caller: TheCaller, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BackfillView]:
    """Begin a backfill: say of which usage a source will speak, and why. Nothing of usage changes yet.

    Bring its events to `/events`, then have it compared, look at the difference, and have it applied.
    """
    order = order_of(data, ZoneInfo(team.timezone), actor.at)
    async with lent(shell.pool) as conn:

        async def make() -> BackfillView:
            made = backfill_view(await book.create(conn, team.id, caller, actor, order), {})
            await _audited(conn, actor, team, "create", made)
            return made

        return await once(conn, retry, make, actor.at)


@post(
    f"{PATH}/events",
    status_code=200,
    guards=[may("correct_usage")],
    responses=problems(NotFound, BackfillState, InvalidBody, BodyTooLarge, BatchTooLarge, UnsupportedEncoding, Busy),
    tags=["backfills"],
)
async def push_backfill_events(
    request: Request, backfill_id: FromPath[UUID], team: TheTeam, shell: TheShell, request_name: RequestName = None
) -> Receipt:
    """Bring events of the source, in as many bodies as you like, as to `/v1/events`; sent again, each counts once.

    Each brings its time. Those outside the range, of other meters or of other labels are rejected. After a comparison
    it must be compared again.
    """
    staging = Staging(shell.settings.past_days)
    async with shell.turns.body(request) as body, lent(shell.pool) as conn:
        decoded = events.decode(body, media_type(request), shell.settings.max_batch)
        return await staging.take(conn, team, backfill_id, decoded, shell.clock(), request_name)


@post(f"{PATH}/compare", status_code=202, guards=[may("correct_usage")], responses=STEPPING, tags=["backfills"])
async def compare_backfill(
    backfill_id: FromPath[UUID], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BackfillView]:
    """Have the source compared with what is stored: the dry run. A worker does it; `state` tells when it is done."""
    return await _step(shell, team, actor, retry, backfill_id, "compare")


@post(f"{PATH}/apply", status_code=202, guards=[may("correct_usage")], responses=STEPPING, tags=["backfills"])
async def apply_backfill(
    backfill_id: FromPath[UUID], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BackfillView]:
    """Have the difference applied, once it was compared. A worker does it slice by slice, beside live ingest.

    Each slice goes by what is stored at that moment; `as_compared` says afterwards whether that was as compared.
    """
    return await _step(shell, team, actor, retry, backfill_id, "apply")


@post(f"{PATH}/undo", status_code=202, guards=[may("correct_usage")], responses=STEPPING, tags=["backfills"])
async def undo_backfill(
    backfill_id: FromPath[UUID], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BackfillView]:
    """Have all of it taken back, also where it is not yet applied to its end; what was corrected since stays."""
    return await _step(shell, team, actor, retry, backfill_id, "undo")


@post(f"{PATH}/cancel", status_code=202, guards=[may("correct_usage")], responses=STEPPING, tags=["backfills"])
async def cancel_backfill(
    backfill_id: FromPath[UUID], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[BackfillView]:
    """Give it up before it is applied; its events are forgotten."""
    return await _step(shell, team, actor, retry, backfill_id, "cancel")


async def _step(
    shell: Shell, team: Team, actor: Actor, retry: Retried | None, backfill_id: UUID, what: Step
) -> Response[BackfillView]:
    async with lent(shell.pool) as conn:

        async def make() -> BackfillView:
            made = await _shown(conn, await book.step(conn, team.id, backfill_id, what, actor))
            await _audited(conn, actor, team, what, made)
            return made

        return await once(conn, retry, make, actor.at, status=202)


async def _audited(conn: Connection, actor: Actor, team: Team, what: str, made: BackfillView) -> None:
    told = {name: getattr(made, name) for name in ("id", "state", "mode", "meters", "reason")}
    told |= {"from": made.from_, "to": made.to}
    await audit.record(conn, actor, f"backfill.{what}", audit.of(team, "backfill", made.id), None, told)


async def _shown(conn: Connection, found: Backfill) -> BackfillView:
    return backfill_view(found, await book.tallies(conn, [found.id]))


@get("/v1/backfills", guards=[may("view_corrections")], responses=problems(NotFound), tags=["backfills"])
async def list_backfills(
    team: TheTeam, shell: TheShell, in_state: StateAsked = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[BackfillView]:
    """List the backfills of a team, newest first."""
    async with shell.pool.connection() as conn:
        found = await book.page(conn, team.id, in_state, row_of(cursor), limit + 1)
        tallies = await book.tallies(conn, [each.id for each in found])
    return page(found, limit, lambda each: backfill_view(each, tallies), lambda each: each.id)


@get(PATH, guards=[may("view_corrections")], responses=problems(NotFound), tags=["backfills"])
async def get_backfill(backfill_id: FromPath[UUID], team: TheTeam, shell: TheShell) -> BackfillView:
    """Show a backfill: its state, and what became of how many events."""
    async with shell.pool.connection() as conn:
        return await _shown(conn, await book.get(conn, team.id, backfill_id))


@get(
    f"{PATH}/difference",
    guards=[may("view_corrections")],
    responses=problems(NotFound, BackfillState),
    tags=["backfills"],
)
async def get_backfill_difference(
    backfill_id: FromPath[UUID],
    team: TheTeam,
    shell: TheShell,
    whole: Whole = False,  # noqa: FBT002
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Difference:
    """Show what was found when it was compared, hour by hour of each meter, and which invoices were made of that."""
    after = position_of(cursor, tuple[Annotated[datetime, msgspec.Meta(tz=True)], str])
    async with shell.readers.connection() as conn:
        found = await book.get(conn, team.id, backfill_id)
        if found.state in ("staged", "comparing"):
            raise BackfillState(f"it is {found.state}: it has not been compared yet", state=found.state)
        hours = await difference.hours(conn, team, found, after, limit + 1, whole=whole)
        shown = page(hours, limit, hour_view, lambda each: (each.start, each.meter))
        phase: Phase = "undoing" if found.state in ("undoing", "undone") else "comparing"
        return Difference(
            await _shown(conn, found),
            invoices_view(await difference.invoices(conn, found)),
            left_view(await difference.left(conn, found, phase)),
            shown.items,
            shown.next,
        )


HANDLERS = (
    create_backfill,
    push_backfill_events,
    compare_backfill,
    apply_backfill,
    undo_backfill,
    cancel_backfill,
    list_backfills,
    get_backfill,
    get_backfill_difference,
)
