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

from uuid_utils.compat import uuid7

from meter.database import Connection
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
SEEN_EVERY = timedelta(minutes=1)
OPERATOR_FILE = "operator.key"


class Key(NamedTuple):
    """A key as it may be shown again and again: without its secret."""

    public_id: UUID
    prefix: str
    name: str
    scopes: list[str]
    kind: str
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


def make() -> str:
    """A new key, `hm_<prefix>_<secret>`: the prefix tells keys apart for people, the secret has 256 random bits."""
    parts = ("".join(secrets.choice(ALPHABET) for _ in range(length)) for length in (PREFIX_LENGTH, SECRET_LENGTH))
    return "_".join(("hm", *parts))


def prefix_of(key: str) -> str:
    """What of a key may be shown: `hm_<prefix>` of one we made, nothing but `hm_` of one of another form."""
    return key[: 3 + PREFIX_LENGTH] if FORM.fullmatch(key) else "hm_"


def hash_of(secret: str) -> bytes:
    """What is stored of a secret. One round of SHA-256 is enough for 256 random bits: there is nothing to guess."""
    return sha256(secret.encode()).digest()


async def create(
    conn: Connection, team_id: int, name: str, scopes: Sequence[Scope], kind: Kind, now: datetime
) -> tuple[Key, str]:
    """Makes a key of a team, in the caller's transaction; answers it and its secret, which nobody can ask for again."""
    secret = make()
    ordered = [scope for scope in SCOPES if scope in scopes]
    key = Key(uuid7(), prefix_of(secret), name, list[str](ordered), kind, now)
    await _store(conn, team_id, key, secret)
    return key, secret


async def _store(conn: Connection, team_id: int | None, key: Key, secret: str) -> None:
    await conn.execute(statement("create_key"), key._asdict() | {"team_id": team_id, "secret_hash": hash_of(secret)})


async def list_keys(conn: Connection, team_id: int, after: UUID | None, rows: int) -> list[Key]:
    """At most `rows` keys of a team that come after the one named, oldest first, revoked ones too."""
    found = await conn.execute(statement("list_keys"), {"team_id": team_id, "after": after, "rows": rows})
    return [Key(*row) for row in await found.fetchall()]


async def revoke(conn: Connection, team_id: int, public_id: UUID, now: datetime) -> bool:
    """Revokes a key of a team, again and again if need be; False where the team has no such key."""
    asked = {"team_id": team_id, "public_id": public_id, "now": now}
    return await (await conn.execute(statement("revoke_key"), asked)).fetchone() is not None


def caller(row: Sequence[Any], member: str | None = None) -> Caller:
    """Who is asking, from a row of find_key or find_session."""
    return Caller(
        key_id=row[0],
        key_public_id=row[1],
        team=Team(*row[7:]) if row[7] is not None else None,
        scopes=frozenset(row[2]),
        internal=row[3] == "internal",
        member=member,
        role=row[6],
        key_prefix=row[5],
    )


async def find(
    conn: Connection, key: str, now: datetime, member: str | None = None, asked: UUID | None = None
) -> Caller | None:
    """Whose key this is, None for one that is unknown or revoked; its use is noted at most once a minute.

    With a `member`, what they are in the key's team. The operator's key then acts in the team `asked` about, if there
    is one. The index compares hashes of whole keys, so how long a refusal takes says nothing about any key.
    """
    given = {"secret_hash": hash_of(key), "member": member, "asked": asked}
    row = await (await conn.execute(statement("find_key"), given)).fetchone()
    if row is None:
        return None
    if row[4] is None or now - row[4] >= SEEN_EVERY:
        await conn.execute(statement("touch_key"), {"key_id": row[0], "now": now, "before": now - SEEN_EVERY})
    return caller(row, member)


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
            row = await (await conn.execute(statement("find_operator_key"))).fetchone()
            if row and row[0]:
                return
            given = kept_key(data_dir / OPERATOR_FILE)
        key = Key(uuid7(), prefix_of(given), "operator", list(SCOPES), "standard", now)
        await _store(conn, None, key, given)


def kept_key(path: Path) -> str:
    """The key in a file, which is made if it is not there. Raises SettingsError for a file that holds none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w") as file:
            file.write(f"{make()}\n")
    key = path.read_text("utf-8").strip()
    if not FORM.fullmatch(key):
        raise SettingsError(f"{path} holds no key; remove it and one is made")
    return key
