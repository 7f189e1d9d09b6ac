"""Every contract test runs once per engine, in a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meter import database as databases
from meter.ingest import Ingest
from meter.migrate import Engine
from tests.contract.place import PAST_DAYS, Place, make_team

CONNECTIONS = 8


@pytest.fixture
async def place(engine: Engine, any_database: str) -> AsyncIterator[Place]:
    """Answer a place with a team, on each engine in turn."""
    async with databases.pool(any_database, CONNECTIONS) as pool:
        async with pool.connection() as conn:
            team, caller = await make_team(conn)
        yield Place(engine, any_database, pool, Ingest(pool, PAST_DAYS), team, caller)
