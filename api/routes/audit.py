"""/v1/audit and /v1/teams/{team}/audit: who changed what, and how it was before."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import Provide
from litestar.params import QueryParameter

from api.auth import may, path_team
from api.errors import problems
from api.given import TheShell, TheTeam
from api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, page, row_of
from api.state import Shell
from meter import audit
from meter.audit import Entry
from meter.errors import NotFound

Action = Annotated[str | None, QueryParameter(max_length=80, description="Only this action, as in `key.rotate`.")]


class EntryView(msgspec.Struct, frozen=True):
    """One change. `actor` is operator, key, invitation or system; `member` is whom the key acted for.

    `before` and `after` are what the API showed of the subject (`kind:id`) then, null where there was nothing. No
    secret is ever among it.
    """

    id: UUID
    at: datetime
    team: UUID | None
    actor: str
    key: UUID | None
    key_prefix: str | None
    member: str | None
    request_id: str | None
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def shown(entry: Entry) -> EntryView:
    """The entry without its position."""
    return EntryView(*entry[1:11], *(msgspec.json.decode(each, type=dict[str, Any] | None) for each in entry[11:]))


async def _list(
    shell: Shell, team_id: int | None, action: str | None, limit: int, cursor: str | None
) -> Page[EntryView]:
    async with shell.pool.connection() as conn:
        found = await audit.entries(conn, team_id, action, row_of(cursor), limit + 1)
    return page(found, limit, shown, lambda entry: entry.position)


@get(
    "/v1/teams/{team_id:uuid}/audit",
    guards=[may("view_audit")],
    dependencies={"team": Provide(path_team)},
    responses=problems(NotFound),
    tags=["audit"],
)
async def list_team_audit(
    team: TheTeam, shell: TheShell, action: Action = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[EntryView]:
    """List what was changed in a team, newest first."""
    return await _list(shell, team.id, action, limit, cursor)


@get("/v1/audit", guards=[may("operate")], responses=problems(), tags=["audit"])
async def list_audit(
    shell: TheShell, action: Action = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[EntryView]:
    """List what was changed anywhere, newest first: in all teams, and by and of the operator."""
    return await _list(shell, None, action, limit, cursor)


HANDLERS = (list_team_audit, list_audit)
