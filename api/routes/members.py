"""/v1/teams/{team}/members: who belongs to a team, in which role."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import Provide
from litestar.params import FromPath, JSONBody, QueryParameter

from api import versions
from api.auth import live_team, may, path_team
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.idempotency import Retry, once
from api.names import Email, Line
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.versions import IfMatch
from meter import audit, members, teams
from meter.errors import (
    AlreadyMember,
    BodyTooLarge,
    ChangedMeanwhile,
    IdempotencyConflict,
    InvalidBody,
    LastOwner,
    NotFound,
    TeamDeleted,
    UnsupportedEncoding,
)
from meter.members import Member, Sought
from meter.permissions import Role

PATH = "/v1/teams/{team_id:uuid}/members"
ANY: dict[str, Any] = {"guards": [may("manage_members")], "tags": ["members"]}
LOOK: dict[str, Any] = {**ANY, "dependencies": {"team": Provide(path_team)}, "responses": problems(NotFound)}
CHANGE: dict[str, Any] = {**ANY, "dependencies": {"team": Provide(live_team)}}
OF_A_BODY = (NotFound, TeamDeleted, InvalidBody, BodyTooLarge, UnsupportedEncoding)

Removed = Annotated[bool, QueryParameter(description="Those that were removed instead.")]
UserId = Annotated[str | None, QueryParameter(max_length=200, description="Only the member with that user id.")]
OfRole = Annotated[Role | None, QueryParameter(description="Only members of that role.")]


class NewMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody by the user id that the metered product knows them by."""

    user_id: Line
    email: Email | None = None
    role: Role = "member"


class MemberEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a member changes; what is left out stays."""

    role: Role | msgspec.UnsetType = msgspec.UNSET
    email: Email | msgspec.UnsetType | None = msgspec.UNSET


class MemberView(msgspec.Struct, frozen=True):
    """A member. `email` is null for one whom usage alone made known; `version` is the ETag."""

    id: UUID
    user_id: str
    email: str | None
    role: Role
    created_at: datetime
    version: int
    removed_at: datetime | None


def shown(member: Member) -> MemberView:
    """The member as the API shows it."""
    return MemberView(*member[1:])


@get(PATH, **LOOK)
async def list_members(
    team: TheTeam,
    shell: TheShell,
    user_id: UserId = None,
    role: OfRole = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    *,
    removed: Removed = False,
) -> Page[MemberView]:
    """List a team's members, the first registered first; whoever usage named is among them."""
    sought = Sought(removed=removed, user_id=user_id, role=role)
    async with shell.pool.connection() as conn:
        found = await members.list_members(conn, team.id, sought, row_of(cursor), limit + 1)
    return page(found, limit, shown, lambda member: member.id)


@post(PATH, responses=problems(*OF_A_BODY, AlreadyMember, IdempotencyConflict), **CHANGE)
async def add_member(
    data: JSONBody[NewMember], team: TheTeam, caller: TheCaller, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[MemberView]:
    """Add a member without an invitation; one who was removed comes back with their usage."""
    members.check_rank(caller.role, data.role)
    async with shell.pool.connection() as conn:

        async def make() -> MemberView:
            await teams.lock(conn, team)
            member = await members.add(conn, team.id, data.user_id, data.email, data.role, actor.at)
            subject = audit.of(team, "member", member.public_id)
            await audit.record(conn, actor, "member.add", subject, None, shown(member))
            return shown(member)

        return await once(conn, retry, make, actor.at)


@get(PATH + "/{member_id:uuid}", **LOOK)
async def get_member(team: TheTeam, member_id: FromPath[UUID], shell: TheShell) -> Response[MemberView]:
    """Show a member; the version is the ETag."""
    async with shell.pool.connection() as conn:
        member = await members.get(conn, team.id, member_id)
    return versions.tagged(shown(member), member.version)


@patch(PATH + "/{member_id:uuid}", responses=problems(*OF_A_BODY, ChangedMeanwhile, LastOwner), **CHANGE)
async def edit_member(
    data: JSONBody[MemberEdit],
    team: TheTeam,
    member_id: FromPath[UUID],
    caller: TheCaller,
    actor: TheActor,
    shell: TheShell,
    if_match: IfMatch = None,
) -> Response[MemberView]:
    """Change a member's role or e-mail. Only owners make or change owners, and the last one stays (`last_owner`)."""
    async with shell.pool.connection() as conn, conn.transaction():
        await teams.lock(conn, team)
        there = await members.get(conn, team.id, member_id)
        role = there.role if data.role is msgspec.UNSET else data.role
        email = there.email if data.email is msgspec.UNSET else data.email
        members.check_rank(caller.role, there.role, role)
        versions.check(if_match, there.version)
        member = await members.change(conn, team.id, there, role, email)
        subject = audit.of(team, "member", member_id)
        await audit.record(conn, actor, "member.edit", subject, shown(there), shown(member))
    return versions.tagged(shown(member), member.version)


@delete(PATH + "/{member_id:uuid}", responses=problems(NotFound, TeamDeleted, ChangedMeanwhile, LastOwner), **CHANGE)
async def remove_member(
    team: TheTeam,
    member_id: FromPath[UUID],
    caller: TheCaller,
    actor: TheActor,
    shell: TheShell,
    if_match: IfMatch = None,
) -> None:
    """Remove a member. Their usage stays theirs, and what is pushed for them is still counted; they see nothing of it.

    Only owners remove owners, and the last one stays (`last_owner`).
    """
    async with shell.pool.connection() as conn, conn.transaction():
        await teams.lock(conn, team)
        there = await members.get(conn, team.id, member_id)
        members.check_rank(caller.role, there.role)
        versions.check(if_match, there.version)
        await members.remove(conn, team.id, there, actor.at)
        await audit.record(conn, actor, "member.remove", audit.of(team, "member", member_id), shown(there))


HANDLERS = (list_members, add_member, get_member, edit_member, remove_member)
