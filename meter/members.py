"""Who belongs to a team, in which role? Usage stays a member's own when they are removed, and they may come back."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from meter.database import Connection
from meter.errors import AlreadyMember, Forbidden, LastOwner, NotFound
from meter.permissions import ROLES, Role
from sql import statement


class Member(NamedTuple):
    """A member; `email` is None for one whom usage alone made known."""

    id: int
    public_id: UUID
    user_id: str
    email: str | None
    role: Role
    created_at: datetime
    version: int
    removed_at: datetime | None


class Sought(NamedTuple):
    """Which members are asked for: those removed or those there, one by id or user id, of one role; None is any."""

    removed: bool = False
    one: UUID | None = None
    user_id: str | None = None
    role: str | None = None


def check_rank(role: str | None, *touched: str) -> None:
    """Only owners make, change and remove owners; a key that acts for nobody (`role` None) goes by its scopes.

    Raises Forbidden.
    """
    if role not in {None, "owner"} and "owner" in touched:
        raise Forbidden("only an owner makes, changes, invites or removes owners")


async def list_members(conn: Connection, team_id: int, sought: Sought, after: int | None, rows: int) -> list[Member]:
    """At most `rows` members of a team that come after the one with that inner id, the first registered first."""
    asked = sought._asdict() | {"team_id": team_id, "after": after, "rows": rows}
    found = await conn.execute(statement("list_members"), asked)
    return [Member(*row) for row in await found.fetchall()]


async def get(conn: Connection, team_id: int, public_id: UUID) -> Member:
    """A member of a team. Raises NotFound for one there is not, or who was removed."""
    for member in await list_members(conn, team_id, Sought(one=public_id), None, 1):
        return member
    raise NotFound("this team has no such member")


async def find(conn: Connection, team_id: int, user_id: str) -> Member | None:
    """The member with that user id, None where there is none or they were removed."""
    return next(iter(await list_members(conn, team_id, Sought(user_id=user_id), None, 1)), None)


async def add(conn: Connection, team_id: int, user_id: str, email: str | None, role: Role, now: datetime) -> Member:
    """Makes a member, in the caller's transaction; one who was removed comes back. Raises AlreadyMember."""
    row = {"public_id": uuid7(), "team_id": team_id, "user_id": user_id, "email": email, "role": role}
    made = await (await conn.execute(statement("create_member"), row | {"created_at": now})).fetchone()
    if made is None:
        there = await find(conn, team_id, user_id)
        raise AlreadyMember(f"{user_id} is {there.role if there else 'a member'} here; change that instead")
    return await get(conn, team_id, made[0])


async def change(conn: Connection, team_id: int, member: Member, role: Role, email: str | None) -> Member:
    """Makes a member what is said. The caller holds the team's lock. Raises LastOwner."""
    if member.role == "owner" and role != "owner":
        await _check_another_owner(conn, team_id)
    await _save(conn, member._replace(role=role, email=email))
    return await get(conn, team_id, member.public_id)


async def remove(conn: Connection, team_id: int, member: Member, now: datetime) -> None:
    """Removes a member; their usage stays theirs. The caller holds the team's lock. Raises LastOwner."""
    if member.role == "owner":
        await _check_another_owner(conn, team_id)
    await _save(conn, member._replace(removed_at=now))


async def join(conn: Connection, team_id: int, user_id: str, email: str, role: Role, now: datetime) -> Member:
    """Makes somebody a member with at least that role: nobody is demoted by joining. The caller holds the lock."""
    there = await find(conn, team_id, user_id)
    if there is None:
        try:
            return await add(conn, team_id, user_id, email, role, now)
        except AlreadyMember:  # usage made them known at this very moment; it does not wait for the lock
            there = await find(conn, team_id, user_id)
            if there is None:
                raise
    higher = min(there.role, role, key=ROLES.index)
    return await change(conn, team_id, there, higher, there.email or email)


async def _save(conn: Connection, member: Member) -> None:
    await conn.execute(statement("edit_member"), member._asdict())


async def _check_another_owner(conn: Connection, team_id: int) -> None:
    if len(await list_members(conn, team_id, Sought(role="owner"), None, 2)) == 1:
        raise LastOwner("make somebody else an owner first")
