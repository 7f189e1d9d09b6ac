"""Keys: random, shown once, kept as a hash, looked up by it at each request so that a revocation acts at once."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from meter import audit
from meter.audit import Actor
from meter.database import Connection
from meter.errors import InvalidBody, KeyEnded, LastOperatorKey, NotFound
from meter.model import Caller, Team
from meter.permissions import SCOPES, Scope
from meter.settings import SettingsError
from sql import statement

Kind = Literal["standard", "internal"]

ALPHABET = string.ascii_letters + string.digits
PREFIX_LENGTH = 8
SECRET_LENGTH = 43  # of 62 characters: 256 bits
LONGEST = 200
FORM = re.compile(rf"hm_[0-9A-Za-z]{{{PREFIX_LENGTH}}}_[0-9A-Za-z_-]{{32,}}")
LABELLED_FORM = re.compile(rf"(hm_[a-z0-9]{{1,16}}_[0-9A-Za-z]{{{PREFIX_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH}}}")
LABEL = r"^[a-z0-9]{1,16}$(?!\n)"
LABELLED = 3  # parts of a prefix with a label
SEEN_EVERY = timedelta(minutes=1)
OPERATOR_FILE = "operator.key"


class Secret(NamedTuple):
    """One of the secrets that open a key now, as it may be shown: by its prefix."""

    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class Key(NamedTuple):
    """A key as it may be shown again and again, without its secrets; `prefix` is the newest one's."""

    public_id: UUID
    prefix: str
    name: str
    scopes: list[str]
    kind: str
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    version: int = 1
    secrets: tuple[Secret, ...] = ()


def make(label: str | None = None) -> tuple[str, str]:
    """A new prefix and key, `hm_<label>_<prefix>_<secret>`: the label is chosen, the secret has 256 random bits."""
    unique, secret = ("".join(secrets.choice(ALPHABET) for _ in range(n)) for n in (PREFIX_LENGTH, SECRET_LENGTH))
    prefix = "_".join(("hm", label, unique) if label else ("hm", unique))
    return prefix, f"{prefix}_{secret}"


def prefix_of(key: str) -> str:
    """What may be shown of a key somebody gave us: the prefix of one we could have made, else nothing but `hm_`."""
    labelled = LABELLED_FORM.fullmatch(key)
    if labelled:
        return labelled[1]
    return key[: 3 + PREFIX_LENGTH] if FORM.fullmatch(key) else "hm_"


def hash_of(secret: str) -> bytes:
    """What is stored of a secret. One round of SHA-256 is enough for 256 random bits: there is nothing to guess."""
    return sha256(secret.encode()).digest()


