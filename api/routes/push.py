"""Collectors push here: events and resource samples. The receipt is sent after the commit, never before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from litestar import post
from litestar.params import HeaderParameter

from api.auth import may
from api.errors import problems
from api.given import TheCaller, TheShell, TheTeam
from api.ingest import cloudevents, events, samples
from api.request import Request, media_type
from api.state import Shell
from meter.errors import BatchTooLarge, BodyTooLarge, InvalidBody, NotFound, UnsupportedEncoding
from meter.model import Caller, Event, Receipt, Rejection, Team

Decode = Callable[[bytes, str, int], list[Event | Rejection]]
RequestName = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Events without an id are then told apart by their place in the body, and a retry counts once.",
    ),
]
REFUSALS = problems(InvalidBody, NotFound, BodyTooLarge, BatchTooLarge, UnsupportedEncoding)


@post("/v1/events", status_code=200, guards=[may("ingest")], responses=REFUSALS, tags=["ingest"])
async def push_events(
    request: Request, caller: TheCaller, shell: TheShell, team: TheTeam, request_name: RequestName = None
) -> Receipt:
    """Takes one event, an array, or one a line (NDJSON); says which were accepted, duplicates or rejected, and why.

    CloudEvents too, structured, binary and batch: which meters they count to, the mapping says.
    """
    headers = dict(request.headers)
    if headers.get("content-type", "").startswith("application/cloudevents") or cloudevents.is_binary(headers):
        async with shell.turns.body(request) as body:
            happened = cloudevents.decode(body, headers, shell.settings.max_batch)
            counted = await shell.happenings.take(team, caller, "cloudevents", happened, shell.clock())
        shell.metrics.count(counted.receipt())
        return counted.receipt()
    return await _take(request, caller, shell, team, request_name, events.decode)


@post("/v1/usage/collect", status_code=200, guards=[may("ingest")], responses=REFUSALS, tags=["ingest"])
async def push_samples(
    request: Request, caller: TheCaller, shell: TheShell, team: TheTeam, request_name: RequestName = None
) -> Receipt:
    """Takes CPU and memory samples over [timestamp - duration, timestamp), split at the quarter hours they cover."""
    return await _take(request, caller, shell, team, request_name, samples.decode)


async def _take(
    request: Request, caller: Caller, shell: Shell, team: Team, request_name: str | None, decode: Decode
) -> Receipt:
    """Decodes, stores, counts. The body is read before a database connection is held."""
    async with shell.turns.body(request) as body:
        decoded = decode(body, media_type(request), shell.settings.max_batch)
        receipt = await shell.ingest.take(team, caller, decoded, shell.clock(), request_name)
    shell.metrics.count(receipt)
    return receipt


HANDLERS = (push_events, push_samples)
