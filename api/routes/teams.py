"""/v1/teams: who pays, and the services they have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import Provide
from litestar.params import JSONBody, QueryParameter

from api import versions
from api.auth import live_team, may, path_team
from api.calculation_given import PlanName
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.idempotency import Retry, once
from api.names import Email, Line
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.versions import IfMatch
from meter import audit, teams
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidBody,
    NotFound,
    TeamDeleted,
    TeamHasInvoices,
    UnknownPlan,
    UnsupportedEncoding,
)
from meter.model import Team
from meter.subscriptions import decisions

PATH = "/v1/teams/{team_id:uuid}"
Deleted = Annotated[bool, QueryParameter(description="Those that are deleted instead.")]


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The person a team belongs to, by the user id that the metered product knows them by."""

    user_id: Line
    email: Email


class NewTeam(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a team begins with. Its days begin at midnight of `timezone` (IANA), invoices are in `currency` (ISO).

    `plan` is by what it pays, as in `cloud/payg`. Zone and plan are the operator's defaults if they are left out; where
    the default plan is priced in another currency, the team begins without one.
    """

    name: Line
    owner: Owner
    timezone: str | None = None
    currency: str = "USD"
    billing_email: Email | None = None
    plan: PlanName | None = None


class TeamEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a team changes; what is left out stays. `timezone` only while the team has no invoice."""

    name: Line | msgspec.UnsetType = msgspec.UNSET
    timezone: str | msgspec.UnsetType = msgspec.UNSET
    billing_email: Email | msgspec.UnsetType | None = msgspec.UNSET


class TeamView(msgspec.Struct, frozen=True):
    """A team as its members and the operator see it. `version` is the ETag; `deleted_at` is null while it lives."""

    id: UUID
    name: str
    timezone: str
    currency: str
    billing_email: str | None
    created_at: datetime
    version: int
    deleted_at: datetime | None


class ServiceView(msgspec.Struct, frozen=True):
    """A service: what consumes. It is made by the first event that names it."""

    slug: str
    created_at: datetime


def shown(team: Team) -> TeamView:
    """The team without what only we need."""
    return TeamView(*(getattr(team, "public_id" if name == "id" else name) for name in TeamView.__struct_fields__))


@post(
    "/v1/teams",
    guards=[may("operate")],
    responses=problems(
        InvalidBody, UnknownPlan, CurrencyMismatch, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding
    ),
    tags=["teams"],
)
async def create_team(data: JSONBody[NewTeam], actor: TheActor, retry: Retry, shell: TheShell) -> Response[TeamView]:
    """Make a team with its owner. A person alone is a team of one: the team always pays."""
    now = actor.at
    owner = teams.Person(data.owner.user_id, data.owner.email)
    zone = shell.settings.default_timezone if data.timezone is None else data.timezone
    async with shell.pool.connection() as conn:

        async def make() -> TeamView:
            made = await teams.create(conn, data.name, owner, zone, data.currency, data.billing_email, now)
            await decisions.begin(conn, made, data.plan, shell.settings.default_plan, now)
            given = msgspec.to_builtins(data) | msgspec.to_builtins(shown(made))
            await audit.record(conn, actor, "team.create", audit.of(made, "team", made.public_id), None, given)
            return shown(made)

        return await once(conn, retry, make, now)


@get("/v1/teams", guards=[may("operate")], responses=problems(), tags=["teams"])
async def list_teams(
    shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, *, deleted: Deleted = False
) -> Page[TeamView]:
    """List all teams, oldest first; with `deleted` those that are."""
    async with shell.pool.connection() as conn:
        found = await teams.list_teams(conn, position_of(cursor, UUID), limit + 1, deleted=deleted)
    return page(found, limit, shown, lambda team: team.public_id)


@get(
    PATH,
    guards=[may("view_team")],
    dependencies={"team": Provide(path_team)},
    responses=problems(NotFound),
    tags=["teams"],
)
async def get_team(team: TheTeam) -> Response[TeamView]:
    """Show a team; its version is the ETag."""
    return versions.tagged(shown(team), team.version)


@patch(
    PATH,
    guards=[may("edit_team")],
    dependencies={"team": Provide(live_team)},
    responses=problems(
        NotFound, TeamDeleted, TeamHasInvoices, ChangedMeanwhile, InvalidBody, BodyTooLarge, UnsupportedEncoding
    ),
    tags=["teams"],
)
async def edit_team(
    data: JSONBody[TeamEdit], team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> Response[TeamView]:
    """Rename a team, change where its bills go, or in which zone its days begin.

    The zone changes only while the team has no invoice (`team_has_invoices`): billing periods begin at its midnight.
    Days and months of usage follow the new zone from then on, past ones too.
    """
    async with shell.pool.connection() as conn, conn.transaction():
        there = await teams.lock(conn, team)
        versions.check(if_match, there.version)
        wanted = {name: getattr(data, name) for name in TeamEdit.__struct_fields__}
        kept = {name: getattr(there, name) if new is msgspec.UNSET else new for name, new in wanted.items()}
        edited = await teams.edit(conn, there, **kept)
        subject = audit.of(team, "team", team.public_id)
        await audit.record(conn, actor, "team.edit", subject, shown(there), shown(edited))
    return versions.tagged(shown(edited), edited.version)


@delete(
    PATH,
    guards=[may("delete_team")],
    dependencies={"team": Provide(live_team)},
    responses=problems(NotFound, TeamDeleted, ChangedMeanwhile),
    tags=["teams"],
)
async def delete_team(team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None) -> None:
    """Delete a team: its keys and invitations are revoked at once, its plan ends now.

    Usage and invoices stay. Only the operator sees the team from then on, and bills what it used until now.
    """
    async with shell.pool.connection() as conn, conn.transaction():
        there = await teams.lock(conn, team)
        versions.check(if_match, there.version)
        deleted = await teams.delete(conn, there, actor.at)
        subject = audit.of(team, "team", team.public_id)
        await audit.record(conn, actor, "team.delete", subject, shown(there), shown(deleted))


@get(
    "/v1/teams/{team_id:uuid}/services",
    guards=[may("view_team")],
    dependencies={"team": Provide(path_team)},
    responses=problems(NotFound),
    tags=["teams"],
)
async def list_services(
    team: TheTeam, shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ServiceView]:
    """List a team's services by name."""
    async with shell.pool.connection() as conn:
        found = await teams.list_services(conn, team.id, position_of(cursor, str), limit + 1)
    return page(found, limit, lambda service: ServiceView(*service), lambda service: service.slug)


HANDLERS = (create_team, list_teams, get_team, edit_team, delete_team, list_services)
