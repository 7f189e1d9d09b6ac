"""What would everybody have paid by other prices? Months of real usage rated by a draft; nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal, get_args

import msgspec
from litestar import Response, post
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream

from api.auth import may
from api.errors import AWAY, away, problems, told
from api.formats import MEDIA_TYPES, as_csv, format_of
from api.given import TheShell
from api.openapi import FORMS
from api.request import Request
from api.simulation_view import (
    HEADING,
    ProgressView,
    Simulation,
    SimulationView,
    row,
    simulation_view,
    team_view,
    totals_view,
)
from api.state import Shell
from meter.errors import BodyTooLarge, InvalidBody, NotFound, Problem, UnknownPlan, UnsupportedEncoding
from meter.model import Team
from meter.prices import store as prices
from meter.prices.store import Source
from meter.rating.table import BookError
from meter.simulation.apart import Database, some
from meter.simulation.compare import Summing
from meter.simulation.question import Question
from meter.simulation.replay import simulate as replay
from meter.simulation.replay import teams_of
from meter.simulation.result import Progress, TeamResult

Written = Literal["json", "ndjson", "csv"]
SERVED: tuple[Written, ...] = get_args(Written)
Form = Annotated[Written | None, QueryParameter(name="format", description="In place of Accept.")]

_encode = msgspec.json.Encoder().encode


@post(
    "/v1/prices/simulate",
    status_code=200,
    guards=[may("operate")],
    responses=problems(NotFound, InvalidBody, UnknownPlan, BodyTooLarge, UnsupportedEncoding),
    opt={FORMS: tuple(MEDIA_TYPES[form] for form in SERVED)},
    tags=["billing"],
)
async def simulate_prices(
    request: Request, data: JSONBody[Simulation], shell: TheShell, format_: Form = None
) -> Response[SimulationView]:
    """Rate what teams really used in their last billing periods by a draft of a price book, beside what is in force.

    Who would pay less, who more, and how much in all; nothing is stored. A team that can't be rated both ways in each
    period is in no sum and listed with the reason. NDJSON tells each team as soon as it is known, with a `progress`
    line every second at least; CSV has a row per team.
    """
    question = await _question(data, shell)
    teams = await _teams(shell, question)
    form = format_of(request, format_, SERVED)
    if form == "ndjson":
        content: Any = Stream(_lines(request, shell, question, teams), media_type=MEDIA_TYPES[form])
        return content  # type: ignore[no-any-return]
    results = [each async for each in _replayed(shell, question, teams) if not isinstance(each, Progress)]
    body: Any = _csv(results) if form == "csv" else _json(results, question)
    return Response(body, media_type=MEDIA_TYPES[form])


async def _question(data: Simulation, shell: Shell) -> Question:
    """What is asked, with a draft that can be read. Raises InvalidBody, which names the line and the field."""
    teams = None if data.teams is None else tuple(data.teams)
    question = Question(Source(data.book, data.attached), data.months, shell.clock(), teams, data.moves)
    try:
        await asyncio.to_thread(lambda: question.draft)  # a long one takes longer than others should wait
    except BookError as error:
        members = {"line": error.line, "table": error.table, "field": error.field}
        raise InvalidBody(f"$.{error}", **members) from error
    return question


async def _teams(shell: Shell, question: Question) -> list[Team]:
    """The teams to look at. Raises NotFound and UnknownPlan for what is asked for and is not there."""
    async with shell.readers.connection() as conn:
        books = await prices.read(conn)
        for old, new in question.moves.items():
            books.plan(old, question.now)
            books.drafted(question.draft).plan(new, question.now)
        return await teams_of(conn, question)


def _replayed(shell: Shell, question: Question, teams: Sequence[Team]) -> AsyncGenerator[Progress | TeamResult]:
    """What comes of each team, computed in the process that is for that."""
    database = Database(shell.settings.database_url or "", shell.settings.query_seconds)

    async def work(part: Sequence[Team]) -> list[TeamResult]:
        return await shell.cpu.run(some, database, question, part)

    return replay(teams, work)


async def _lines(request: Request, shell: Shell, question: Question, teams: Sequence[Team]) -> AsyncIterator[bytes]:
    """A line per team as soon as it is known, progress between them, totals; or the problem that ended it."""
    summing = Summing()
    try:
        yield _line(ProgressView(0, len(teams)))
        async with aclosing(_replayed(shell, question, teams)) as found:
            async for each in found:
                if isinstance(each, Progress):
                    yield _line(ProgressView(each.done, each.teams))
                else:
                    summing.take(each)
                    yield _line(team_view(each))
        yield _line(totals_view(summing.totals(), question.draft.version))
    except Problem as error:
        yield told(request.scope, error)[2]
    except AWAY as error:
        yield told(request.scope, away(request, error))[2]


def _line(view: object) -> bytes:
    return _encode(view) + b"\n"


def _json(results: Sequence[TeamResult], question: Question) -> bytes:
    summing = Summing()
    for each in results:
        summing.take(each)
    return _encode(simulation_view(results, summing.totals(), question.draft.version))


def _csv(results: Sequence[TeamResult]) -> bytes:
    return as_csv(HEADING, map(row, results)).encode()


HANDLERS = (simulate_prices,)
