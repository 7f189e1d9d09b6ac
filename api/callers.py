"""Whose key was that? As it was last known, for calls that may go on while the database can't be asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from meter.model import Caller

MOST = 10_000
FRESH = timedelta(minutes=15)
Known = tuple[bytes, str | None]
"""The hash of a key, and the member that it was used for."""


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
