"""Invitations: /v1/teams/{team}/invitations makes, lists, resends and revokes them; the token alone accepts one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import Provide
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.auth import live_team, may, path_team
from api.errors import problems, request_id
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.idempotency import Retry, once
from api.names import Email, Line
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.request import SMALL, Request
from api.routes.members import MemberView
from api.routes.members import shown as shown_member
from api.state import Shell
from dashboards.pages import join
from meter import audit, invitations, members, teams
from meter.audit import Actor
from meter.errors import (
    BodyTooLarge,
    IdempotencyConflict,
    InvalidBody,
    InvalidInvitation,
    InvitationEnded,
    NotFound,
    TeamDeleted,
    UnsupportedEncoding,
)
from meter.invitations import LASTS, LONGEST_TOKEN, Invitation, Joined
from meter.permissions import Role

PATH = "/v1/teams/{team_id:uuid}/invitations"
ANY: dict[str, Any] = {"guards": [may("invite")], "tags": ["invitations"]}
LOOK: dict[str, Any] = {**ANY, "dependencies": {"team": Provide(path_team)}, "responses": problems(NotFound)}
CHANGE: dict[str, Any] = {**ANY, "dependencies": {"team": Provide(live_team)}}
OF_A_BODY = (InvalidBody, BodyTooLarge, UnsupportedEncoding)

Days = Annotated[int, Meta(ge=1, le=90)]


class NewInvitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite, and as what. It expires after a week unless said otherwise."""

    email: Email
    role: Role = "member"
    expires_in_days: Days = LASTS.days


class Resent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the invitation lasts from now."""

    expires_in_days: Days = LASTS.days


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of an invitation, and the user id that the metered product knows whoever accepts it by."""

    token: Annotated[str, Meta(min_length=1, max_length=LONGEST_TOKEN)]
    user_id: Line


class InvitationView(msgspec.Struct, frozen=True):
    """An invitation without its token. `status` is open, accepted, revoked or expired; `accepted_by` a user id."""

    id: UUID
    email: str
    role: Role
    created_at: datetime
    sent_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    accepted_by: str | None
    revoked_at: datetime | None
    status: str


class SentInvitation(InvitationView, frozen=True, kw_only=True):
    """An invitation with its token, and the page where it is accepted.

    Both are shown this once; a retry under the same Idempotency-Key gets null for them.
    """

    token: str | None
    link: str | None


class JoinedView(msgspec.Struct, frozen=True):
    """Which team was joined, and as whom."""

    team: UUID
    team_name: str
    member: MemberView


def shown(invitation: Invitation, now: datetime) -> InvitationView:
    """The invitation as the API shows it."""
    return InvitationView(*invitation, invitation.status(now))


def sent(invitation: Invitation, token: str, request: Request, now: datetime) -> SentInvitation:
    """The invitation with its token, for the one answer that shows it; the link leads where the request went."""
    link = f"{str(request.base_url).rstrip('/')}{join.PATH}?{urlencode({'token': token})}"
    return SentInvitation(*invitation, invitation.status(now), token=token, link=link)


def without_token(answer: SentInvitation) -> SentInvitation:
    """What is stored of the answer for retries: secrets never are."""
    return msgspec.structs.replace(answer, token=None, link=None)


@post(PATH, responses=problems(NotFound, TeamDeleted, *OF_A_BODY, IdempotencyConflict), **CHANGE)
async def invite(
    data: JSONBody[NewInvitation],
    request: Request,
    team: TheTeam,
    caller: TheCaller,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
) -> Response[SentInvitation]:
    """Invite somebody; the only answer that shows token and link. Send the link on: we mail nothing yet.

    Only owners invite owners. When the answer was lost, resend the invitation.
    """
    members.check_rank(caller.role, data.role)
    lasts = timedelta(days=data.expires_in_days)
    async with shell.pool.connection() as conn:

        async def make() -> SentInvitation:
            await teams.lock(conn, team)
            made, token = await invitations.create(conn, team.id, data.email, data.role, lasts, actor.at)
            subject = audit.of(team, "invitation", made.public_id)
            await audit.record(conn, actor, "invitation.create", subject, None, shown(made, actor.at))
            return sent(made, token, request, actor.at)

        return await once(conn, retry, make, actor.at, keep=without_token)


