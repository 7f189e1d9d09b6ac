"""Teams: who pays, in which zone its days begin, in which currency it is billed, and what of its own it has."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from babel.core import get_global
from uuid_utils.compat import uuid7

from meter import members
from meter.database import Connection
from meter.errors import InvalidBody, NotFound, TeamDeleted, TeamHasInvoices
from meter.model import Team
from meter.subscriptions import decisions
from sql import statement


class Person(NamedTuple):
    """Someone as the metered product knows them: its own user id, and where mail reaches them."""

    user_id: str
    email: str


class Service(NamedTuple):
    """What consumes: named by the first event that mentions it."""

    slug: str
    created_at: datetime


@cache
def currencies() -> frozenset[str]:
    """The ISO 4217 codes that are legal tender somewhere today, from the CLDR data in babel."""
    uses = (use for territory in get_global("territory_currencies").values() for use in territory)
    return frozenset(code for code, _start, end, tender in uses if tender and end is None)


def check_zone(name: str) -> str:
    """Answers the name of an IANA time zone as it is. Raises InvalidBody for any other text."""
    if name not in available_timezones():
        raise InvalidBody(f"timezone: {name[:64]!r} is no IANA time zone; write one like Europe/Berlin or UTC")
    return name


def check_currency(code: str) -> str:
    """Answers an ISO 4217 code as it is. Raises InvalidBody for any other text."""
    if code not in currencies():
        raise InvalidBody(f"currency: {code[:8]!r} is no ISO 4217 currency in use; write one like USD or EUR")
    return code


async def create(
    conn: Connection, name: str, owner: Person, timezone: str, currency: str, billing_email: str | None, now: datetime
) -> Team:
    """Makes a team with its owner, in the caller's transaction. Raises InvalidBody for an unknown zone or currency."""
    public_id = uuid7()
    team = {
        "public_id": public_id,
        "name": name,
        "timezone": check_zone(timezone),
        "currency": check_currency(currency),
        "billing_email": billing_email,
        "created_at": now,
    }
    team_id: int = (await (await conn.execute(statement("create_team"), team)).fetchall())[0][0]
    await members.add(conn, team_id, owner.user_id, owner.email, "owner", now)
    return Team(team_id, public_id, name, timezone, currency, billing_email, now)


async def lock(conn: Connection, team: Team) -> Team:
    """The team as it is and stays until the caller's transaction ends: who changes something of it takes turns.

    Raises TeamDeleted where somebody else was faster.
    """
    await conn.execute(statement("lock_team"), {"team_id": team.id})
    found = await get(conn, team.public_id)
    if found is None:
        raise NotFound("there is no such team")
    if found.deleted_at is not None:
        raise TeamDeleted("what there was of it is kept; make another team")
    return found


async def edit(conn: Connection, team: Team, name: str, timezone: str, billing_email: str | None) -> Team:
    """Makes a team what is said. The caller holds its lock.

    Periods begin at midnight of the zone, so it changes only while nothing was billed. Raises TeamHasInvoices, and
    InvalidBody for an unknown zone.
    """
    if check_zone(timezone) != team.timezone:
        row = await (await conn.execute(statement("find_invoice"), {"team_id": team.id})).fetchone()
        if row and row[0]:
            raise TeamHasInvoices("its periods would begin at another time and could overlap; the zone stays")
    edited = msgspec.structs.replace(
        team, name=name, timezone=timezone, billing_email=billing_email, version=team.version + 1
    )
    await conn.execute(statement("edit_team"), msgspec.structs.asdict(edited))
    return edited


async def delete(conn: Connection, team: Team, now: datetime) -> Team:
    """Ends a team: its keys and invitations are revoked, its plan ends now. The caller holds its lock.

    Usage, members and invoices stay, so that what was used can still be billed.
    """
    await conn.execute(statement("revoke_keys"), {"team_id": team.id, "now": now})
    await conn.execute(statement("revoke_invitations"), {"team_id": team.id, "one": None, "now": now})
    await decisions.end(conn, team, now)
    deleted = msgspec.structs.replace(team, deleted_at=now, version=team.version + 1)
    await conn.execute(statement("edit_team"), msgspec.structs.asdict(deleted))
    return deleted


async def get(conn: Connection, public_id: UUID) -> Team | None:
    """The team with this public id, None where there is none."""
    row = await (await conn.execute(statement("get_team"), {"public_id": public_id})).fetchone()
    return Team(*row) if row else None


async def list_teams(conn: Connection, after: UUID | None, rows: int, *, deleted: bool = False) -> list[Team]:
    """At most `rows` teams that come after the one named, oldest first; those that are deleted, or the others."""
    found = await conn.execute(statement("list_teams"), {"after": after, "rows": rows, "deleted": deleted})
    return [Team(*row) for row in await found.fetchall()]


async def to_bill(conn: Connection, after: int, rows: int, one: UUID | None = None) -> list[Team]:
    """At most `rows` teams with ids above `after`, or the one named; of deleted ones those that had a plan; by id."""
    found = await conn.execute(statement("list_teams_to_bill"), {"after": after, "rows": rows, "one": one})
    return [Team(*row) for row in await found.fetchall()]


async def list_services(conn: Connection, team_id: int, after: str | None, rows: int) -> list[Service]:
    """At most `rows` services of a team whose names come after the one given, by name."""
    found = await conn.execute(statement("list_services"), {"team_id": team_id, "after": after, "rows": rows})
    return [Service(*row) for row in await found.fetchall()]


async def used_meters(conn: Connection, team_id: int) -> frozenset[str]:
    """The slugs of the meters that a team has ever sent events of."""
    rows = await (await conn.execute(statement("list_used_meters"), {"team_id": team_id})).fetchall()
    return frozenset(row[0] for row in rows)
