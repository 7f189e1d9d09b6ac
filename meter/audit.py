"""Who did what, when, and how was it before and after? Written in the transaction of the change, never altered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from meter.database import Connection
from meter.model import Caller, Team
from sql import statement

ActorKind = Literal["operator", "key", "invitation", "system"]


class Actor(NamedTuple):
    """Who changes something, when and in which request: the operator, a team's key, who was invited, or the worker.

    `member` is whom a key acted for.
    """

    kind: ActorKind
    at: datetime
    key_id: int | None = None
    key_prefix: str | None = None
    member: str | None = None
    request_id: str | None = None


def who(actor: Actor) -> str:
    """An actor in a word or three: `operator`, `key hm_abcdefgh`, `key hm_abcdefgh for ada`."""
    words = (actor.kind, actor.key_prefix if actor.kind != "operator" else None, actor.member and f"for {actor.member}")
    return " ".join(filter(None, words))


class Subject(NamedTuple):
    """What was changed: of which team (None: of none), and `kind:id`."""

    team_id: int | None
    name: str


class Entry(NamedTuple):
    """A row of the log. `position` says where a page ends; `before` and `after` are what the API showed then."""

    position: int
    public_id: UUID
    at: datetime
    team: UUID | None
    actor: str
    key: UUID | None
    key_prefix: str | None
    member: str | None
    request_id: str | None
    action: str
    subject: str
    before: msgspec.Raw
    after: msgspec.Raw


def actor_of(caller: Caller, at: datetime, request_id: str | None = None) -> Actor:
    """The actor behind a request."""
    kind: ActorKind = "operator" if caller.is_operator else "key"
    return Actor(kind, at, caller.key_id, caller.key_prefix, caller.member, request_id)


def of(team: Team | None, kind: str, name: object) -> Subject:
    """Something of a team (None: of the operator) as the log names it."""
    return Subject(None if team is None else team.id, f"{kind}:{name}")


async def record(
    conn: Connection, actor: Actor, action: str, subject: Subject, before: object = None, after: object = None
) -> None:
    """Writes down a change (`noun.verb`) in its own transaction: what was there and what is, None for nothing.

    Both are shown as they are to whoever may read the log: never hand in a secret.
    """
    row = actor._asdict() | {
        "public_id": uuid7(),
        "team_id": subject.team_id,
        "action": action,
        "subject": subject.name,
        "before": _json(before),
        "after": _json(after),
    }
    await conn.execute(statement("record_audit"), row)


def _json(value: object) -> Jsonb | None:
    return None if value is None else Jsonb(value, dumps=msgspec.json.encode)


async def entries(
    conn: Connection, team_id: int | None, action: str | None, before: int | None, rows: int
) -> Sequence[Entry]:
    """At most `rows` entries below a position, newest first: of a team or of all (None), of one action or any."""
    asked = {"team_id": team_id, "action": action, "before": before, "rows": rows}
    found = await (await conn.execute(statement("list_audit"), asked)).fetchall()
    return [Entry._make((*row[:11], _raw(row[11]), _raw(row[12]))) for row in found]


def _raw(text: Any) -> msgspec.Raw:  # noqa: ANN401 (a column)
    return msgspec.Raw(b"null" if text is None else str(text).encode())
