"""How long to wait for what is away? Ever longer, for ever; its trouble is told once."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

_log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 15.0

Wait = Callable[[float], bool]
"""Waits that many seconds; True as soon as one shall stop."""


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """One was asked to stop while waiting."""


class Patience:
    """Pauses between tries, twice as long each time until something worked."""

    def __init__(self, wait: Wait) -> None:
        """Waits with `wait`."""
        self._wait = wait
        self._pause = FIRST_PAUSE_SECONDS
        self._told: str | None = None

    def pause(self, trouble: str, at_least_s: float = 0.0) -> None:
        """Tells a trouble unless it was the last one told, and waits. Raises Stopped when one shall stop."""
        if trouble != self._told:
            _log.warning("%s; trying again until it works", trouble)
        self._told = trouble
        if self._wait(random.uniform(0.5, 1.0) * max(self._pause, at_least_s)):  # noqa: S311 - no secret
            raise Stopped
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def worked(self) -> None:
        """Begins anew with short pauses."""
        if self._told is not None:
            _log.info("it works again")
        self._told, self._pause = None, FIRST_PAUSE_SECONDS
