"""Answers kept for retries: the effect and its first answer are one commit, so a retry changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from meter.database import Connection
from meter.errors import Busy, IdempotencyConflict
from sql import statement


class Request(NamedTuple):
    """Which request a key stands for: who asked where (`scope`), their Idempotency-Key, and a hash of the rest."""

    scope: str
    key: str
    request_hash: bytes


class Answer(NamedTuple):
    """A status and body; `kept` is what a retry gets instead (a secret is shown once). `replayed`: it is a retry's."""

    status: int
    body: bytes
    kept: bytes | None = None
    replayed: bool = False


async def once(
    conn: Connection, request: Request | None, make: Callable[[], Awaitable[Answer]], now: datetime
) -> Answer:
    """The answer of `make`, run in one transaction with the keeping of it; of a retry, the first answer and no run.

    Without a request (no Idempotency-Key) it is only the transaction. A retry that arrives while the first is under way
    waits for it. What `make` raises undoes everything, and the key can be used again.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    async with conn.transaction():
        if request is None:
            return await make()
        claim = request._asdict() | {"now": now}
        if await (await conn.execute(statement("claim_answer"), claim)).fetchone() is None:
            return await _first(conn, request)
        answer = await make()
        body = answer.body if answer.kept is None else answer.kept
        await conn.execute(statement("keep_answer"), request._asdict() | {"status": answer.status, "body": body})
        return answer


async def _first(conn: Connection, request: Request) -> Answer:
    row = await (await conn.execute(statement("find_answer"), request._asdict())).fetchone()
    if row is None:
        raise Busy("the answer kept for this Idempotency-Key is being forgotten; send it again")
    if row[0] != request.request_hash:
        raise IdempotencyConflict("this Idempotency-Key came with another body or query before; use a new key")
    return Answer(row[1], row[2], replayed=True)
