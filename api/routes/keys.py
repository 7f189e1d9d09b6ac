"""/v1/teams/{team}/keys: what programs of a team identify themselves with."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import Provide
from litestar.params import FromPath, JSONBody

from api import key_work, versions
from api.auth import live_team, may, path_team
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.idempotency import Retry
from api.key_work import CreatedKey, KeyEdit, KeyView, NewKey, Rotation, shown
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.versions import IfMatch
from meter import keys
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    IdempotencyConflict,
    InvalidBody,
    KeyEnded,
    NotFound,
    TeamDeleted,
    UnsupportedEncoding,
)

PATH = "/v1/teams/{team_id:uuid}/keys"
ANY: dict[str, Any] = {"guards": [may("manage_keys")], "tags": ["keys"]}
LOOK: dict[str, Any] = {**ANY, "dependencies": {"team": Provide(path_team)}, "responses": problems(NotFound)}
CHANGE: dict[str, Any] = {
    "guards": [may("manage_keys")],
    "dependencies": {"team": Provide(live_team)},
    "tags": ["keys"],
}
OF_A_BODY = (NotFound, TeamDeleted, InvalidBody, BodyTooLarge, UnsupportedEncoding)


@post(PATH, responses=problems(*OF_A_BODY, IdempotencyConflict), **CHANGE)
async def create_key(
    data: JSONBody[NewKey], team: TheTeam, caller: TheCaller, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[CreatedKey]:
    """Make a key; the only answer that shows it.

    A retry with the same Idempotency-Key makes no second key and gets the first one's id and prefix, without the
    secret, which we do not keep: when the first answer was lost, revoke that key and make another.
    """
    return await key_work.create(shell, team, data, caller, retry, actor)


@get(PATH, **LOOK)
async def list_keys(
    team: TheTeam, shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[KeyView]:
    """List a team's keys, oldest first, revoked ones too; prefixes and last use, never secrets."""
    async with shell.pool.connection() as conn:
        found = await keys.list_keys(conn, team.id, position_of(cursor, UUID), limit + 1, shell.clock())
    return page(found, limit, shown, lambda key: key.public_id)


@get(PATH + "/{key_id:uuid}", **LOOK)
async def get_key(team: TheTeam, key_id: FromPath[UUID], shell: TheShell) -> Response[KeyView]:
    """Show a key without its secrets; its version is the ETag."""
    async with shell.pool.connection() as conn:
        key = await keys.get(conn, team.id, key_id, shell.clock())
    return versions.tagged(shown(key), key.version)


@patch(PATH + "/{key_id:uuid}", responses=problems(*OF_A_BODY, ChangedMeanwhile), **CHANGE)
async def edit_key(
    data: JSONBody[KeyEdit],
    team: TheTeam,
    key_id: FromPath[UUID],
    actor: TheActor,
    shell: TheShell,
    if_match: IfMatch = None,
) -> Response[KeyView]:
    """Give a key another name."""
    return await key_work.edit(shell, team, key_id, data, if_match, actor)


@post(PATH + "/{key_id:uuid}/rotate", responses=problems(*OF_A_BODY, KeyEnded, IdempotencyConflict), **CHANGE)
async def rotate_key(
    team: TheTeam,
    key_id: FromPath[UUID],
    caller: TheCaller,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
    data: JSONBody[Rotation | None] = None,
) -> Response[CreatedKey]:
    """Give a key another secret; the only answer that shows it. Older ones open the key for a day yet, or as asked.

    The key stays the same one: its usage, scopes, name and end go on. A retry with the same Idempotency-Key makes no
    third secret and does not show the second one again.
    """
    return await key_work.rotate(shell, team, key_id, data or Rotation(), caller, retry, actor)


@delete(PATH + "/{key_id:uuid}", responses=problems(NotFound, TeamDeleted, ChangedMeanwhile), **CHANGE)
async def revoke_key(
    team: TheTeam, key_id: FromPath[UUID], actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> None:
    """Revoke a key with all its secrets: the next request is refused. Revoking it again changes nothing."""
    await key_work.revoke(shell, team, key_id, if_match, actor)


HANDLERS = (create_key, list_keys, get_key, edit_key, rotate_key, revoke_key)
