"""How many bodies are worked on at once, and how much may wait for its turn: more arriving costs time, never memory.

A body unfolds into many times its size while it is decoded and written; waiting it is only itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from meter.errors import Busy

WAITING_BYTES = 256 << 20
WAIT_S = 10.0


class _HasBody(Protocol):
    """The part of a request that is asked here."""

    async def body(self) -> bytes: ...


class Turns:
    """Turns of one process. As many at once as there are connections to write with; more would wait for one later."""

    def __init__(self, most: int, waiting_bytes: int = WAITING_BYTES, wait_s: float = WAIT_S) -> None:
        """Lets `most` bodies in at once and others wait, up to `waiting_bytes` of them, for `wait_s` seconds each."""
        self._free = asyncio.Semaphore(most)
        self._most_waiting = waiting_bytes
        self._wait_s = wait_s
        self._waiting = 0

    @asynccontextmanager
    async def body(self, request: _HasBody) -> AsyncIterator[bytes]:
        """The body of a request when it is its turn, which lasts as long as the block.

        Raises Busy where too much waits already, or its turn does not come; and whatever reading the body raises.
        """
        body = await request.body()
        if self._free.locked():
            await self._wait(len(body))
        else:
            await self._free.acquire()
        try:
            yield body
        finally:
            self._free.release()

    async def _wait(self, size: int) -> None:
        if self._waiting + size > self._most_waiting:
            raise Busy("more arrives than can be stored; nothing of this body was, send it again")
        self._waiting += size
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Busy("others were stored first; nothing of this body was, send it again") from None
        finally:
            self._waiting -= size
