"""Retries of requests that create: with an Idempotency-Key they happen once, and every retry hears the first answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, SkipValidation

from api.request import Request, target
from meter import answers
from meter.answers import Answer
from meter.database import Connection
from meter.errors import InvalidParameter

T = TypeVar("T", bound=msgspec.Struct)
LONGEST = 255

# What a handler of a creating POST asks for and hands to `once`; None where the client sent no Idempotency-Key.
Retry = NamedDependency[SkipValidation[answers.Request | None]]
Header = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Any text of your own: a retry with the same changes nothing.",
        max_length=LONGEST,
    ),
]


async def retried(request: Request, idempotency_key: Header = None) -> answers.Request | None:
    """What makes this request the same as an earlier one: key, path, Idempotency-Key, query, member and body.

    None without an Idempotency-Key.

    Raises:
        InvalidParameter: the Idempotency-Key is empty, too long or not printable ASCII.
    """
    if idempotency_key is None:
        return None
    if not idempotency_key.isascii() or not idempotency_key.isprintable() or not idempotency_key:
        raise InvalidParameter(f"Idempotency-Key: 1 to {LONGEST} printable ASCII characters")
    member = (request.user.member or "").encode()
    asked = sha256(target(request).encode() + b"\n" + member + b"\n" + await request.body()).digest()
    return answers.Request(f"{request.user.key_public_id} {request.scope['path']}", idempotency_key, asked)


async def once(
    conn: Connection,
    retry: answers.Request | None,
    make: Callable[[], Awaitable[T]],
    now: datetime,
    *,
    status: int = 201,
    keep: Callable[[T], T] | None = None,
) -> Response[T]:
    """Creates with `make` in one transaction on `conn`, and answers what it returns; a retry gets that answer again.

    `keep` turns the answer into what is stored for retries: take out what may be shown only once. A retry's answer
    has the header `Idempotency-Replayed: true`.

    Raises:
        IdempotencyConflict: the key came with another body or query before.
        Problem: whatever `make` raises; then nothing is stored and the key stays free.
    """

    async def made() -> Answer:
        value = await make()
        kept = None if keep is None else msgspec.json.encode(keep(value))
        return Answer(status, msgspec.json.encode(value), kept)

    return sent(await answers.once(conn, retry, made, now))


class _NeverAnsweredError(Exception):
    """There is no first answer yet."""


async def answered(conn: Connection, retry: answers.Request | None, now: datetime) -> Answer | None:
    """What an earlier request with this Idempotency-Key was answered: for work that is done before its transaction.

    Raises IdempotencyConflict.
    """

    async def refuse() -> Answer:
        raise _NeverAnsweredError

    if retry is None:
        return None
    try:
        return await answers.once(conn, retry, refuse, now)
    except _NeverAnsweredError:
        return None


def sent(answer: Answer) -> Response[Any]:
    """An answer that is kept: bytes are sent as they are, so a retry's is the first one to the byte."""
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    return Response(answer.body, status_code=answer.status, media_type="application/json", headers=headers)