@get(PATH, **LOOK)
async def list_invitations(
    team: TheTeam, shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[InvitationView]:
    """List a team's invitations, newest first, ended ones too."""
    now = shell.clock()
    async with shell.pool.connection() as conn:
        found = await invitations.list_invitations(conn, team.id, position_of(cursor, UUID), limit + 1)
    return page(found, limit, lambda each: shown(each, now), lambda each: each.public_id)


@post(
    PATH + "/{invitation_id:uuid}/resend",
    responses=problems(NotFound, TeamDeleted, *OF_A_BODY, InvitationEnded, IdempotencyConflict),
    **CHANGE,
)
async def resend_invitation(  # noqa: PLR0913, PLR0917
    request: Request,
    team: TheTeam,
    invitation_id: FromPath[UUID],
    caller: TheCaller,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
    data: JSONBody[Resent | None] = None,
) -> Response[SentInvitation]:
    """Give an invitation another token and another end; the token before is dead. One that expired begins anew."""
    lasts = timedelta(days=(data or Resent()).expires_in_days)
    async with shell.pool.connection() as conn:

        async def make() -> SentInvitation:
            await teams.lock(conn, team)
            there = await invitations.get(conn, team.id, invitation_id)
            members.check_rank(caller.role, there.role)
            again, token = await invitations.resend(conn, there, lasts, actor.at)
            subject = audit.of(team, "invitation", invitation_id)
            before, after = shown(there, actor.at), shown(again, actor.at)
            await audit.record(conn, actor, "invitation.resend", subject, before, after)
            return sent(again, token, request, actor.at)

        return await once(conn, retry, make, actor.at, keep=without_token)


@delete(PATH + "/{invitation_id:uuid}", responses=problems(NotFound, TeamDeleted, InvitationEnded), **CHANGE)
async def revoke_invitation(team: TheTeam, invitation_id: FromPath[UUID], actor: TheActor, shell: TheShell) -> None:
    """Revoke an invitation that nobody accepted; again changes nothing."""
    async with shell.pool.connection() as conn, conn.transaction():
        await teams.lock(conn, team)
        there = await invitations.get(conn, team.id, invitation_id)
        revoked = await invitations.revoke(conn, team.id, there, actor.at)
        if there.revoked_at is None:
            subject = audit.of(team, "invitation", invitation_id)
            before, after = shown(there, actor.at), shown(revoked, actor.at)
            await audit.record(conn, actor, "invitation.revoke", subject, before, after)


@post(
    "/v1/invitations/accept",
    status_code=200,
    security=[{}],
    responses=problems(*OF_A_BODY, InvalidInvitation, keyed=False),
    tags=["invitations"],
    opt=SMALL,
)
async def accept_invitation(request: Request, data: JSONBody[Acceptance], shell: TheShell) -> JoinedView:
    """Join a team: the token is all that is needed, no key is.

    A token that is unknown, expired, revoked, accepted or replaced gets one and the same answer. Whoever is a member
    already gets the invitation's role if that is more than they had.
    """
    joined = await join_team(shell, data.token, data.user_id, request_id(request))
    return JoinedView(joined.team.public_id, joined.team.name, shown_member(joined.member))


async def join_team(shell: Shell, token: str, user_id: str, request: str) -> Joined:
    """Accepts an invitation, for the address above and for the page. Raises InvalidInvitation."""
    now = shell.clock()
    async with shell.pool.connection() as conn, conn.transaction():
        joined = await invitations.accept(conn, token, user_id, now)
        actor = Actor("invitation", now, member=user_id, request_id=request)
        subject = audit.of(joined.team, "invitation", joined.invitation)
        before = None if joined.before is None else shown_member(joined.before)
        await audit.record(conn, actor, "invitation.accept", subject, before, shown_member(joined.member))
    return joined


HANDLERS = (invite, list_invitations, resend_invitation, revoke_invitation, accept_invitation)
