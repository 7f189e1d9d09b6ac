"""Where collectors push that speak a standard: OpenTelemetry, Prometheus, collectd. Each is answered as it expects.

What the mapping makes no usage of is taken and listed, so that no sender believes it failed. A point that can't be
counted is told as the protocol has it, after the others are stored. Where the database is away or too
much comes it is a 503, never a 500 or a 429: those these clients answer by throwing away what they sent.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import litestar
from litestar import Response, post
from litestar.status_codes import HTTP_200_OK, HTTP_204_NO_CONTENT
from litestar.types import ExceptionHandlersMap

from api.auth import may
from api.body import unsnappy
from api.errors import AWAY, away, document, problems
from api.given import TheCaller, TheShell, TheTeam
from api.ingest import collectd, otlp, otlp_answer, remote_write
from api.rate import STATUS
from api.request import Request
from meter.errors import (
    BatchTooLarge,
    BodyTooLarge,
    InvalidBody,
    NotFound,
    PointsRefused,
    Problem,
    UnsupportedEncoding,
)
from meter.streams import Refused
from meter.telemetry import Outcome

REFUSALS = problems(InvalidBody, NotFound, BodyTooLarge, BatchTooLarge, UnsupportedEncoding)
BUSY_WITH = {STATUS: 503}
MOST_TOLD = 5
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


def _otlp_problem(request: litestar.Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    """A refusal as OTLP has it: google.rpc.Status to who speaks protobuf; else the usual document, with `message`."""
    media_type = otlp.media(request.headers.get("content-type", ""))
    if media_type == otlp.JSON or media_type not in otlp.READERS:
        problem.members.setdefault("message", problem.detail)
        return document(request, problem)
    told = document(request, problem)
    told.content = otlp_answer.status(f"{problem.code}: {problem.detail}")
    told.media_type = media_type
    return told


def _otlp_away(request: litestar.Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Trouble of ours before the handler was asked, as OTLP has it."""
    return _otlp_problem(request, away(request, error))


OTLP_PROBLEMS: ExceptionHandlersMap = {Problem: _otlp_problem, **dict.fromkeys(AWAY, _otlp_away)}


@post(
    ["/v1/metrics", "/otlp/v1/metrics"],
    status_code=HTTP_200_OK,
    guards=[may("ingest")],
    responses=REFUSALS,
    opt=BUSY_WITH,
    exception_handlers=OTLP_PROBLEMS,
    tags=["collectors"],
)
async def push_otlp(request: Request, caller: TheCaller, shell: TheShell, team: TheTeam) -> Response[bytes]:
    """Takes OpenTelemetry metrics (OTLP over HTTP, protobuf or JSON), and says how many points could not be counted."""
    media_type = request.headers.get("content-type", "")
    async with shell.turns.body(request) as body:
        telemetry = otlp.decode(body, media_type, shell.settings.max_batch)
        outcome = await shell.intake.take(team, caller, "otlp", telemetry, shell.clock())
    shell.metrics.count_points(outcome)
    refused = sum(each.points for each in outcome.refused)
    answer = otlp_answer.answer(media_type, refused, "; ".join(_told(outcome)))
    return Response(answer, media_type=otlp.media(media_type))


@post(
    "/api/v1/write",
    status_code=HTTP_204_NO_CONTENT,
    guards=[may("ingest")],
    responses=problems(InvalidBody, PointsRefused, NotFound, BodyTooLarge, BatchTooLarge, UnsupportedEncoding),
    opt=BUSY_WITH,
    tags=["collectors"],
)
async def push_remote_write(request: Request, caller: TheCaller, shell: TheShell, team: TheTeam) -> Response[None]:
    """Takes Prometheus remote write, 1.0 and 2.0, packed with snappy or zstd.

    The answer says in its headers how many samples, histograms and exemplars were written. Samples that can't be
    counted are refused after the others are stored.
    """
    media_type = request.headers.get("content-type", "")
    remote_write.version_of(media_type)
    async with shell.turns.body(request) as packed:
        bare = not request.headers.get("content-encoding")
        body = unsnappy(packed, shell.settings.max_body_bytes) if bare else packed
        sent = remote_write.read(body, media_type, shell.settings.max_batch)
        outcome = await shell.intake.take(team, caller, "prometheus", sent.telemetry, shell.clock())
    shell.metrics.count_points(outcome)
    refused = Counter[str]()
    for each in outcome.refused[len(sent.telemetry.refused) :]:  # those before are not among what was to be written
        refused[each.field] += each.points
    headers = {
        WRITTEN.format("Samples"): str(sent.samples - refused["value"]),
        WRITTEN.format("Histograms"): str(sent.histograms - max(refused["sum"], refused["count"])),
        WRITTEN.format("Exemplars"): str(sent.exemplars),
    }
    if outcome.refused:
        raise PointsRefused("; ".join(_refused(outcome.refused)), headers)
    return Response(None, status_code=HTTP_204_NO_CONTENT, headers=headers)


@post(
    "/v1/collectd",
    status_code=HTTP_204_NO_CONTENT,
    guards=[may("ingest")],
    responses=problems(InvalidBody, PointsRefused, NotFound, BodyTooLarge, BatchTooLarge, UnsupportedEncoding),
    opt=BUSY_WITH,
    tags=["collectors"],
)
async def push_collectd(request: Request, caller: TheCaller, shell: TheShell, team: TheTeam) -> None:
    """Takes what collectd's write_http sends with `Format "JSON"`."""
    media_type = request.headers.get("content-type", "")
    async with shell.turns.body(request) as body:
        telemetry = collectd.decode(body, media_type, shell.settings.max_batch)
        outcome = await shell.intake.take(team, caller, "collectd", telemetry, shell.clock())
    shell.metrics.count_points(outcome)
    if outcome.refused:
        raise PointsRefused("; ".join(_refused(outcome.refused)))


def _refused(refused: list[Refused]) -> list[str]:
    """What could not be counted, and why: the first few."""
    told = [f"{each.points} of {each.name}: {each.detail}" for each in refused[:MOST_TOLD]]
    return told if len(refused) <= MOST_TOLD else [*told, f"and {len(refused) - MOST_TOLD} more"]


def _told(outcome: Outcome) -> list[str]:
    """What could not be counted, and what no rule makes usage of."""
    told = _refused(outcome.refused)
    if outcome.unmapped:
        names = sorted(outcome.unmapped)
        more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
        told.append(f"no rule makes usage of {', '.join(names[:MOST_TOLD])}{more}; GET /v1/mapping/unmapped lists all")
    return told


HANDLERS = (push_otlp, push_remote_write, push_collectd)