async def create(  # noqa: PLR0913, PLR0917 (a column each)
    conn: Connection,
    team_id: int | None,
    name: str,
    scopes: Sequence[Scope],
    kind: Kind,
    now: datetime,
    label: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[Key, str]:
    """Makes a key of a team (None: the operator's), in the caller's transaction; answers it and its secret.

    Nobody can ask for the secret again. Raises InvalidBody for a key that would have expired before it is made.
    """
    if expires_at is not None and expires_at <= now:
        raise InvalidBody("expires_at: choose a time that is yet to come")
    prefix, secret = make(label)
    ordered = [scope for scope in SCOPES if scope in scopes]
    key = Key(uuid7(), prefix, name, list[str](ordered), kind, now, expires_at=expires_at)
    await _store(conn, team_id, key, secret)
    return key._replace(secrets=(Secret(prefix, now, None, None),)), secret


async def _store(conn: Connection, team_id: int | None, key: Key, secret: str) -> bool:
    """Stores a key; False, and nothing is stored, where its secret is known."""
    row = key._asdict() | {"team_id": team_id, "secret_hash": hash_of(secret)}
    return await (await conn.execute(statement("create_key"), row)).fetchone() is not None


async def list_keys(
    conn: Connection, team_id: int | None, after: UUID | None, rows: int, now: datetime, one: UUID | None = None
) -> list[Key]:
    """At most `rows` keys of a team that come after the one named, oldest first, revoked ones too."""
    asked = {"team_id": team_id, "after": after, "rows": rows, "now": now, "one": one}
    found = await (await conn.execute(statement("list_keys"), asked)).fetchall()
    return [Key._make((*row[:10], msgspec.convert(row[10], tuple[Secret, ...]))) for row in found]


async def get(conn: Connection, team_id: int | None, public_id: UUID, now: datetime) -> Key:
    """One key of a team (None: of the operator). Raises NotFound."""
    for key in await list_keys(conn, team_id, None, 1, now, public_id):
        return key
    raise NotFound("there is no such key")


class Locked(NamedTuple):
    """A key that nobody else changes until the transaction ends."""

    id: int
    key: Key


async def lock(conn: Connection, team_id: int | None, public_id: UUID, now: datetime) -> Locked:
    """The key as it is and stays until the caller's transaction ends. Raises NotFound."""
    asked = {"team_id": team_id, "public_id": public_id}
    row = await (await conn.execute(statement("lock_key"), asked)).fetchone()
    if row is None:
        raise NotFound("there is no such key")
    return Locked(row[0], await get(conn, team_id, public_id, now))


async def rename(conn: Connection, locked: Locked, name: str) -> Key:
    """Gives a key another name."""
    await conn.execute(statement("rename_key"), {"id": locked.id, "name": name})
    return locked.key._replace(name=name, version=locked.key.version + 1)


async def rotate(conn: Connection, locked: Locked, overlap: timedelta, now: datetime) -> str:
    """Gives a key another secret, with the label it has, and answers it; older ones open it for `overlap` yet.

    Raises KeyEnded for a key that nothing opens any more.
    """
    if not locked.key.secrets:
        raise KeyEnded("it was revoked or has expired; make another")
    prefix, secret = make(label_of(locked.key.prefix))
    await conn.execute(statement("expire_secrets"), {"id": locked.id, "until": now + overlap})
    row = {"id": locked.id, "prefix": prefix, "secret_hash": hash_of(secret), "now": now}
    await conn.execute(statement("add_secret"), row)
    return secret


def label_of(prefix: str) -> str | None:
    """The label that was chosen for a key, from its prefix; None for one without."""
    parts = prefix.split("_")
    return parts[1] if len(parts) == LABELLED else None


async def revoke(conn: Connection, team_id: int | None, locked: Locked, now: datetime) -> None:
    """Revokes a key with all its secrets at once; revoked before, it stays as it is.

    Raises LastOperatorKey when the operator would be left without a key that goes on.
    """
    if team_id is None and locked.key.revoked_at is None:
        await conn.execute(statement("lock_operator"))
        if not await _operator_has_key(conn, locked.key.public_id):
            raise LastOperatorKey("make another one that does not expire first")
    await conn.execute(statement("revoke_key"), {"id": locked.id, "now": now})


async def _operator_has_key(conn: Connection, but: UUID | None) -> bool:
    row = await (await conn.execute(statement("find_operator_key"), {"but": but})).fetchone()
    return bool(row and row[0])


def caller(row: Sequence[Any], member: str | None = None) -> Caller:
    """Who is asking, from a row of find_session, or of find_keys from its second column on."""
    return Caller(
        key_id=row[0],
        key_public_id=row[1],
        team=Team(*row[8:]) if row[8] is not None else None,
        scopes=frozenset(row[2]),
        internal=row[3] == "internal",
        member=member,
        role=row[7],
        key_prefix=row[6],
    )


class Shown(NamedTuple):
    """A key as a request shows it: with the member that it is for, and the team that the operator's asks about."""

    hash: bytes
    member: str | None = None
    asked: UUID | None = None


async def find(conn: Connection, shown: Sequence[Shown], now: datetime) -> list[Caller | None]:
    """Whose keys these are, None for one that is unknown, revoked or expired; a use is noted at most once a minute.

    With a `member`, what they are in the key's team. The operator's key then acts in the team `asked` about, if there
    is one. The index compares hashes of whole keys, so how long a refusal takes says nothing about any key.
    """
    hashes, members, asked = map(list, zip(*shown, strict=True))
    given = {"secret_hashes": hashes, "members": members, "asked": asked, "now": now}
    rows = await (await conn.execute(statement("find_keys"), given)).fetchall()
    unseen = {row[5] for row in rows if row[6] is None or now - row[6] >= SEEN_EVERY}
    if unseen:
        touched = {"secret_ids": list(unseen), "now": now, "before": now - SEEN_EVERY}
        await conn.execute(statement("touch_keys"), touched)
    found = {row[0]: row[1:] for row in rows}
    return [caller(found[place], one.member) if place in found else None for place, one in enumerate(shown, 1)]


async def find_one(conn: Connection, key: str, now: datetime, member: str | None = None) -> Caller | None:
    """Whose key this one is."""
    (found,) = await find(conn, [Shown(hash_of(key), member)], now)
    return found


async def ensure_operator(conn: Connection, given: str | None, data_dir: Path, now: datetime) -> None:
    """Sees to it that there is an operator key: the given one; else any there is; else one made now.

    One that is made is written to `operator.key` in the data directory, readable by its owner alone, and nowhere else.
    A file that is there from an earlier attempt is used again, so a crash between file and commit costs nothing.

    Raises:
        SettingsError: that file holds no key.
        OSError: it can't be written.
    """
    async with conn.transaction():
        await conn.execute(statement("lock_operator"))
        if given is None:
            if await _operator_has_key(conn, None):
                return
            given = kept_key(data_dir / OPERATOR_FILE)
        key = Key(uuid7(), prefix_of(given), "operator", list(SCOPES), "standard", now)
        if await _store(conn, None, key, given):
            said = {"prefix": key.prefix, "name": key.name, "scopes": key.scopes}
            await audit.record(
                conn, Actor("system", now), "key.create", audit.of(None, "key", key.public_id), None, said
            )


def kept_key(path: Path) -> str:
    """The key in a file, which is made if it is not there. Raises SettingsError for a file that holds none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w") as file:
            file.write(f"{make()[1]}\n")
    key = path.read_text("utf-8").strip()
    if not FORM.fullmatch(key) and not LABELLED_FORM.fullmatch(key):
        raise SettingsError(f"{path} holds no key; remove it and one is made")
    return key
