"""Invitations: whoever has the token may join a team once, until it expires, is revoked or is sent anew."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from meter import members
from meter.database import Connection
from meter.errors import InvalidInvitation, InvitationEnded, NotFound
from meter.keys import hash_of
from meter.members import Member
from meter.model import Team
from meter.permissions import Role
from sql import statement

LASTS = timedelta(days=7)
LONGEST_TOKEN = 100
REFUSED = "it is unknown, has expired, was revoked, accepted or sent anew"


class Invitation(NamedTuple):
    """An invitation without its token; `accepted_by` is the user id of who joined."""

    public_id: UUID
    email: str
    role: Role
    created_at: datetime
    sent_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    accepted_by: str | None = None
    revoked_at: datetime | None = None

    def status(self, now: datetime) -> str:
        """What has become of it: accepted, revoked, expired, or still open."""
        if self.accepted_at is not None:
            return "accepted"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if self.expires_at > now else "expired"


class Joined(NamedTuple):
    """Who joined which team by which invitation; `before` is what they were there."""

    team: Team
    invitation: UUID
    before: Member | None
    member: Member


async def create(
    conn: Connection, team_id: int, email: str, role: Role, lasts: timedelta, now: datetime
) -> tuple[Invitation, str]:
    """Invites somebody; answers the invitation and its token, 256 random bits, which nobody can ask for again."""
    token = secrets.token_urlsafe(32)
    made = Invitation(uuid7(), email, role, now, now, now + lasts)
    row = made._asdict() | {"team_id": team_id, "token_hash": hash_of(token), "now": now}
    await conn.execute(statement("create_invitation"), row)
    return made, token


async def list_invitations(
    conn: Connection, team_id: int, before: UUID | None, rows: int, one: UUID | None = None
) -> list[Invitation]:
    """At most `rows` invitations of a team made before the one named, newest first, ended ones too."""
    asked = {"team_id": team_id, "before": before, "rows": rows, "one": one}
    found = await conn.execute(statement("list_invitations"), asked)
    return [Invitation(*row) for row in await found.fetchall()]


async def get(conn: Connection, team_id: int, public_id: UUID) -> Invitation:
    """An invitation of a team. Raises NotFound."""
    for invitation in await list_invitations(conn, team_id, None, 1, public_id):
        return invitation
    raise NotFound("this team has no such invitation")


async def resend(conn: Connection, invitation: Invitation, lasts: timedelta, now: datetime) -> tuple[Invitation, str]:
    """Gives an invitation another token and another end; the old token is dead. The caller holds the team's lock.

    Raises InvitationEnded for one that was accepted or revoked; one that expired begins anew.
    """
    if invitation.accepted_at is not None or invitation.revoked_at is not None:
        raise InvitationEnded(f"it is {invitation.status(now)}; make another")
    token = secrets.token_urlsafe(32)
    again = invitation._replace(sent_at=now, expires_at=now + lasts)
    await conn.execute(statement("resend_invitation"), again._asdict() | {"token_hash": hash_of(token), "now": now})
    return again, token


async def revoke(conn: Connection, team_id: int, invitation: Invitation, now: datetime) -> Invitation:
    """Ends an invitation, again and again if need be. The caller holds the team's lock.

    Raises InvitationEnded for one that was accepted: remove the member instead.
    """
    if invitation.accepted_at is not None:
        raise InvitationEnded(f"{invitation.accepted_by} accepted it; remove that member instead")
    asked = {"team_id": team_id, "one": invitation.public_id, "now": now}
    await conn.execute(statement("revoke_invitations"), asked)
    return await get(conn, team_id, invitation.public_id)


async def find(conn: Connection, token: str, now: datetime) -> tuple[UUID, Team]:
    """The invitation that a token opens now, and its team.

    Raises InvalidInvitation, in the same words whatever the reason: nobody learns from it what there is.
    """
    asked = {"token_hash": hash_of(token), "now": now}
    row = await (await conn.execute(statement("find_invitation"), asked)).fetchone()
    if row is None:
        raise InvalidInvitation(REFUSED)
    return row[0], Team(*row[1:])


async def accept(conn: Connection, token: str, user_id: str, now: datetime) -> Joined:
    """Joins the team as that user, in the caller's transaction; a token joins one person once.

    Whoever is a member already gets the invitation's role when it is the higher one. Raises InvalidInvitation.
    """
    _, team = await find(conn, token, now)
    await conn.execute(statement("lock_team"), {"team_id": team.id})
    public_id, team = await find(conn, token, now)  # as it is now that nobody else changes it
    invitation = await get(conn, team.id, public_id)
    before = await members.find(conn, team.id, user_id)
    member = await members.join(conn, team.id, user_id, invitation.email, invitation.role, now)
    row = {"public_id": public_id, "member_id": member.id, "now": now}
    await conn.execute(statement("accept_invitation"), row)
    return Joined(team, public_id, before, member)
