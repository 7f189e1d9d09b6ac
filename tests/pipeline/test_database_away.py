"""A database that was away is used again as soon as it is back, not after as long again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from meter import database as databases
from meter.errors import Busy
from tests import server

pytestmark = [pytest.mark.slow, pytest.mark.database]
AWAY_S = 8.5  # attempts double their pauses from one second on: at 1, 3, 7, 15
SOON_S = 4.0


async def works(pool: databases.Pool) -> bool:
    """Answer whether the pool lends a connection that works."""
    try:
        async with databases.lent(pool) as conn:
            await conn.execute("select 1")
    except Busy:
        return False
    return True


async def test_a_database_is_found_again_soon(data_dir: Path) -> None:
    """Somebody asks all the time, as clients do; a few seconds after the server is back they get their connection."""
    with server.running("postgres", data_dir) as database:
        async with databases.pool(database.url, 4) as pool:
            assert await works(pool)
            database.kill(whole=True)
            asking = asyncio.create_task(works(pool))
            await asyncio.sleep(AWAY_S)  # how long it is away is what is tested
            await asyncio.to_thread(database.start)
            back = time.monotonic()
            while not (asking.done() and asking.result()):
                await asyncio.wait({asking})
                if not asking.result():
                    asking = asyncio.create_task(works(pool))
            assert time.monotonic() - back < SOON_S
