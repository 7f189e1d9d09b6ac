"""Connections that a pool lends are alive."""

from __future__ import annotations

from psycopg import sql

from meter import database
from meter.database import Connection
from tests.contract.place import ask


async def test_a_connection_that_died_is_not_lent(any_database: str, any_conn: Connection) -> None:
    """Also one that was in use just now, and is therefore not asked whether it is alive."""
    async with database.pool(any_database, 1) as pool:
        for _ in range(3):
            async with pool.connection() as conn:
                pid = conn.info.backend_pid
                await conn.execute(sql.SQL("select 1"))
            await ask(any_conn, "end_session", {"pid": pid})
            async with pool.connection() as conn:
                assert conn.info.backend_pid != pid
                await conn.execute(sql.SQL("select 1"))
