"""Frames on their way from the connection that reads to the thread that writes: few at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
WAITING = 2
LOOK_AGAIN_S = 0.2


class GoneError(Exception):
    """Nothing more will come: the reader was stopped."""


class Feed(Generic[T]):
    """A short queue between an event loop and a thread; whichever ends first ends the other."""

    def __init__(self) -> None:
        """Starts empty."""
        self._queue: queue.Queue[T | None] = queue.Queue(WAITING)
        self._stopped = threading.Event()

    async def put(self, item: T | None) -> None:
        """Waits for room; None says that there is no more. Nothing is waited for once the thread has ended."""
        while not self._stopped.is_set():
            try:
                self._queue.put_nowait(item)
            except queue.Full:
                await asyncio.sleep(LOOK_AGAIN_S / 20)
            else:
                return

    def stop(self) -> None:
        """Ends both sides."""
        self._stopped.set()

    def __iter__(self) -> Iterator[T]:
        """What was put, in the thread. Raises GoneError when stopped before the end."""
        while True:
            try:
                item = self._queue.get(timeout=LOOK_AGAIN_S)
            except queue.Empty:
                if self._stopped.is_set():
                    raise GoneError from None
                continue
            if item is None:
                return
            yield item
