"""The page that the link of an invitation opens: say who you are, and join."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter, URLEncodedBody

from api.auth import text_of_member
from api.errors import request_id
from api.given import TheShell
from api.request import SMALL
from api.routes.invitations import join_team
from api.routes.pages import AnyRequest, html
from api.session import own_form
from dashboards.pages import join
from meter import invitations
from meter.errors import InvalidInvitation, InvalidParameter

GONE = "This invitation can't be accepted: it has expired, was revoked, or was used. Ask for another one."
WHO = "Write the user id that you have in your product: 1 to 200 characters."


class Form(msgspec.Struct, frozen=True):
    """The form of the page."""

    token: str = ""
    user_id: str = ""


@get(join.PATH, include_in_schema=False)
async def show_join(shell: TheShell, token: Annotated[str, QueryParameter(max_length=2000)] = "") -> Response[str]:
    """Show which team it is about, and ask for the user id."""
    try:
        async with shell.pool.connection() as conn:
            _, team = await invitations.find(conn, token, shell.clock())
    except InvalidInvitation:
        return html(join.TEMPLATE, join.context(problem=GONE), 404)
    return html(join.TEMPLATE, join.context(team_name=team.name, token=token))


@post(join.PATH, guards=[own_form], include_in_schema=False, status_code=200, opt=SMALL)
async def do_join(request: AnyRequest, data: URLEncodedBody[Form], shell: TheShell) -> Response[str]:
    """Join, and say so."""
    try:
        user_id = text_of_member(data.user_id.strip())
    except InvalidParameter:
        async with shell.pool.connection() as conn:
            try:
                _, team = await invitations.find(conn, data.token, shell.clock())
            except InvalidInvitation:
                return html(join.TEMPLATE, join.context(problem=GONE), 404)
        return html(join.TEMPLATE, join.context(team_name=team.name, token=data.token, problem=WHO), 400)
    try:
        joined = await join_team(shell, data.token, user_id, request_id(request))
    except InvalidInvitation:
        return html(join.TEMPLATE, join.context(problem=GONE), 404)
    return html(join.TEMPLATE, join.context(team_name=joined.team.name, role=joined.member.role))


HANDLERS = (show_join, do_join)
