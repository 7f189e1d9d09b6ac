"""Making, rotating and revoking keys, for a team and for the operator alike; each change is in the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import Meta

from api import versions
from api.idempotency import once
from api.names import Line
from api.state import Shell
from meter import audit, keys
from meter.answers import Request as Retried
from meter.audit import Actor
from meter.errors import Forbidden, InvalidBody
from meter.keys import LABEL, Key, Kind
from meter.model import Caller, Team
from meter.permissions import SCOPES, Scope

LONGEST_OVERLAP_S = 90 * 86_400
A_DAY_S = 86_400

Label = Annotated[str, Meta(pattern=LABEL, description="Yours to choose: keys read `hm_<label>_…` then.")]
Days = Annotated[int, Meta(ge=1, le=3650)]
Overlap = Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP_S, description="For how long older secrets still open it.")]


class NewOperatorKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that may do everything, for ever unless it is given an end, as `expires_at` or in days."""

    name: Line
    label: Label | None = None
    expires_at: datetime | None = None
    expires_in_days: Days | None = None


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may do, and until when, as `expires_at` or in days; for ever without.

    Usage under an `internal` key is never billed, so only the operator makes those.
    """

    name: Line
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)]
    kind: Kind = "standard"
    label: Label | None = None
    expires_at: datetime | None = None
    expires_in_days: Days | None = None


class KeyEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a key may change; its scopes never do."""

    name: Line


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a secret is replaced: a day in which both open the key, unless said otherwise."""

    overlap_seconds: Overlap = A_DAY_S


class SecretView(msgspec.Struct, frozen=True):
    """A secret that opens a key now, by its prefix; `last_used_at` is exact to a minute."""

    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class KeyView(msgspec.Struct, frozen=True):
    """A key without its secrets; `prefix` is the newest one's, `secrets` are those that open it now."""

    id: UUID
    prefix: str
    name: str
    scopes: list[str]
    kind: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    expires_at: datetime | None
    version: int
    secrets: list[SecretView]


class CreatedKey(KeyView, frozen=True, kw_only=True):
    """A key with its new secret. `key` is shown this once; a retry under the same Idempotency-Key gets null for it."""

    key: str | None


def shown(key: Key) -> KeyView:
    """The key as the API shows it."""
    return KeyView(*key[:10], [SecretView(*secret) for secret in key.secrets])


def with_secret(key: Key, secret: str) -> CreatedKey:
    """The key with its new secret, for the one answer that shows it."""
    return CreatedKey(*key[:10], [SecretView(*each) for each in key.secrets], key=secret)


def without_secret(created: CreatedKey) -> CreatedKey:
    """What is stored of the answer for retries: secrets never are."""
    return msgspec.structs.replace(created, key=None)


def expiry(data: NewKey | NewOperatorKey, now: datetime) -> datetime | None:
    """When the new key ends. Raises InvalidBody for two answers to that, a time without a zone or none of our days."""
    if data.expires_in_days is not None:
        if data.expires_at is not None:
            raise InvalidBody("give `expires_at` or `expires_in_days`, not both")
        return now + timedelta(days=data.expires_in_days)
    if data.expires_at is not None and data.expires_at.tzinfo is None:
        raise InvalidBody("expires_at: write it with a zone, as in 2027-01-01T00:00:00Z")
    try:
        return None if data.expires_at is None else data.expires_at.astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999 west of Greenwich: nobody could read that back
        raise InvalidBody("expires_at: the year is out of range; leave it out for a key without an end") from None


def check_power(caller: Caller, scopes: list[str], kind: str) -> None:
    """Raises Forbidden where the secret of such a key would let its holder do more than the caller may."""
    if kind == "internal" and not caller.is_operator:
        raise Forbidden("usage under internal keys is never billed; only the operator's key makes and rotates them")
    if "admin" in scopes and caller.role not in {None, "owner"}:
        raise Forbidden("without X-User-ID a key with the scope admin acts as an owner, so only owners get its secret")


async def create(
    shell: Shell, team: Team | None, data: NewKey | NewOperatorKey, caller: Caller, retry: Retried | None, actor: Actor
) -> Response[CreatedKey]:
    """Makes a key of a team, or of the operator."""
    scopes: list[Scope] = list(data.scopes) if isinstance(data, NewKey) else list(SCOPES)
    kind: Kind = data.kind if isinstance(data, NewKey) else "standard"
    check_power(caller, list(scopes), kind)
    team_id, ends = (team.id if team else None), expiry(data, actor.at)
    async with shell.pool.connection() as conn:

        async def make() -> CreatedKey:
            key, secret = await keys.create(conn, team_id, data.name, scopes, kind, actor.at, data.label, ends)
            await audit.record(conn, actor, "key.create", audit.of(team, "key", key.public_id), None, shown(key))
            return with_secret(key, secret)

        return await once(conn, retry, make, actor.at, keep=without_secret)


async def edit(
    shell: Shell, team: Team | None, key_id: UUID, data: KeyEdit, if_match: str | None, actor: Actor
) -> Response[KeyView]:
    """Gives a key another name."""
    async with shell.pool.connection() as conn, conn.transaction():
        locked = await keys.lock(conn, team.id if team else None, key_id, actor.at)
        versions.check(if_match, locked.key.version)
        key = await keys.rename(conn, locked, data.name)
        subject = audit.of(team, "key", key_id)
        await audit.record(conn, actor, "key.edit", subject, shown(locked.key), shown(key))
    return versions.tagged(shown(key), key.version)


async def rotate(
    shell: Shell, team: Team | None, key_id: UUID, data: Rotation, caller: Caller, retry: Retried | None, actor: Actor
) -> Response[CreatedKey]:
    """Gives a key another secret."""
    team_id = team.id if team else None
    async with shell.pool.connection() as conn:

        async def make() -> CreatedKey:
            locked = await keys.lock(conn, team_id, key_id, actor.at)
            check_power(caller, locked.key.scopes, locked.key.kind)
            secret = await keys.rotate(conn, locked, timedelta(seconds=data.overlap_seconds), actor.at)
            key = await keys.get(conn, team_id, key_id, actor.at)
            subject = audit.of(team, "key", key_id)
            await audit.record(conn, actor, "key.rotate", subject, shown(locked.key), shown(key))
            return with_secret(key, secret)

        return await once(conn, retry, make, actor.at, keep=without_secret)


async def revoke(shell: Shell, team: Team | None, key_id: UUID, if_match: str | None, actor: Actor) -> None:
    """Revokes a key; one that was revoked is left as it is, and nothing is written down."""
    team_id = team.id if team else None
    async with shell.pool.connection() as conn, conn.transaction():
        locked = await keys.lock(conn, team_id, key_id, actor.at)
        versions.check(if_match, locked.key.version)
        if locked.key.revoked_at is None:
            await keys.revoke(conn, team_id, locked, actor.at)
            key = await keys.get(conn, team_id, key_id, actor.at)
            subject = audit.of(team, "key", key_id)
            await audit.record(conn, actor, "key.revoke", subject, shown(locked.key), shown(key))
