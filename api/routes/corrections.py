"""/v1/corrections: usage taken back, set right and put back, with who, why and how it was."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from api.auth import may
from api.correction_view import (
    CorrectionDetail,
    CorrectionMade,
    CorrectionView,
    NewCorrection,
    Undoing,
    corrected_view,
    correction_view,
    detail,
    made_view,
    ordered,
)
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.idempotency import Retry, once
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of, row_of
from api.questions import instant_of
from api.state import Shell
from meter import audit
from meter.audit import Actor
from meter.corrections import history, write
from meter.corrections.decide import Kind
from meter.corrections.write import Ids, Order
from meter.database import Connection, lent
from meter.errors import (
    BatchTooLarge,
    BodyTooLarge,
    Busy,
    CorrectionSuperseded,
    CorrectionUndone,
    IdempotencyConflict,
    InvalidBody,
    NotFound,
    QueryTooSlow,
    RawDataGone,
    UnknownMeter,
    UnsupportedEncoding,
)
from meter.model import Team

PATH = "/v1/corrections/{correction_id:uuid}"
DRY = 200
NOTHING = "nothing of it was stored; send it again"

KindAsked = Annotated[Kind | None, QueryParameter(name="kind", description="Only these.")]
Since = Annotated[
    str | None, QueryParameter(name="since", description="Only those made since: RFC 3339, a date, or now-7d.")
]


@post(
    "/v1/corrections",
    guards=[may("correct_usage")],
    response_description="The correction.",
    responses={
        DRY: ResponseSpec(CorrectionMade, generate_examples=False, description="What a dry run would move."),
        **problems(
            NotFound,
            UnknownMeter,
            InvalidBody,
            RawDataGone,
            BatchTooLarge,
            IdempotencyConflict,
            BodyTooLarge,
            UnsupportedEncoding,
            QueryTooSlow,
            Busy,
        ),
    },
    tags=["corrections"],
)
async def create_correction(
    data: JSONBody[NewCorrection], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[CorrectionMade]:
    """Void events, or amend them: by the ids they were sent with, or by a query; at most 100,000 rows at once.

    Usage follows at once. Naming an event's time is faster than having it looked for. `dry_run` answers 200 with the
    hours that would be moved, their usage before and after, and the invoices made of them, and stores nothing. Where
    no event would change it is refused (`not_found`); where some are missing, the others are corrected.
    """
    order = ordered(data, ZoneInfo(team.timezone), actor.at)
    if data.dry_run:
        return await _tried(shell, team, data, order)
    async with lent(shell.pool, NOTHING) as conn:

        async def work(ids: Ids) -> Response[CorrectionMade]:
            async def make() -> CorrectionMade:
                outcome = await write.correct(conn, team, actor, order, ids)
                made = made_view((order.kind, order.reason), outcome, actor.at, given=data.events or ())
                await _audited(conn, actor, team, made)
                return made

            return await once(conn, retry, make, actor.at)

        return await write.attempt(conn, team, work)


async def _tried(shell: Shell, team: Team, data: NewCorrection, order: Order) -> Response[CorrectionMade]:
    async with shell.readers.connection() as conn:
        outcome = await write.tried(conn, team, order)
    made = made_view((order.kind, order.reason), outcome, None, given=data.events or ())
    return Response(made, status_code=DRY)


@post(
    f"{PATH}/undo",
    guards=[may("correct_usage")],
    responses=problems(
        NotFound,
        InvalidBody,
        RawDataGone,
        CorrectionSuperseded,
        CorrectionUndone,
        IdempotencyConflict,
        BodyTooLarge,
        UnsupportedEncoding,
        Busy,
    ),
    tags=["corrections"],
)
async def undo_correction(
    correction_id: FromPath[UUID],
    data: JSONBody[Undoing],
    team: TheTeam,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
) -> Response[CorrectionMade]:
    """Put back what a correction has changed, exactly and once; that is a correction itself.

    Refused (`correction_superseded`) where one of its events was corrected again since: undo that first.
    """
    async with lent(shell.pool, NOTHING) as conn:

        async def work(_: Ids) -> Response[CorrectionMade]:
            async def make() -> CorrectionMade:
                outcome = await write.undo(conn, team, actor, correction_id, data.reason)
                made = made_view(("undo", data.reason), outcome, actor.at, undoes=correction_id)
                await _audited(conn, actor, team, made)
                return made

            return await once(conn, retry, make, actor.at)

        return await write.attempt(conn, team, work)


async def _audited(conn: Connection, actor: Actor, team: Team, made: CorrectionMade) -> None:
    told = {name: getattr(made, name) for name in ("id", "kind", "reason", "undoes", "events")}
    await audit.record(conn, actor, f"correction.{made.kind}", audit.of(team, "correction", made.id), None, told)


@get("/v1/corrections", guards=[may("view_corrections")], responses=problems(NotFound), tags=["corrections"])
async def list_corrections(
    team: TheTeam,
    shell: TheShell,
    kind: KindAsked = None,
    since: Since = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[CorrectionView]:
    """List the corrections of a team, newest first."""
    start = None if since is None else instant_of("since", since, ZoneInfo(team.timezone), shell.clock())
    async with shell.pool.connection() as conn:
        found = await history.corrections(conn, team.id, kind, start, row_of(cursor), limit + 1)
    return page(found, limit, correction_view, lambda each: each.id)


@get(PATH, guards=[may("view_corrections")], responses=problems(NotFound), tags=["corrections"])
async def get_correction(
    correction_id: FromPath[UUID],
    team: TheTeam,
    shell: TheShell,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CorrectionDetail:
    """Show a correction with its events, page by page: how each was before and is after."""
    after = position_of(cursor, tuple[Annotated[datetime, msgspec.Meta(tz=True)], UUID])
    async with shell.pool.connection() as conn:
        found = await history.get(conn, team.id, correction_id)
        rows = await history.events(conn, team, found.id, after, limit + 1)
    shown = page(rows, limit, corrected_view, lambda each: (each.time, each.event_id))
    return detail(found, shown.items, shown.next)


HANDLERS = (create_correction, undo_correction, list_corrections, get_correction)
