"""May this request be made now? Counted per key or session before the database is asked about it."""

from __future__ import annotations

from litestar.types import HTTPScope

from api.buckets import Standing
from api.state import AnyConnection, shell_of
from meter.errors import RateLimited
from meter.keys import hash_of

STANDING = "rate_standing"  # where in a request's state the answer's headers are found
STATUS = "limited_with"  # the option of a route whose clients would drop data on 429


def within_rate(connection: AnyConnection, secret: str) -> None:
    """Counts a request under a key or session, known or not: before the database is asked about it.

    Raises RateLimited: with the status that the route's option says, else 429.
    """
    standing = shell_of(connection).buckets.take(hash_of(secret))
    if standing is None:
        return
    connection.scope["state"][STANDING] = standing
    if standing.wait:
        status = connection.route_handler.opt.get(STATUS, RateLimited.status)
        raise RateLimited(f"at most {standing.per_second:g} requests per second", standing.wait, status)


def standing_of(scope: HTTPScope) -> Standing | None:
    """Where the key of a request stands; None where nothing was counted."""
    found: Standing | None = scope["state"].get(STANDING)
    return found
