"""/v1/meters: what can be measured. The operator's catalogue, and what a team adds of its own."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter

from api import versions
from api.auth import may, maybe_team
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell
from api.idempotency import Retry, once
from api.meter_view import MeterEdit, MeterView, NewMeter, defined, edited, shown
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.versions import IfMatch
from meter import audit, meters
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    Forbidden,
    IdempotencyConflict,
    InvalidBody,
    InvalidMeter,
    MeterExists,
    MeterInUse,
    NotFound,
    UnknownMeter,
    UnsupportedEncoding,
)
from meter.ingest import load_meters
from meter.meter_rules import Definition, definition_of
from meter.meters import NO_TEAM
from meter.model import Caller, Team

PATH = "/v1/meters/{slug:str}"
TheTeamIfAny = NamedDependency[Team | None]
Slug = Annotated[str, PathParameter(description="The meter's name.", max_length=63)]
OF_TEAM = {"team": Provide(maybe_team)}


@get(
    "/v1/meters",
    guards=[may("view_catalogue")],
    dependencies=OF_TEAM,
    responses=problems(NotFound),
    tags=["meters"],
)
async def list_meters(
    team: TheTeamIfAny, shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[MeterView]:
    """List the meters a team may use, by name: the operator's catalogue, and the team's own; archived ones too."""
    after = position_of(cursor, str) or ""
    async with shell.pool.connection() as conn:
        found = await load_meters(conn, team.id if team else NO_TEAM)
    later = [found[slug] for slug in sorted(found) if slug > after]
    return page(later, limit, shown, lambda meter: meter.slug)


@get(
    PATH,
    guards=[may("view_catalogue")],
    dependencies=OF_TEAM,
    responses=problems(NotFound, UnknownMeter),
    tags=["meters"],
)
async def get_meter(slug: Slug, team: TheTeamIfAny, shell: TheShell) -> Response[MeterView]:
    """Show a meter, with its version as ETag."""
    async with shell.pool.connection() as conn:
        meter = await meters.get(conn, _id(team), slug)
    return versions.tagged(shown(meter), meter.version)


@post(
    "/v1/meters",
    guards=[may("manage_meters")],
    dependencies=OF_TEAM,
    responses=problems(
        NotFound, InvalidBody, InvalidMeter, MeterExists, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding
    ),
    tags=["meters"],
)
async def create_meter(
    data: JSONBody[NewMeter],
    team: TheTeamIfAny,
    caller: TheCaller,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
) -> Response[MeterView]:
    """Make a meter: of the team whose key asks, or that the operator names; the operator's without a team: for all.

    What is billed is the operator's to make: usage that no price is set for stops a team's invoice.
    """
    said = defined(data)
    check_hands(caller, said)
    async with shell.pool.connection() as conn:

        async def make() -> MeterView:
            made = shown(await meters.create(conn, _id(team), said, actor.at))
            await audit.record(conn, actor, "meter.create", audit.of(team, "meter", said.slug), None, made)
            return made

        return await once(conn, retry, make, actor.at)


@patch(
    PATH,
    guards=[may("manage_meters")],
    dependencies=OF_TEAM,
    responses=problems(
        NotFound,
        InvalidBody,
        InvalidMeter,
        UnknownMeter,
        MeterInUse,
        ChangedMeanwhile,
        BodyTooLarge,
        UnsupportedEncoding,
    ),
    tags=["meters"],
)
async def change_meter(
    slug: Slug,
    data: JSONBody[MeterEdit],
    team: TheTeamIfAny,
    caller: TheCaller,
    actor: TheActor,
    shell: TheShell,
    if_match: IfMatch = None,
) -> Response[MeterView]:
    """Change a meter, as far as nothing that was counted depends on it; docs/meters.md has the rules.

    With If-Match only the version that it names. A team changes its own meters, of which none is billed.
    """
    async with shell.pool.connection() as conn, conn.transaction():
        locked = await meters.lock(conn, _id(team), slug)
        versions.check(if_match, locked.version)
        said = edited(locked, data)
        check_hands(caller, definition_of(locked), said)
        meter = await meters.change(conn, _id(team), locked, said, actor.at)
        if meter.version != locked.version:
            subject = audit.of(team, "meter", slug)
            await audit.record(conn, actor, "meter.change", subject, shown(locked), shown(meter))
    return versions.tagged(shown(meter), meter.version)


@delete(
    PATH,
    guards=[may("manage_meters")],
    dependencies=OF_TEAM,
    responses=problems(NotFound, UnknownMeter, ChangedMeanwhile),
    tags=["meters"],
)
async def archive_meter(
    slug: Slug, team: TheTeamIfAny, caller: TheCaller, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> None:
    """Archive a meter: it takes no more events, and its usage can be read as before. Once more changes nothing."""
    async with shell.pool.connection() as conn, conn.transaction():
        locked = await meters.lock(conn, _id(team), slug)
        versions.check(if_match, locked.version)
        said = definition_of(locked)
        check_hands(caller, said)
        archived = msgspec.structs.replace(said, archived=True)
        meter = await meters.change(conn, _id(team), locked, archived, actor.at)
        if meter.version != locked.version:
            subject = audit.of(team, "meter", slug)
            await audit.record(conn, actor, "meter.archive", subject, shown(locked), shown(meter))


def _id(team: Team | None) -> int | None:
    return None if team is None else team.id


def check_hands(caller: Caller, *definitions: Definition) -> None:
    """Raises Forbidden where something that is billed is not the operator's to make or change."""
    is_operator = caller.is_operator and caller.member is None
    if not is_operator and any(said.billable for said in definitions):
        raise Forbidden("what is billed is the operator's: a team makes and changes meters with `billable` false")


HANDLERS = (list_meters, get_meter, create_meter, change_meter, archive_meter)
