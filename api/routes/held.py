"""/v1/held: events whose id came before with another time, and whether they count."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter

from api.auth import may
from api.correction_view import CorrectionMade, made_view
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.held_view import HeldView, NewDecision, decision_of, held_view
from api.idempotency import Retry, once
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.questions import instant_of
from meter import audit
from meter.corrections import write
from meter.corrections.write import Ids
from meter.database import lent
from meter.errors import (
    AlreadyDecided,
    BatchTooLarge,
    BodyTooLarge,
    Busy,
    CorrectionSuperseded,
    IdempotencyConflict,
    InvalidBody,
    NotFound,
    RawDataGone,
    UnsupportedEncoding,
)
from meter.held import listing
from meter.held.decide import decide
from meter.held.listing import Asked, State

NOTHING = "nothing of it was stored; send it again"

StateAsked = Annotated[State | None, QueryParameter(name="state", description="Only those that are.")]
Since = Annotated[
    str | None, QueryParameter(name="since", description="Only those held since: RFC 3339, a date, or now-7d.")
]
Hold = Annotated[UUID | None, QueryParameter(name="hold", description="Only those held by this correction.")]


@get("/v1/held", guards=[may("view_corrections")], responses=problems(NotFound), tags=["corrections"])
async def list_held(
    team: TheTeam,
    shell: TheShell,
    which: StateAsked = None,
    since: Since = None,
    hold: Hold = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[HeldView]:
    """List events that came with an id that was there before with another time, newest first.

    They are held out of usage and bills until somebody decides.
    """
    start = None if since is None else instant_of("since", since, ZoneInfo(team.timezone), shell.clock())
    async with shell.pool.connection() as conn:
        found = await listing.held_events(conn, team, Asked(which, start, hold), row_of(cursor), limit + 1)
    return page(found, limit, held_view, lambda each: each.position)


@post(
    "/v1/held/decisions",
    guards=[may("correct_usage")],
    response_description="The correction that it is.",
    responses=problems(
        NotFound,
        InvalidBody,
        RawDataGone,
        AlreadyDecided,
        CorrectionSuperseded,
        BatchTooLarge,
        IdempotencyConflict,
        BodyTooLarge,
        UnsupportedEncoding,
        Busy,
    ),
    tags=["corrections"],
)
async def decide_held(
    data: JSONBody[NewDecision], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[CorrectionMade]:
    """Count held events, or drop them: they stay out then. Either may be decided anew, the same not twice.

    It is a correction, with what it moves; all or none of the events named.
    """
    order = decision_of(data)
    async with lent(shell.pool, NOTHING) as conn:

        async def work(ids: Ids) -> Response[CorrectionMade]:
            async def make() -> CorrectionMade:
                outcome = await decide(conn, team, actor, order, ids)
                made = made_view((order.decision, order.reason), outcome, actor.at)
                told = {name: getattr(made, name) for name in ("id", "kind", "reason", "undoes", "events")}
                subject = audit.of(team, "correction", made.id)
                await audit.record(conn, actor, f"correction.{made.kind}", subject, None, told)
                return made

            return await once(conn, retry, make, actor.at)

        return await write.attempt(conn, team, work)


HANDLERS = (list_held, decide_held)
