"""Where clients of others push events: CloudEvents (OpenMeter's SDKs) and Lago's, each answered as it expects."""

from __future__ import annotations

from typing import Any

import litestar
from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT
from litestar.types import ExceptionHandlersMap

from api.auth import may
from api.errors import AWAY, away, document, problems
from api.given import TheCaller, TheShell, TheTeam
from api.ingest import cloudevents, lago
from api.request import Request
from api.state import Shell
from meter.errors import (
    BatchTooLarge,
    BodyTooLarge,
    Busy,
    EventsRefused,
    InvalidBody,
    NotFound,
    RateLimited,
    UnsupportedEncoding,
)
from meter.model import Caller, Team

REFUSALS = problems(InvalidBody, EventsRefused, NotFound, BodyTooLarge, BatchTooLarge, UnsupportedEncoding)
UNPROCESSABLE, LIMITED = 422, 429  # what Lago answers
MOST_TOLD, MOST_LISTED = 5, 100


def _busy(request: litestar.Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Our trouble as a 429: Lago's client repeats nothing else, OpenMeter's SDKs repeat either."""
    problem = error if isinstance(error, (Busy, RateLimited)) else away(request, error)
    problem.status = LIMITED
    problem.headers["x-ratelimit-reset"] = str(problem.retry_after_s)
    return document(request, problem)


TROUBLE: ExceptionHandlersMap = {Busy: _busy, RateLimited: _busy, **dict.fromkeys(AWAY, _busy)}


@post(
    "/api/v1/events",
    status_code=HTTP_200_OK,
    guards=[may("ingest")],
    responses=REFUSALS | {HTTP_204_NO_CONTENT: ResponseSpec(None, description="CloudEvents were taken.")},
    exception_handlers=TROUBLE,
    tags=["collectors"],
)
async def push_foreign_events(
    request: Request, caller: TheCaller, shell: TheShell, team: TheTeam
) -> Response[bytes | None]:
    """Takes CloudEvents (structured, binary, batch) as OpenMeter's SDKs send them, and events of Lago's clients.

    Which meters they count to, the mapping says; one whose type is the name of a meter needs no rule. An event that
    can't be counted is refused after the others are stored. CloudEvents are answered 204; Lago's events as Lago does.
    """
    headers = dict(request.headers)
    is_cloudevent = headers.get("content-type", "").startswith("application/cloudevents")
    async with shell.turns.body(request) as body:
        if not is_cloudevent and not cloudevents.is_binary(headers) and lago.is_lago(body):
            return await _take_lago(body, caller, shell, team)
        happened = cloudevents.decode(body, headers, shell.settings.max_batch)
        counted = await shell.happenings.take(team, caller, "cloudevents", happened, shell.clock())
    shell.metrics.count(counted.receipt())
    if counted.rejected:
        told = "; ".join(f"event {each.index}: {each.detail}" for each in counted.rejected[:MOST_TOLD])
        raise EventsRefused(told, rejected=counted.rejected[:MOST_LISTED])
    return Response(None, status_code=HTTP_204_NO_CONTENT)


@post(
    "/api/v1/events/batch",
    status_code=HTTP_200_OK,
    guards=[may("ingest")],
    responses=REFUSALS,
    exception_handlers=TROUBLE,
    tags=["collectors"],
)
async def push_lago_batch(
    request: Request, caller: TheCaller, shell: TheShell, team: TheTeam
) -> Response[bytes | None]:
    """Takes a batch of Lago's events: `code` is the type, the subscription the service, the customer the member."""
    async with shell.turns.body(request) as body:
        return await _take_lago(body, caller, shell, team)


async def _take_lago(body: bytes, caller: Caller, shell: Shell, team: Team) -> Response[bytes | None]:
    """Counts Lago's events, and answers as Lago does: the events, or why some are not taken."""
    now = shell.clock()
    happened = lago.decode(body, shell.settings.max_batch)
    counted = await shell.happenings.take(team, caller, "lago", happened, now)
    shell.metrics.count(counted.receipt())
    refused = [*counted.rejected, *counted.unmapped]
    if refused:
        return Response(lago.refusal(refused), status_code=UNPROCESSABLE, media_type=lago.JSON)
    return Response(lago.answer(happened, now, alone=lago.is_single(body)), status_code=200, media_type=lago.JSON)


HANDLERS = (push_foreign_events, push_lago_batch)
