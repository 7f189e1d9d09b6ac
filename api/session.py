"""People in a browser: a cookie in place of a key, forms that only our own pages send, the team they look at."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import litestar
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect

from api.given import TheCaller, TheShell
from api.rate import within_rate
from api.request import target
from api.state import AnyConnection, shell_of
from meter import sessions, teams
from meter.database import Connection
from meter.errors import Forbidden, NotFound, Unauthorized
from meter.model import Caller, Team

SESSION = "hm_session"
TEAM = "hm_team"
HOME = "/dashboard"
# One slash, then no second one nor a backslash: browsers read those as another host. ASCII, as a header can say it.
OURS = re.compile(r"/(?![/\\])[\x21-\x7e]*")


class SignInNeeded(Exception):  # noqa: N818 (it is no error: it leads to the way in)
    """A page was asked for without a session."""


async def signed_in(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Lets people with a session pass. Raises SignInNeeded for a page, which becomes the way in."""
    caller = await session_of(connection)
    if caller is None:
        raise SignInNeeded
    connection.scope["user"] = caller


async def signed_in_script(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Lets scripts of people with a session pass. Raises Unauthorized: a script can't sign in."""
    caller = await session_of(connection)
    if caller is None:
        raise Unauthorized("the session is over; sign in again")
    connection.scope["user"] = caller


async def session_of(connection: AnyConnection) -> Caller | None:
    """Who the cookie says is there, None for nobody. Raises RateLimited for a session that asks too much."""
    token = connection.cookies.get(SESSION)
    if token is None:
        return None
    within_rate(connection, token)
    shell = shell_of(connection)
    async with shell.pool.connection() as conn:
        return await sessions.find(conn, token, shell.clock())


async def own_form(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Lets forms of our own pages pass, and clients that are no browsers. Raises Forbidden for any other site's.

    The cookie is SameSite=Strict, so this is the second lock; signing in somebody else is kept out by it alone.
    """
    origin = connection.headers.get("origin")
    site = connection.headers.get("sec-fetch-site", "same-origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise Forbidden("this form was sent from another site")
    if site not in ("same-origin", "none"):
        raise Forbidden("this form was sent from another site")


def to_sign_in(request: litestar.Request[Any, Any, Any], _: SignInNeeded) -> Redirect:
    """The way in, and back to where the person wanted to go."""
    return Redirect(f"/signin?after={quote(target(request), safe='')}", status_code=303)


def ours(path: str) -> str:
    """The path when it leads to a page of ours, else the first page: nobody is sent elsewhere after signing in."""
    return path if OURS.fullmatch(path) else HOME


def cookie(connection: AnyConnection, name: str, value: str, max_age: int) -> Cookie:
    """A cookie that scripts and other sites don't get; `Secure` under METER_HTTPS_ONLY and wherever https is seen."""
    https = shell_of(connection).settings.https_only
    secure = https or connection.headers.get("origin", "").startswith("https://") or connection.url.scheme == "https"
    return Cookie(key=name, value=value, path="/", max_age=max_age, httponly=True, samesite="strict", secure=secure)


async def page_team(request: litestar.Request[Caller, Any, Any], caller: TheCaller, shell: TheShell) -> Team:
    """The team whose pages these are: the key's; for the operator that of `?team=`, else the last one, else the first.

    Raises NotFound when there is none.
    """
    if caller.team is not None:
        return caller.team
    asked, last = request.query_params.get("team"), request.cookies.get(TEAM)
    async with shell.pool.connection() as conn:
        if asked is not None:
            found = await teams.get(conn, as_uuid(asked))
        else:
            found = (await teams.get(conn, as_uuid(last)) if last else None) or await first_team(conn)
    if found is None:
        raise NotFound("there is no such team" if asked else "there are no teams yet; POST /v1/teams makes one")
    return found


async def first_team(conn: Connection) -> Team | None:
    """The oldest team, None where there is none."""
    return next(iter(await teams.list_teams(conn, None, 1)), None)


def as_uuid(text: str) -> UUID:
    """The id in a query or cookie. Raises NotFound for what is none."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("there is no such team") from None
