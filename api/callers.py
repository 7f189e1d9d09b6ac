"""Whose keys are these? Asked of the database for all requests that wait at once; and as it was last known.

The latter is for calls that may go on while the database can't be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from meter import keys
from meter.database import Pool
from meter.keys import Shown
from meter.lanes import Lanes
from meter.model import Caller

MOST = 10_000
FRESH = timedelta(minutes=15)
Known = tuple[bytes, str | None]
"""The hash of a key, and the member that it was used for."""


class Found(NamedTuple):
    """What came of a look-up; no `caller` for a key that is unknown, revoked or expired."""

    caller: Caller | None


class KeyLookups:
    """Looks keys up, each after it was shown, so that a revocation acts at once; those that come meanwhile together."""

    def __init__(self, pool: Pool) -> None:
        """Asks through one connection of `pool` at a time."""
        self._pool = pool
        self._lane: Lanes[tuple[Shown, datetime], Found] = Lanes(self._find, 1)

    async def find(self, shown: Shown, now: datetime) -> Caller | None:
        """Whose key this is. Raises Busy and what a pool raises that gets no connection."""
        return (await self._lane.put(0, (shown, now))).caller

    async def _find(self, waiting: Sequence[tuple[Shown, datetime]]) -> list[Found]:
        async with self._pool.connection() as conn:
            now = max(at for _, at in waiting)
            return [Found(each) for each in await keys.find(conn, [shown for shown, _ in waiting], now)]


class Callers:
    """The callers that a process remembers; a key that was revoked is forgotten after FRESH at the latest."""

    def __init__(self) -> None:
        """Remembers nobody yet."""
        self._known: dict[Known, tuple[Caller, datetime]] = {}

    def remember(self, known: Known, caller: Caller, now: datetime) -> None:
        """Remembers a caller whose key was in force now."""
        self._known.pop(known, None)
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[known] = caller, now

    def forget(self, known: Known) -> None:
        """Forgets a caller whose key is not in force."""
        self._known.pop(known, None)

    def last_known(self, known: Known, now: datetime) -> Caller | None:
        """The caller, if their key was in force lately."""
        caller, at = self._known.get(known, (None, now))
        return caller if now - at <= FRESH else None
