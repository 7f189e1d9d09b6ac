"""Time, connections and requests are bounded, and one kind of work never takes what another needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from meter import database as databases
from meter.database import connect
from tests.api.site import Site, problem, served, settings_for

EVENT = {"id": "1", "meter": "requests", "quantity": 1, "time": "2026-11-01T00:30:00Z"}
QUESTION = {"meter": "requests", "from": "2026-11-01T00:00:00Z", "to": "2026-11-01T05:00:00Z", "window": "hour"}


@asynccontextmanager
async def hours_locked(database: str) -> AsyncIterator[None]:
    """Keep everybody from reading hours while we are inside; ingest does not need them."""
    async with await connect(database) as conn:
        await conn.execute("lock table rolled_hourly in access exclusive mode")
        yield


async def test_reading_never_takes_the_connections_of_ingest(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """More questions than there are connections, all stuck: events are stored meanwhile, then each question is told."""
    settings = settings_for(database, tmp_path, pool_size=2, read_pool_size=2, query_seconds=2)
    async with served(settings) as site:
        key = await site.make_key(await site.make_team(), "ingest", "read")
        await site.post("/v1/events", EVENT, key)
        async with site.client(key) as client, asyncio.TaskGroup() as tasks:
            async with hours_locked(database):
                asked = [tasks.create_task(client.get("/v1/usage", params=QUESTION)) for _ in range(3)]
                await until_waiting(database, 2)
                receipt = await site.post("/v1/events", EVENT | {"id": "2"}, key)
                assert not any(each.done() for each in asked)
                answers = await asyncio.gather(*asked)
            later = await client.get("/v1/usage", params=QUESTION)
    assert receipt["accepted"] == 1
    assert [(each.status_code, problem(each)) for each in answers] == [(504, "query_too_slow")] * 3
    assert "shorter range" in answers[0].json()["detail"]
    assert later.json()["items"][0]["quantity"] == "2"
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelname for record in warned] == ["WARNING"] * 3
    logged = " ".join(record.getMessage() for record in warned)
    assert all(each.json()["request_id"] in logged for each in answers)


async def until_waiting(database: str, many: int) -> None:
    """Poll until that many statements wait for a lock."""
    count = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    found: object = None
    async with await connect(database, autocommit=True) as conn, asyncio.timeout(20):
        while found != (many,):
            found = await (await conn.execute(count)).fetchone()


async def test_questions_cant_write(database: str) -> None:
    """Their connections refuse, whatever a handler does by mistake."""
    async with databases.readers(database, 1, 5) as pool, pool.connection() as conn:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await conn.execute("delete from team")


async def test_a_body_that_trickles_in_is_cut(database: str, tmp_path: Path) -> None:
    """408 after METER_BODY_SECONDS, and nothing of it is stored."""
    async with served(settings_for(database, tmp_path, body_seconds=1)) as site:
        key = await site.make_key(await site.make_team(), "ingest", "read")
        async with asyncio.timeout(10):
            answer = await answered(site, key)
        async with site.client(key) as client:
            usage = await client.get("/v1/usage", params=QUESTION)
    assert answer.startswith("HTTP/1.1 408")
    assert '"code":"body_too_slow"' in answer
    assert usage.json()["items"] == []


async def answered(site: Site, key: str) -> str:
    """Answer what a client hears that sends half a body and then nothing."""
    reader, writer = await asyncio.open_connection(site.settings.host, site.settings.port)
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b'{"id": "1", "meter"')
    told = await reader.readuntil(b"\r\n\r\n") + await reader.readuntil(b"}")
    writer.close()
    return told.decode()
