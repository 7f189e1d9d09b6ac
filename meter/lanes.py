"""Requests that wait for the same thing are done together: one transaction, one commit for all that came meanwhile.

While a batch is at work, others gather; nobody waits for a batch to fill. Those that touch the same rows belong in one
lane, so that one process never waits for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from psycopg import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

from meter.errors import Busy, Problem

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Work = Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Problem]]]
"""Does a batch, answers each item in its place; a Problem is that item's alone. What it raises is every item's."""

EVERYBODYS = (Problem, OperationalError, InterfaceError, PoolTimeout)
"""What no single item is to blame for: the database is away or full, and would be for each of them."""
MOST_AT_ONCE = 64
MOST_WAITING = 4_096


class Lanes(Generic[Item, Answer]):
    """So many batches at once, each with its own queue."""

    def __init__(self, work: Work[Item, Answer], count: int) -> None:
        """Does batches by `work`, in `count` lanes."""
        self._work = work
        self._waiting: list[list[tuple[Item, asyncio.Future[Answer]]]] = [[] for _ in range(count)]
        self._running: list[asyncio.Task[None] | None] = [None] * count

    async def put(self, lane: int, item: Item) -> Answer:
        """The answer to an item, once the batch that it is in is committed; `lane` is any number.

        An item whose caller went away is done all the same. Raises its Problem, Busy where too many wait, and whatever
        the work raises.
        """
        lane %= len(self._waiting)
        waiting = self._waiting[lane]
        if len(waiting) >= MOST_WAITING:
            raise Busy("more is asked than can be answered; ask again")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting.append((item, answer))
        if self._running[lane] is None:
            self._running[lane] = asyncio.create_task(self._run(lane))
        return await answer

    async def close(self) -> None:
        """Waits until all that was put in is done."""
        await asyncio.gather(*(task for task in self._running if task is not None))

    async def _run(self, lane: int) -> None:
        waiting = self._waiting[lane]
        while waiting:
            batch = waiting[:MOST_AT_ONCE]
            del waiting[:MOST_AT_ONCE]
            await self._batch(batch)
        self._running[lane] = None

    async def _batch(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        """Does a batch; one that fails by what is nobody's fault in particular is not tried item by item."""
        try:
            answers = await self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where each item was put in
            if len(batch) == 1 or isinstance(error, EVERYBODYS):
                _fail(batch, error)
                return
            for each in batch:
                await self._batch([each])
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue  # its caller went away
            if isinstance(answer, Problem):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def _fail(batch: list[tuple[Item, asyncio.Future[Answer]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
