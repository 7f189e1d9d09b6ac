"""What a process remembers of streams, forgotten at the worst moment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from meter.database import Connection
from meter.points.counting import Reading
from meter.points.streams import StreamCache

ONE, TWO = (Reading(number, number, "counter", Decimal(1), Decimal(1)) for number in (1, 2))


class Slow:
    """A connection that answers with the second reading, after somebody else has made the cache forget all."""

    def __init__(self, cache: StreamCache) -> None:
        """Forgets in `cache`."""
        self._cache = cache

    async def execute(self, *_: object) -> Slow:
        """Answer what can be fetched from."""
        self._cache._known.clear()
        self._cache._readings.clear()
        return self

    async def fetchall(self) -> list[tuple[Any, ...]]:
        """Answer the row of the second reading."""
        return [tuple(TWO)]


async def test_readings_that_are_forgotten_meanwhile() -> None:
    """What was known when it was asked for is answered, whoever clears the cache then."""
    cache = StreamCache()
    cache._readings[1] = ONE
    conn = cast("Connection", Slow(cache))
    assert dict(await cache.readings(conn, {1, 2})) == {1: ONE, 2: TWO}
