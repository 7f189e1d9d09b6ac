"""Which pages of other origins may ask the API in a browser? None, unless METER_CORS_ORIGINS names them.

Keys go in a header, so no answer allows credentials: another origin's script never acts with somebody's session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from litestar.types import HTTPScope

Header = tuple[bytes, bytes]

UNDER = "/v1/"
SENT = (
    "accept, authorization, content-encoding, content-type, idempotency-key, if-match, if-none-match, x-request-id, "
    "x-user-id"
)
SEEN = (
    "content-disposition, etag, idempotency-replayed, ratelimit, ratelimit-policy, retry-after, www-authenticate, "
    "x-request-id"
)
KEPT_S = 600


class Cors:
    """What answers say to browsers about the origins that may read them."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Lets pages of these origins ask, written as browsers write them."""
        self._origins = frozenset(origin.encode() for origin in origins)

    def answer(self, scope: HTTPScope) -> Sequence[Header]:
        """Headers of any answer. Caches keep answers for different origins apart, allowed or not."""
        if not self._origins or not scope["path"].startswith(UNDER):
            return ()
        origin = self._allowed(scope)
        varies = (b"vary", b"origin")
        if origin is None:
            return (varies,)
        return (
            varies,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", SEEN.encode()),
        )

    def preflight(self, scope: HTTPScope, methods: Sequence[str]) -> Sequence[Header]:
        """Headers of the answer to OPTIONS, besides those: what a page of an allowed origin may send."""
        if self._allowed(scope) is None or not scope["path"].startswith(UNDER):
            return ()
        return (
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", SENT.encode()),
            (b"access-control-max-age", str(KEPT_S).encode()),
        )

    def _allowed(self, scope: HTTPScope) -> bytes | None:
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        return origin if origin in self._origins else None
