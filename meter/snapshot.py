"""One snapshot for several questions that each read in a transaction of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meter.database import Connection
from sql import statement


@asynccontextmanager
async def snapshot(conn: Connection) -> AsyncIterator[None]:
    """Lets all that is read inside see the same; a transaction within is a savepoint, and `begin_reading` no change."""
    async with conn.transaction():
        await conn.execute(statement("begin_reading"))
        yield
