"""/v1/operator/keys: the operator's own keys, which may do everything."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from api import key_work
from api.auth import may
from api.errors import problems
from api.given import TheActor, TheCaller, TheShell
from api.idempotency import Retry
from api.key_work import CreatedKey, KeyView, NewOperatorKey, Rotation, shown
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, position_of
from api.versions import IfMatch
from meter import keys
from meter.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    IdempotencyConflict,
    InvalidBody,
    KeyEnded,
    LastOperatorKey,
    NotFound,
    UnsupportedEncoding,
)

PATH = "/v1/operator/keys"
OPERATE: dict[str, Any] = {"guards": [may("operate")], "tags": ["operator"]}
OF_A_BODY = (InvalidBody, IdempotencyConflict, BodyTooLarge, UnsupportedEncoding)


@post(PATH, responses=problems(*OF_A_BODY), **OPERATE)
async def create_operator_key(
    data: JSONBody[NewOperatorKey], caller: TheCaller, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[CreatedKey]:
    """Make another key of the operator; the only answer that shows it."""
    return await key_work.create(shell, None, data, caller, retry, actor)


@get(PATH, responses=problems(), **OPERATE)
async def list_operator_keys(shell: TheShell, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[KeyView]:
    """List the operator's keys, oldest first, revoked ones too; prefixes and last use, never secrets."""
    async with shell.pool.connection() as conn:
        found = await keys.list_keys(conn, None, position_of(cursor, UUID), limit + 1, shell.clock())
    return page(found, limit, shown, lambda key: key.public_id)


@post(PATH + "/{key_id:uuid}/rotate", responses=problems(*OF_A_BODY, NotFound, KeyEnded), **OPERATE)
async def rotate_operator_key(
    key_id: FromPath[UUID],
    caller: TheCaller,
    actor: TheActor,
    retry: Retry,
    shell: TheShell,
    data: JSONBody[Rotation | None] = None,
) -> Response[CreatedKey]:
    """Give a key of the operator another secret; older ones open it for a day yet, or as asked.

    One that METER_OPERATOR_KEY gave ends too: put the new secret there, or take the setting away.
    """
    return await key_work.rotate(shell, None, key_id, data or Rotation(), caller, retry, actor)


@delete(PATH + "/{key_id:uuid}", responses=problems(NotFound, ChangedMeanwhile, LastOperatorKey), **OPERATE)
async def revoke_operator_key(
    key_id: FromPath[UUID], actor: TheActor, shell: TheShell, if_match: IfMatch = None
) -> None:
    """Revoke a key of the operator, but never the last one that goes on (`last_operator_key`).

    It stays revoked when METER_OPERATOR_KEY still names it. Another value there is one more key; the others stay.
    """
    await key_work.revoke(shell, None, key_id, if_match, actor)


HANDLERS = (create_operator_key, list_operator_keys, rotate_operator_key, revoke_operator_key)
