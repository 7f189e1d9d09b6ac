"""Answers that need not be sent twice: an ETag of what is in them, and 304 where the client has just that."""

from __future__ import annotations

from typing import Any

from litestar import Response
from xxhash import xxh3_128_hexdigest

from api.request import Request

VARY = "Accept, Authorization, X-User-ID"


def tagged(request: Request, body: bytes, media_type: str) -> Response[Any]:
    """The body under an ETag of its bytes; nothing but the tag where If-None-Match names it (RFC 9110, 13.1.2).

    The tag is of the content: a transaction that began earlier may commit later, so no watermark could stand for it.
    """
    tag = f'"{xxh3_128_hexdigest(body)}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": VARY}
    if names(request.headers.get("if-none-match", ""), tag):
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)  # bytes are sent as they are


def names(header: str, tag: str) -> bool:
    """Whether If-None-Match lists this tag; compared weakly, as the RFC wants it there."""
    listed = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in listed or tag in listed
