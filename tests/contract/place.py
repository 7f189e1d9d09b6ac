"""Where a contract test happens: one migrated database on one engine, a team with a key in it, and the way in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, NamedTuple, cast

from psycopg.pq import TransactionStatus
from uuid_utils.compat import uuid7

from meter.database import Connection, Pool
from meter.ingest import Ingest
from meter.migrate import Engine
from meter.model import Caller, Event, Receipt, Team

NOW = datetime(2026, 11, 18, 12, 7, 30, tzinfo=UTC)  # a Wednesday, inside a quarter
PAST_DAYS = 400
PATIENCE_S = 20
Rows = list[tuple[Any, ...]]


class Place(NamedTuple):
    """A team at home in one database; `ingest` takes events up to PAST_DAYS old."""

    engine: Engine
    url: str
    pool: Pool
    ingest: Ingest
    team: Team
    caller: Caller


@cache
def query(name: str) -> LiteralString:
    """Answer the text of `<name>.sql` beside this file; the cast is safe because the files come with the tests."""
    return cast("LiteralString", (Path(__file__).parent / f"{name}.sql").read_text("utf-8"))


async def ask(conn: Connection, name: str, parameters: Mapping[str, object] | None = None) -> Rows:
    """Answer the rows of one of our own queries, none for a statement that returns nothing."""
    cursor = await conn.execute(query(name), parameters)
    return await cursor.fetchall() if cursor.description else []


async def make_team(conn: Connection) -> tuple[Team, Caller]:
    """Make a team and a key of it."""
    team_id, key_id, public_id, key_public_id = (await ask(conn, "make_team", {"team": uuid7(), "key": uuid7()}))[0]
    team = Team(team_id, public_id, "Team", "UTC", "USD", None, NOW)
    return team, Caller(key_id, key_public_id, team, frozenset({"ingest", "read"}), internal=False)


async def send(place: Place, *events: Event) -> Receipt:
    """Ingest events at NOW."""
    return await place.ingest.take(place.team, place.caller, events, NOW)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Poll until something holds, for PATIENCE_S at most."""
    deadline = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)


async def until_blocked(watcher: Connection, blocked: Connection | None) -> None:
    """Poll until a session (None: any of this database) waits for a lock that somebody else holds."""
    pid = blocked.info.backend_pid if blocked else None

    async def waits() -> bool:
        return bool(await ask(watcher, "find_waiting", {"pid": pid}))

    await until(waits)


async def differences(conn: Connection) -> Rows:
    """Answer where the views differ from the raw events, in one snapshot as every reader has it: none, ever."""
    if conn.info.transaction_status != TransactionStatus.IDLE:
        return await ask(conn, "differences")
    async with conn.transaction():
        await conn.execute("set transaction isolation level repeatable read, read only")
        return await ask(conn, "differences")
