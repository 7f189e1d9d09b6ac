"""Bodies wait for their turn: so many at once, so many bytes beside, and whoever can't wait is told to come again."""

from __future__ import annotations

import asyncio

import pytest

from api.turns import Turns
from meter.errors import Busy


class Sent:
    """A request that has arrived whole."""

    def __init__(self, size: int = 1) -> None:
        """Has a body of `size` bytes."""
        self._body = bytes(size)

    async def body(self) -> bytes:
        """Answers it."""
        return self._body


class House:
    """Turns, who is inside, and a door that holds them there."""

    def __init__(self, turns: Turns) -> None:
        """Nobody is inside."""
        self.turns = turns
        self.inside = self.most = 0
        self.door = asyncio.Event()

    async def visit(self, size: int = 1) -> None:
        """Comes in, stays until the door opens, leaves."""
        async with self.turns.body(Sent(size)):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self.door.wait()
            self.inside -= 1


async def settled() -> None:
    """Lets everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_so_many_at_once_and_everybody_in_the_end() -> None:
    """Five visits of two places: never more than two inside, and all five done."""
    house = House(Turns(2))
    visits = [asyncio.create_task(house.visit()) for _ in range(5)]
    await settled()
    assert house.inside == 2
    house.door.set()
    await asyncio.gather(*visits)
    assert (house.inside, house.most) == (0, 2)


async def test_what_waits_is_bounded() -> None:
    """Ten bytes may wait: the eleventh is told to come again at once, and may when there is room."""
    house = House(Turns(1, waiting_bytes=10))
    visits = [asyncio.create_task(house.visit(size)) for size in (100, 6, 4)]
    await settled()
    with pytest.raises(Busy):
        await house.visit(1)
    house.door.set()
    await asyncio.gather(*visits)
    await house.visit(10)
    assert house.most == 1


async def test_nobody_waits_for_ever() -> None:
    """Whose turn does not come is told to come again, and leaves no room taken."""
    house = House(Turns(1, waiting_bytes=1, wait_s=0.01))
    first = asyncio.create_task(house.visit())
    await settled()
    for _ in range(2):  # the second finds the room that the first one left
        with pytest.raises(Busy, match="others"):
            await house.visit()
    house.door.set()
    await first


async def test_a_turn_ends_whatever_happens_in_it() -> None:
    """An error or a cancelled request gives the place back, in its turn or waiting for it."""
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError):
        async with turns.body(Sent()):
            raise ZeroDivisionError
    house = House(turns)
    inside, waiting = asyncio.create_task(house.visit()), asyncio.create_task(house.visit())
    await settled()
    for task in (waiting, inside):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    house.door.set()
    await House(turns).turns.body(Sent()).__aenter__()
