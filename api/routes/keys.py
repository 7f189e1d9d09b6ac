"""/v1/teams/{team}/keys: what programs of a team identify themselves with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import Provide
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.auth import may, path_team
from api.errors import problems
from api.given import TheCaller, TheShell, TheTeam
from api.idempotency import Retry, once
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.routes.teams import Line
from meter import keys
from meter.errors import BodyTooLarge, Forbidden, IdempotencyConflict, InvalidBody, NotFound, UnsupportedEncoding
from meter.keys import Kind
from meter.permissions import Scope

PATH = "/v1/teams/{team_id:uuid}/keys"


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may do. Usage under an `internal` key is never billed, so only the operator makes those."""

    name: Line
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)]
    kind: Kind = "standard"


class CreatedKey(msgspec.Struct, frozen=True):
    """A new key. `key` is shown this once; a retry under the same Idempotency-Key gets everything but it (null)."""

    id: UUID
    key: str | None
    prefix: str
    name: str
    scopes: list[str]
    kind: str
    created_at: datetime


class KeyView(msgspec.Struct, frozen=True):
    """A key without its secret; `last_used_at` is exact to a minute."""

    id: UUID
    prefix: str
    name: str
    scopes: list[str]
    kind: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def without_secret(created: CreatedKey) -> CreatedKey:
    """What is stored of the answer for retries: secrets never are."""
    return msgspec.structs.replace(created, key=None)


@post(
    PATH,
    guards=[may("manage_keys")],
    dependencies={"team": Provide(path_team)},
    responses=problems(NotFound, InvalidBody, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding),
    tags=["keys"],
)
async def create_key(
    data: JSONBody[NewKey],
    team: TheTeam,
    caller: TheCaller,
    retry: Retry,
    shell: TheShell,
) -> Response[CreatedKey]:
    """Make a key; the only answer that shows it.

    A retry with the same Idempotency-Key makes no second key and gets the first one's id and prefix, without the
    secret, which we do not keep: when the first answer was lost, revoke that key and make another.
    """
    if data.kind == "internal" and not caller.is_operator:
        raise Forbidden("usage under internal keys is never billed; only the operator's key makes them")
    now = shell.clock()
    async with shell.pool.connection() as conn:

        async def make() -> CreatedKey:
            key, secret = await keys.create(conn, team.id, data.name, data.scopes, data.kind, now)
            return CreatedKey(key.public_id, secret, key.prefix, key.name, key.scopes, key.kind, key.created_at)

        return await once(conn, retry, make, now, keep=without_secret)


@get(
    PATH,
    guards=[may("manage_keys")],
    dependencies={"team": Provide(path_team)},
    responses=problems(NotFound),
    tags=["keys"],
)
async def list_keys(
    team: TheTeam, shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[KeyView]:
    """List a team's keys, oldest first, revoked ones too; prefixes and last use, never secrets."""
    async with shell.pool.connection() as conn:
        found = await keys.list_keys(conn, team.id, position_of(cursor, UUID), limit + 1)
    return page(found, limit, lambda key: KeyView(*key), lambda key: key.public_id)


@delete(
    PATH + "/{key_id:uuid}",
    guards=[may("manage_keys")],
    dependencies={"team": Provide(path_team)},
    responses=problems(NotFound),
    tags=["keys"],
)
async def revoke_key(team: TheTeam, key_id: FromPath[UUID], shell: TheShell) -> None:
    """Revoke a key: the next request with it is refused. Revoking it again changes nothing."""
    async with shell.pool.connection() as conn:
        if not await keys.revoke(conn, team.id, key_id, shell.clock()):
            raise NotFound("this team has no such key")


HANDLERS = (create_key, list_keys, revoke_key)
