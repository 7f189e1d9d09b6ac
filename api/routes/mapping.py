"""/v1/mapping: which series does what collectors send count to? Rules, a trial of them, and what no rule takes."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get, post, put
from litestar.params import JSONBody

from api import versions
from api.auth import may
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.mapping_trial import Became, Known, Source, tried
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.request import TOML_TOO
from api.versions import IfMatch
from meter import audit
from meter.errors import (
    BatchTooLarge,
    BodyTooLarge,
    ChangedMeanwhile,
    InvalidBody,
    InvalidMapping,
    NotFound,
    UnsupportedEncoding,
)
from meter.ingest import load_meters
from meter.mapping import store
from meter.mapping.presets import presets
from meter.mapping.rules import Document, wrong
from meter.mapping.unmapped import UnmappedName, unmapped
from meter.telemetry import kinds_of

Encoded = Annotated[str, msgspec.Meta(description="The body as it was sent, packed or not, in base64.")]


class MappingView(msgspec.Struct, frozen=True):
    """The mapping of a team, as it was put; `changed_at` is null where it is the one that every team begins with."""

    version: int
    changed_at: datetime | None
    mapping: Document


class PresetView(msgspec.Struct, frozen=True):
    """Rules that come with the service, by the name that a mapping's `presets` calls them by."""

    name: str
    mapping: Document


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body to try: whose form it has, its Content-Type and Content-Encoding, and the mapping (else the team's)."""

    source: Source
    body: Encoded
    content_type: Annotated[str, msgspec.Meta(max_length=200)] = "application/json"
    content_encoding: Annotated[str, msgspec.Meta(max_length=40)] = ""
    mapping: Document | None = None


class TrialAnswer(msgspec.Struct, frozen=True):
    """What each stream or event of a body would become; `refused` could not be counted whatever the mapping says."""

    items: list[Became]
    refused: list[str]


@get("/v1/mapping", guards=[may("view_mapping")], responses=problems(NotFound), tags=["collectors"])
async def get_mapping(team: TheTeam, shell: TheShell) -> Response[MappingView]:
    """Show the mapping of a team, with its version as ETag."""
    async with shell.pool.connection() as conn:
        kept = await store.get(conn, team.id)
    return versions.tagged(_view(kept), kept.version)


@put(
    "/v1/mapping",
    guards=[may("manage_mapping")],
    responses=problems(NotFound, InvalidBody, InvalidMapping, ChangedMeanwhile, BodyTooLarge, UnsupportedEncoding),
    opt=TOML_TOO,
    tags=["collectors"],
)
async def put_mapping(
    data: JSONBody[Document], team: TheTeam, actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> Response[MappingView]:
    """Replace the mapping of a team, with If-Match only that version of it. Written as JSON, or as TOML with that type.

    It holds from the next body on: what was counted stays where it is.
    """
    async with shell.pool.connection() as conn, conn.transaction():
        await store.lock(conn, team.id)
        before = await store.get(conn, team.id)
        versions.check(if_match, before.version)
        kept = await store.put(conn, team.id, data, await load_meters(conn, team.id), actor.at)
        await audit.record(
            conn, actor, "mapping.change", audit.of(team, "mapping", team.public_id), _view(before), _view(kept)
        )
    return versions.tagged(_view(kept), kept.version)


@get("/v1/mapping/presets", guards=[may("view_mapping")], responses=problems(NotFound), tags=["collectors"])
async def list_presets() -> Page[PresetView]:
    """List the rules that come with the service, by the names that a mapping calls them by."""
    return Page([PresetView(name, mapping) for name, mapping in presets().items()], None)


@get("/v1/mapping/unmapped", guards=[may("view_mapping")], responses=problems(NotFound), tags=["collectors"])
async def list_unmapped(
    team: TheTeam, shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[UnmappedName]:
    """List what was sent and makes no usage, by source and name, with why and how much. None of it is billed."""
    after = position_of(cursor, tuple[str, str, str]) or ("", "", "")
    async with shell.pool.connection() as conn:
        found = await unmapped(conn, team.id, after, limit + 1)
    return page(found, limit, lambda each: each, lambda each: (each.source, each.name, each.reason))


@post(
    "/v1/mapping/preview",
    status_code=200,
    guards=[may("view_mapping")],
    responses=problems(NotFound, InvalidBody, InvalidMapping, BodyTooLarge, BatchTooLarge, UnsupportedEncoding),
    tags=["collectors"],
)
async def preview_mapping(data: JSONBody[Trial], team: TheTeam, caller: TheCaller, shell: TheShell) -> TrialAnswer:
    """Try a mapping, the team's or one not put yet, on a body: what would become of it. Nothing is stored."""
    async with shell.pool.connection() as conn:
        meters = await load_meters(conn, team.id)
        kept = await store.get(conn, team.id)
        kinds = await kinds_of(conn, team.id, data.source)
    if data.mapping is not None:
        found = wrong(data.mapping, meters, presets())
        if found:
            raise InvalidMapping(found)
        kept = kept._replace(document=data.mapping)
    try:
        body = b64decode(data.body, validate=True)
    except ValueError as error:  # letters that are none of base64's, or not enough of them
        raise InvalidBody(f"body: {error}; write the bytes that were sent in base64") from error
    sent = (data.source, body, data.content_type, data.content_encoding)
    known = Known(meters, kinds, caller.member)
    items, refused = await asyncio.to_thread(tried, sent, store.rules_of(kept), known, shell.settings)
    return TrialAnswer(items, refused)


def _view(kept: store.Kept) -> MappingView:
    return MappingView(kept.version, kept.changed_at, kept.document)


HANDLERS = (get_mapping, put_mapping, list_presets, list_unmapped, preview_mapping)
