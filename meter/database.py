"""Connections: every one speaks UTC and sees our two schemas, tables first."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, InterfaceError, OperationalError, ProgrammingError
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from meter.errors import Busy

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

# Compiling a short statement takes longer than running it, and a plan made for any range is wrong for most ranges (a
# year of hours: 180 ms planned for itself, 520 ms by the plan that PostgreSQL keeps after some repetitions).
PLANNING = "-c jit=off -c plan_cache_mode=force_custom_plan"
# What asks the same small things for one team after another keeps its plans: planning was half of the server's time for
# an invoice (PostgreSQL 18, 20 events a team), and a month of 300 busy series is read as fast either way.
KEEPING_PLANS = " -c plan_cache_mode=auto"
OPTIONS = f"-c search_path=meter,meter_read,public -c timezone=UTC -c datestyle=ISO {PLANNING}"

# For how long a connection is waited for, and for how long the pool tries one again after ever longer pauses; then it
# begins anew with short ones. By itself it goes on for five minutes: after two without a database, up to two more.
WAIT_S = 10
RESTED_S = 1.0
_last_seen: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()


def conninfo(url: str, more: str = "") -> str:
    """The URL with the options that every connection of ours has. Raises psycopg.ProgrammingError for no URL."""
    try:
        return make_conninfo(url, options=f"{OPTIONS}{more}", application_name="hourmeter")
    except ProgrammingError:
        how = "write DATABASE_URL as postgresql://user:password@host/name, a % in the password as %25"
        raise ProgrammingError(f"its URL can't be read; {how}") from None  # the driver's words may quote the password


async def connect(url: str, options: str = "", *, autocommit: bool = False) -> Connection:
    """Opens one connection. Raises psycopg.OperationalError when the server can't be reached."""
    return await AsyncConnection.connect(conninfo(url, options), autocommit=autocommit)


@asynccontextmanager
async def readers(url: str, size: int, seconds: int) -> AsyncIterator[Pool]:
    """A pool whose connections can only read, at most `seconds` per statement (then: psycopg.errors.QueryCanceled)."""
    async with pool(url, size, read_only(seconds)) as opened:
        yield opened


def read_only(seconds: int) -> str:
    """The options of a connection that can only read, at most `seconds` per statement."""
    return f" -c default_transaction_read_only=on -c statement_timeout={seconds}s"


def impatient(seconds: int) -> str:
    """The options of a connection whose statements, and pauses in a transaction, end after so many seconds."""
    return "".join(
        f" -c {name}={seconds}s"
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    )


@asynccontextmanager
async def pool(url: str, size: int, options: str = "", wait_s: float = WAIT_S) -> AsyncIterator[Pool]:
    """A pool of at most `size` connections, open inside the block; a dead connection is replaced before it is lent.

    One is waited for `wait_s` seconds, then: PoolTimeout.
    """
    kwargs: dict[str, Any] = {"autocommit": True}
    async with AsyncConnectionPool(
        conninfo(url, options),
        kwargs=kwargs,
        min_size=1,
        max_size=size,
        open=False,
        check=_check,
        timeout=wait_s,
        reconnect_timeout=WAIT_S,
        connection_class=AsyncConnection[TupleRow],
    ) as opened:
        yield opened


async def _check(conn: Connection) -> None:
    """Raises psycopg.OperationalError for a connection that is dead.

    One that answered within the last second costs no round trip: a server that goes away closes its sockets, so there
    would be something to read.
    """
    now = monotonic()
    heard = select.poll()
    heard.register(conn.fileno(), select.POLLIN)
    if heard.poll(0) or now - _last_seen.get(conn, 0.0) > RESTED_S:
        await AsyncConnectionPool.check_connection(conn)
    _last_seen[conn] = now


@asynccontextmanager
async def lent(pool: Pool, lost: str = "nothing of this body was stored; send it again") -> AsyncIterator[Connection]:
    """A connection of a pool to write with. Raises Busy, with what is `lost` then, when the database can't be used."""
    try:
        async with pool.connection() as conn:
            yield conn
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Busy(lost) from error
