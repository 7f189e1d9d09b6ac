"""Where work that would hold up the event loop goes: one child process, started at the first need."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from meter.errors import Busy

IDLE_S = 300.0

P = ParamSpec("P")
T = TypeVar("T")


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class CpuPool:
    """A process for pure functions at module level (they and their arguments are pickled); open inside `async with`.

    It is let go after a while without work: with polars loaded it holds more memory than the rest of the service.
    """

    def __init__(self, idle_s: float = IDLE_S) -> None:
        """Starts nothing yet; a process without work for `idle_s` seconds is stopped."""
        self._executor: ProcessPoolExecutor | None = None
        self._idle_s = idle_s
        self._running = 0
        self._letting_go: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Answers itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drops what has not begun, waits for what has, stops the process."""
        if self._letting_go is not None:
            self._letting_go.cancel()
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's answer, computed in the child; what it raises is raised here.

        Raises Busy when the child was killed, which is how running out of memory looks; the next call gets a new one.
        """
        executor = self._executor = self._executor or self._started()
        if self._letting_go is not None:
            self._letting_go.cancel()
        self._running += 1
        try:
            return await asyncio.wrap_future(executor.submit(function, *args, **kwargs))
        except BrokenProcessPool as error:
            if self._executor is executor:
                self._executor = None
            raise Busy("the process that computes this was stopped; send it again") from error
        finally:
            self._running -= 1
            self._letting_go = asyncio.get_running_loop().call_later(self._idle_s, self._let_go)

    def _let_go(self) -> None:
        if not self._running and self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None

    @staticmethod
    def _started() -> ProcessPoolExecutor:
        # spawn: forking a process that has threads (Rust, psycopg) deadlocks sooner or later
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, mp_context=context, initializer=_leave_interrupts_to_the_parent)
