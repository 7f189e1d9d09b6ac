"""Who is asking, and may they? Guards per route; another team's things do not exist."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated
from uuid import UUID

from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, QueryParameter

from api.errors import AWAY, request_id
from api.given import TheCaller, TheShell
from api.rate import within_rate
from api.request import Request
from api.state import AnyConnection, Shell, shell_of
from meter import keys, teams
from meter.audit import Actor, actor_of
from meter.errors import Forbidden, InvalidParameter, NotFound, TeamDeleted, Unauthorized
from meter.keys import Shown
from meter.labels import Filter, only_of
from meter.model import Caller, Team
from meter.permissions import admit, permission

Guard = Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]
LONGEST_MEMBER = 200
UNKNOWN_KEY = "this key is unknown, revoked or expired"
AWAY_NOW = "away_now"

AskedTeam = Annotated[
    UUID | None,
    QueryParameter(name="team", description="Whose: needed with the operator's key, else the key's own team."),
]


def may(name: str) -> Guard:
    """Lets those pass whom the matrix of meter/permissions.py gives the permission of that name.

    The guard raises Unauthorized, Forbidden and UnknownMember. Raises KeyError for a name that the matrix lacks.
    """
    wanted = permission(name)

    async def guard(connection: AnyConnection, _: BaseRouteHandler) -> None:
        connection.scope["user"] = admit(wanted, await authenticate(connection))

    return guard


def may_unasked(name: str) -> Guard:
    """As `may`, for what may go on while the database can't be asked: whoever was known lately is still known then.

    The guard sets AWAY_NOW in the request's state there.
    """
    wanted = permission(name)

    async def guard(connection: AnyConnection, _: BaseRouteHandler) -> None:
        shell = shell_of(connection)
        key, member = _credentials(connection)
        known = (keys.hash_of(key), member)
        try:
            caller = await shell.gate_keys.find(Shown(known[0], member, _named_team(connection)), shell.clock())
        except AWAY as error:
            caller = None if shell.desk.is_overloaded() else shell.callers.last_known(known, shell.clock())
            if caller is None:
                raise
            connection.scope["state"][AWAY_NOW] = str(error)
        else:
            if caller is None:
                shell.callers.forget(known)
                raise Unauthorized(UNKNOWN_KEY)
            shell.callers.remember(known, caller, shell.clock())
        connection.scope["user"] = admit(wanted, caller)

    return guard


def only_own(caller: Caller, asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """The members whose usage an answer is about, None for all: those asked for, as far as the caller may see them.

    Raises Forbidden when one who sees own usage only asks for another member's.
    """
    if caller.only_member is None:
        return tuple(asked) if asked else None
    if asked and set(asked) != {caller.only_member}:
        raise Forbidden("a member sees own usage only; leave `member` out")
    return (caller.only_member,)


def own_filters(caller: Caller, filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """The filters of a question, as far as the caller may see: one who sees own usage only is held to it.

    Raises Forbidden when such a one asks for another member's.
    """
    for each in filters:
        if each.name == "member" and each.op == "in":
            only_own(caller, [value or "" for value in each.values])
    return only_of(caller.only_member, filters)


async def authenticate(connection: AnyConnection) -> Caller:
    """The caller whose key came as `Authorization: Bearer …`, with the member in X-User-ID and what they are there.

    Raises:
        Unauthorized: no key, or one that is unknown, revoked or expired; all sound the same.
        RateLimited: it has made too many requests lately, known or not.
        InvalidParameter: an X-User-ID that can't be one.
    """
    shell = shell_of(connection)
    key, member = _credentials(connection)
    caller = await shell.keys.find(Shown(keys.hash_of(key), member, _named_team(connection)), shell.clock())
    if caller is None:
        raise Unauthorized(UNKNOWN_KEY)
    return caller


def _credentials(connection: AnyConnection) -> tuple[str, str | None]:
    """The key of a request, counted, and the member it is for."""
    key = bearer(connection.headers.get("authorization", ""))
    within_rate(connection, key)
    return key, member_of(connection.headers.get("x-user-id"))


def _named_team(connection: AnyConnection) -> UUID | None:
    """The team that a request names, in the path or else the query; None for none or what can't be one."""
    try:
        return UUID(str(connection.path_params.get("team_id") or connection.query_params.get("team")))
    except ValueError:
        return None


def bearer(header: str) -> str:
    """The key in an Authorization header. Raises Unauthorized for a header that brings none."""
    scheme, _, key = header.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key.startswith("hm_") or len(key) > keys.LONGEST:
        raise Unauthorized("send the key as `Authorization: Bearer hm_…`")
    return key


def member_of(header: str | None) -> str | None:
    """The member in an X-User-ID header, UTF-8. Raises InvalidParameter for one that can't be a member."""
    if header is None:
        return None
    try:
        member = header.encode("latin-1").decode()
    except UnicodeError:
        raise InvalidParameter("X-User-ID: write it in UTF-8") from None
    return text_of_member(member)


def text_of_member(text: str) -> str:
    """The user id as it is. Raises InvalidParameter for one that can't be."""
    if not 0 < len(text) <= LONGEST_MEMBER or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise InvalidParameter(f"X-User-ID: 1 to {LONGEST_MEMBER} characters without control characters")
    return text


async def caller_of(request: Request) -> Caller:
    """The caller that the route's guard let pass."""
    return request.user


async def actor_of_request(request: Request, caller: TheCaller, shell: TheShell) -> Actor:
    """The caller as the audit log names it, at this instant."""
    return actor_of(caller, shell.clock(), request_id(request))


async def asked_team(caller: TheCaller, shell: TheShell, asked: AskedTeam = None) -> Team:
    """The team a question is about: the key's own; for the operator the one in `?team=`.

    Raises:
        InvalidParameter: the operator named none.
        NotFound: there is no such team, or it is not the key's.
    """
    if caller.is_operator and asked is None:
        raise InvalidParameter("team: the operator's key belongs to no team; name one with ?team=")
    return await team_seen_by(caller, shell, asked)


async def maybe_team(caller: TheCaller, shell: TheShell, asked: AskedTeam = None) -> Team | None:
    """As `asked_team`, but the operator need not name one."""
    return await team_seen_by(caller, shell, asked) if asked or not caller.is_operator else None


async def path_team(caller: TheCaller, shell: TheShell, team_id: FromPath[UUID]) -> Team:
    """The team in the path. Raises NotFound when there is none, or the key is not its."""
    return await team_seen_by(caller, shell, team_id)


async def live_team(caller: TheCaller, shell: TheShell, team_id: FromPath[UUID]) -> Team:
    """As `path_team`, for what changes something of a team. Raises TeamDeleted too."""
    team = await team_seen_by(caller, shell, team_id)
    if team.deleted_at is not None:
        raise TeamDeleted("what there was of it is kept; make another team")
    return team


async def team_seen_by(caller: Caller, shell: Shell, asked: UUID | None) -> Team:
    """The team with that id, None meaning the caller's own. Raises NotFound when it is not there for this caller."""
    if caller.team is not None:
        if asked not in (None, caller.team.public_id):
            raise NotFound("there is no such team")
        return caller.team
    async with shell.pool.connection() as conn:
        team = await teams.get(conn, asked) if asked else None
    if team is None:
        raise NotFound("there is no such team")
    return team
