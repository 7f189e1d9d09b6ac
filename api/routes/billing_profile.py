"""/v1/billing/profile: who is billed? What a team's invoices say of it, and how numbers are written there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get, put
from litestar.params import JSONBody
from msgspec import Meta

from api import versions
from api.auth import may
from api.errors import problems
from api.given import TheActor, TheShell, TheTeam
from api.names import ONE_LINE, Line
from api.versions import IfMatch
from meter import audit, profiles, teams
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    InvalidBody,
    NotFound,
    TeamDeleted,
    UnsupportedEncoding,
)
from meter.profiles import Profile

PATH = "/v1/billing/profile"
Address = Annotated[tuple[Line, ...], Meta(max_length=8, description="Street, place and what else, line by line.")]
TaxId = Annotated[str, Meta(min_length=1, max_length=60, pattern=ONE_LINE)]
TaxIds = Annotated[tuple[TaxId, ...], Meta(max_length=5, description="As they are to be printed: `VAT DE123456789`.")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166, as in `DE`.")]
Locale = Annotated[str, Meta(max_length=20, description="How numbers and dates are written, as in `de` or `pt_BR`.")]


class NewProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who invoices are for. What is left out is not printed; without a `name` it is the team's.

    `reference` is the customer's own: an order's number, a cost centre.
    """

    name: Line | None = None
    address: Address = ()
    country: Country | None = None
    tax_ids: TaxIds = ()
    locale: Locale | None = None
    reference: Line | None = None


class ProfileView(msgspec.Struct, frozen=True):
    """Who invoices are for. `email` is the team's `billing_email`; `version` is the ETag, at first 0."""

    name: str
    address: tuple[str, ...]
    country: str | None
    tax_ids: tuple[str, ...]
    email: str | None
    locale: str
    reference: str | None
    version: int
    changed_at: datetime | None


@get(PATH, guards=[may("view_billing")], responses=problems(NotFound), tags=["billing"])
async def get_profile(team: TheTeam, shell: TheShell) -> Response[ProfileView]:
    """Show who the team's invoices are for, with its version as ETag."""
    async with shell.readers.connection() as conn:
        kept = await profiles.get(conn, team.id)
    return versions.tagged(_view(kept, team.name, team.billing_email), kept.version)


@put(
    PATH,
    guards=[may("edit_billing_profile")],
    responses=problems(NotFound, TeamDeleted, ChangedMeanwhile, InvalidBody, BodyTooLarge, UnsupportedEncoding),
    tags=["billing"],
)
async def put_profile(
    data: JSONBody[NewProfile], team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> Response[ProfileView]:
    """Say who the team's invoices are for, from the next one on: what was billed stays as it was written.

    Replaces all of it, with If-Match only that version.
    """
    wanted = Profile(**msgspec.structs.asdict(data))
    async with shell.pool.connection() as conn, conn.transaction():
        there = await teams.lock(conn, team)
        before = await profiles.get(conn, there.id)
        versions.check(if_match, before.version)
        kept = await profiles.put(conn, there.id, wanted, actor.at)
        was, now = (_view(each, there.name, there.billing_email) for each in (before, kept))
        subject = audit.of(there, "billing_profile", there.public_id)
        await audit.record(conn, actor, "billing_profile.change", subject, was, now)
    return versions.tagged(now, kept.version)


def _view(profile: Profile, name: str, email: str | None) -> ProfileView:
    """The profile with what the team's own name and address stand in for."""
    return ProfileView(
        name=profile.name or name,
        address=profile.address,
        country=profile.country,
        tax_ids=profile.tax_ids,
        email=email,
        locale=profile.locale or profiles.ENGLISH,
        reference=profile.reference,
        version=profile.version,
        changed_at=profile.changed_at,
    )


HANDLERS = (get_profile, put_profile)
