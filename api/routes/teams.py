"""/v1/teams: who pays, and the services they have."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import Provide
from litestar.params import JSONBody

from api.auth import may, path_team
from api.errors import problems
from api.given import TheShell, TheTeam
from api.idempotency import Retry, once
from api.names import Email, Line
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.routes.billing import PlanName
from meter import subscriptions, teams
from meter.errors import (
    BodyTooLarge,
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidBody,
    NotFound,
    UnknownPlan,
    UnsupportedEncoding,
)
from meter.model import Team


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


class TeamView(msgspec.Struct, frozen=True):
    """A team as its members and the operator see it."""

    id: UUID
    name: str
    timezone: str
    currency: str
    billing_email: str | None
    created_at: datetime


class ServiceView(msgspec.Struct, frozen=True):
    """A service: what consumes. It is made by the first event that names it."""

    slug: str
    created_at: datetime


def shown(team: Team) -> TeamView:
    """The team without what only we need."""
    return TeamView(team.public_id, team.name, team.timezone, team.currency, team.billing_email, team.created_at)


@post(
    "/v1/teams",
    guards=[may("operate")],
    responses=problems(
        InvalidBody, UnknownPlan, CurrencyMismatch, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding
    ),
    tags=["teams"],
)
async def create_team(data: JSONBody[NewTeam], retry: Retry, shell: TheShell) -> Response[TeamView]:
    """Make a team with its owner."""
    now = shell.clock()
    owner = teams.Person(data.owner.user_id, data.owner.email)
    zone = shell.settings.default_timezone if data.timezone is None else data.timezone
    async with shell.pool.connection() as conn:

        async def make() -> TeamView:
            made = await teams.create(conn, data.name, owner, zone, data.currency, data.billing_email, now)
            await subscriptions.begin(conn, made, data.plan, shell.settings.default_plan, now)
            return shown(made)

        return await once(conn, retry, make, now)


@get("/v1/teams", guards=[may("operate")], responses=problems(), tags=["teams"])
async def list_teams(shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[TeamView]:
    """List all teams, oldest first."""
    async with shell.pool.connection() as conn:
        found = await teams.list_teams(conn, position_of(cursor, UUID), limit + 1)
    return page(found, limit, shown, lambda team: team.public_id)


@get(
    "/v1/teams/{team_id:uuid}",
    guards=[may("view_team")],
    dependencies={"team": Provide(path_team)},
    responses=problems(NotFound),
    tags=["teams"],
)
async def get_team(team: TheTeam) -> TeamView:
    """Show a team."""
    return shown(team)


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


HANDLERS = (create_team, list_teams, get_team, list_services)
