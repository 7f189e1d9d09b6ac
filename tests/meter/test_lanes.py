"""What waits for the same thing is done together, and each hears what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from meter.errors import Busy, NotFound, Problem
from meter.lanes import Lanes


class Desk:
    """Doubles numbers; what it was given is in `batches`. While `shut` is set it waits."""

    def __init__(self, error: Exception | None = None) -> None:
        """Raises `error` for a batch with a seven in it."""
        self.batches: list[list[int]] = []
        self.shut = asyncio.Event()
        self._error = error

    async def work(self, batch: Sequence[int]) -> list[int | Problem]:
        """A nine is refused by itself."""
        self.batches.append(list(batch))
        await self.shut.wait()
        if self._error and 7 in batch:
            raise self._error
        return [NotFound("nine") if each == 9 else each * 2 for each in batch]


async def put_all(lanes: Lanes[int, int], desk: Desk, *numbers: int) -> list[int | BaseException]:
    """Put all in at once, let the work go on, and answer what came of each."""
    tasks = [asyncio.create_task(lanes.put(0, number)) for number in numbers]
    await asyncio.sleep(0)  # each is put in
    await asyncio.sleep(0)  # and the lane is at work
    desk.shut.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_comes_meanwhile_is_done_together() -> None:
    """In the order in which it came, and each has its own answer."""
    desk = Desk()
    lanes = Lanes[int, int](desk.work, 1)
    assert await put_all(lanes, desk, 1, 2, 3) == [2, 4, 6]
    assert [number for batch in desk.batches for number in batch] == [1, 2, 3]
    assert len(desk.batches) < 3


async def test_a_problem_is_its_items_alone() -> None:
    """The others of its batch are answered."""
    desk = Desk()
    one, nine, two = await put_all(Lanes[int, int](desk.work, 1), desk, 1, 9, 2)
    assert (one, two) == (2, 4)
    assert isinstance(nine, NotFound)


async def test_one_that_breaks_its_batch_is_told_apart() -> None:
    """Each is done by itself then, and the one to blame alone hears of it."""
    desk = Desk(ValueError("seven"))
    one, seven, two = await put_all(Lanes[int, int](desk.work, 1), desk, 1, 7, 2)
    assert (one, two) == (2, 4)
    assert isinstance(seven, ValueError)


@pytest.mark.parametrize("error", [psycopg.OperationalError("away"), psycopg.InterfaceError("away"), Busy("away")])
async def test_what_nobody_is_to_blame_for_is_not_tried_one_by_one(error: Exception) -> None:
    """A database that is away is away for all of them: each hears so at once."""
    desk = Desk(error)
    found = await put_all(Lanes[int, int](desk.work, 1), desk, 7, 7, 7)
    assert found == [error, error, error]
    assert sum(map(len, desk.batches)) == 3
