"""Sessions: a person signed in with a key. The cookie is random, its hash is what we keep."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from meter.database import Connection
from meter.keys import caller, hash_of
from meter.model import Caller
from sql import statement

LASTS = timedelta(hours=12)


async def begin(conn: Connection, caller: Caller, now: datetime) -> str:
    """Signs the holder of a key in; answers the cookie's value, 256 random bits, good for LASTS.

    It ends with the secret that the caller came with.
    """
    token = secrets.token_urlsafe(32)
    session = {"token_hash": hash_of(token), "now": now, "expires_at": now + LASTS}
    session |= {"key_id": caller.key_id, "prefix": caller.key_prefix}
    await conn.execute(statement("create_session"), session)
    return token


async def find(conn: Connection, token: str, now: datetime) -> Caller | None:
    """Who signed in with this cookie; None once it has expired, was ended, or its key was."""
    asked = {"token_hash": hash_of(token), "now": now}
    row = await (await conn.execute(statement("find_session"), asked)).fetchone()
    return caller(row) if row else None


async def end(conn: Connection, token: str) -> None:
    """Signs out; a cookie that is not known is left alone."""
    await conn.execute(statement("delete_session"), {"token_hash": hash_of(token)})
