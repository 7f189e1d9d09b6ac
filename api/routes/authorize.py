"""May this call go on? /v1/authorize before it, /v1/settle with what it used, /v1/release where it did not happen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import msgspec
from litestar import post
from litestar.params import JSONBody

from api.auth import AWAY_NOW, may, may_unasked
from api.authorize_view import (
    MOST,
    AskBody,
    AuthorizeAnswers,
    Authorized,
    ReleaseAnswers,
    ReleaseBody,
    ReleasedOne,
    SettleAnswers,
    SettleBody,
    SettledOne,
    refusal,
    refused,
    view,
)
from api.errors import problems
from api.given import TheCaller, TheShell, TheTeam
from api.request import Request
from api.state import Shell
from meter.authorize.answers import AuthorizeAnswer, ReleaseAnswer, SettleAnswer
from meter.authorize.requests import Ask, Settle
from meter.errors import (
    BatchTooLarge,
    BodyTooLarge,
    BudgetSpent,
    Busy,
    CreditsExhausted,
    EventsRefused,
    InvalidBody,
    LimitReached,
    LimitsUnavailable,
    NotFound,
    PriceUnknown,
    Problem,
    ReservationClosed,
    UnsupportedEncoding,
)
from meter.model import Caller, Team

T = TypeVar("T")
Told = tuple[AuthorizeAnswer, Problem | None]

BODY = (NotFound, InvalidBody, BatchTooLarge, BodyTooLarge, UnsupportedEncoding, EventsRefused, Busy)
DENIED = (LimitReached, BudgetSpent, CreditsExhausted, PriceUnknown, LimitsUnavailable)
OPENING = problems(*BODY, *DENIED)
CLOSING = problems(*BODY, ReservationClosed)
_read = msgspec.json.Decoder(SettleAnswer).decode


@post(
    "/v1/authorize",
    status_code=200,
    guards=[may_unasked("authorize")],
    responses=problems(*BODY, *DENIED),
    tags=["limits"],
)
async def authorize(
    request: Request, data: JSONBody[AskBody | list[AskBody]], team: TheTeam, caller: TheCaller, shell: TheShell
) -> AuthorizeAnswer | AuthorizeAnswers:
    """Ask whether a call may go on, and reserve what it is about to use of every limit and credit on its way.

    429 where a limit in units or calls says no (`Retry-After`), 402 where money does; both say how each limit stands.
    An array asks for several calls at once, at most 100: each is answered by itself, with 200 for all. Internal keys
    are never stopped. Settle or release what is reserved; what is neither comes free when it expires. While the
    database can't be asked a call goes on (`checked` false) if every limit last known on its way lets pass then.
    """
    away = AWAY_NOW in request.scope["state"]
    if isinstance(data, list):
        _check_size(len(data))
        found = await _each(_ask(each, team, caller, shell, away=away) for each in data)
        return AuthorizeAnswers([_authorized(each) for each in found])
    answer, problem = await _ask(data, team, caller, shell, away=away)
    if problem:
        raise problem
    return answer


@post(
    "/v1/settle",
    status_code=200,
    guards=[may("authorize")],
    responses=CLOSING,
    tags=["limits"],
)
async def settle(
    data: JSONBody[SettleBody | list[SettleBody]], team: TheTeam, caller: TheCaller, shell: TheShell
) -> SettleAnswer | SettleAnswers:
    """Store what a call used and book it in place of what was reserved, in one commit.

    More than was reserved is booked in full, as it happened. Sent again it is answered the same. `usage` is what was
    counted, `billing` what it cost and the balance after it. An array settles several, each by itself.
    """
    if isinstance(data, list):
        _check_size(len(data))
        found = await _each(_settle(each, team, caller, shell) for each in data)
        return SettleAnswers([_settled(each) for each in found])
    return await _settle(data, team, caller, shell)


@post(
    "/v1/release",
    status_code=200,
    guards=[may("authorize")],
    responses=CLOSING,
    tags=["limits"],
)
async def release(
    data: JSONBody[ReleaseBody | list[ReleaseBody]], team: TheTeam, shell: TheShell
) -> ReleaseAnswer | ReleaseAnswers:
    """Give back what was reserved for a call that did not happen. Sent again it is answered the same."""
    if isinstance(data, list):
        _check_size(len(data))
        found = await _each(_release(each, team, shell) for each in data)
        return ReleaseAnswers([_released(each) for each in found])
    return await _release(data, team, shell)


def _check_size(size: int) -> None:
    if size > MOST:
        raise BatchTooLarge(f"at most {MOST} at once")


async def _each(work: Iterable[Awaitable[T]]) -> list[T | Problem]:
    """What each came to; a Problem is told in its place, anything else is raised."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException) and (not isinstance(each, Problem) or isinstance(each, Busy)):
            raise each
    return [each for each in found if isinstance(each, Problem) or not isinstance(each, BaseException)]


async def _ask(body: AskBody, team: Team, caller: Caller, shell: Shell, *, away: bool) -> Told:
    """The answer to a call, and the problem that it is where it may not go on."""
    ask = Ask(team, caller, body.event(), body.lasts, shell.clock())
    if away:
        return shell.desk.unchecked(ask), None
    try:
        asked = await shell.desk.ask(ask)
    except Busy:
        if shell.desk.is_overloaded():
            raise
        return shell.desk.unchecked(ask), None
    answer = view(team, asked)
    return answer, refusal(answer, asked, ask.at)


async def _settle(body: SettleBody, team: Team, caller: Caller, shell: Shell) -> SettleAnswer:
    found = await shell.desk.settle(Settle(team, caller, body.reservation, body.event, shell.clock()))
    return _read(found.answer)


async def _release(body: ReleaseBody, team: Team, shell: Shell) -> ReleaseAnswer:
    return ReleaseAnswer(body.reservation, (await shell.desk.release(team, body.reservation, shell.clock())).state)


def _authorized(found: Told | Problem) -> Authorized:
    if isinstance(found, Problem):
        return Authorized(found.status, None, refused(found))
    answer, problem = found
    return Authorized(200 if problem is None else problem.status, answer, None)


def _settled(found: SettleAnswer | Problem) -> SettledOne:
    if isinstance(found, Problem):
        return SettledOne(found.status, None, refused(found))
    return SettledOne(200, found, None)


def _released(found: ReleaseAnswer | Problem) -> ReleasedOne:
    if isinstance(found, Problem):
        return ReleasedOne(found.status, None, refused(found))
    return ReleasedOne(200, found, None)


HANDLERS = (authorize, settle, release)
