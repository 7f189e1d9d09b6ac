"""Some teams replayed in another process, with connections of its own: what computes for a minute holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from meter.database import Connection, connect, read_only
from meter.model import Team
from meter.simulation.question import Question
from meter.simulation.replay import replayed
from meter.simulation.result import TeamResult

CONNECTIONS: Final = 2
"""One team is read while another is rated."""


class Database(NamedTuple):
    """Where usage is read, and for how long at most a statement may read."""

    url: str
    seconds: int


def some(database: Database, question: Question, teams: Sequence[Team]) -> list[TeamResult]:
    """What comes of some teams, in their order. Raises psycopg.OperationalError when the server can't be reached."""
    return asyncio.run(_some(database, question, teams))


async def _some(database: Database, question: Question, teams: Sequence[Team]) -> list[TeamResult]:
    async with AsyncExitStack() as stack:
        conns = [await _connected(stack, database) for _ in range(min(CONNECTIONS, len(teams)))]
        return await replayed(conns, teams, question)


async def _connected(stack: AsyncExitStack, database: Database) -> Connection:
    conn = await connect(database.url, read_only(database.seconds), autocommit=True)
    return await stack.enter_async_context(conn)
