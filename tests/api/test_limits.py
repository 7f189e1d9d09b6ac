"""Time, connections and requests are bounded, and one kind of work never takes what another needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from litestar import Litestar, Request, get

from api.buckets import Buckets
from api.errors import HANDLERS
from api.rate import STATUS, within_rate
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


async def test_an_answer_that_takes_too_long_is_given_up(database: str, tmp_path: Path) -> None:
    """503 after METER_REQUEST_SECONDS with nothing stored: the same events are taken whole when sent again."""
    settings = settings_for(database, tmp_path, request_seconds=1, pool_size=2)
    events = [EVENT, EVENT | {"id": "2"}]
    async with served(settings) as site:
        key = await site.make_key(await site.make_team(), "ingest", "read")
        async with site.client(key) as client:
            async with await connect(database) as conn:
                await conn.execute("lock table usage_event in share mode")
                answers = await asyncio.gather(*(client.post("/v1/events", json=events) for _ in range(4)))
            await until_waiting(database, 0)
            receipt = (await client.post("/v1/events", json=events)).json()
            usage = await client.get("/v1/usage", params=QUESTION)
    assert [(each.status_code, problem(each)) for each in answers] == [(503, "timed_out")] * 4
    assert int(answers[0].headers["retry-after"]) > 0
    assert answers[0].headers["x-content-type-options"] == "nosniff"
    assert receipt == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert usage.json()["items"][0]["quantity"] == "2"


@dataclass
class Ticks:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Answer what the clock shows."""
        return self.now


async def test_a_key_that_asks_too_often_waits(database: str, tmp_path: Path) -> None:
    """Twice the rate at once, then 429 with the seconds to wait; other keys go on, and after the wait so does this."""
    ticks = Ticks()
    async with served(settings_for(database, tmp_path, key_requests_per_second=2), ticks) as site:
        first = await site.make_key(await site.make_team(), "read")
        ticks.now += 60
        second = await site.make_key(await site.make_team("Other"), "read")
        async with site.client(first) as client, site.client(second) as other:
            passed = [await client.get("/v1/meters") for _ in range(4)]
            refused = await client.get("/v1/meters")
            beside = await other.get("/v1/meters")
            ticks.now += 1
            later = [(await client.get("/v1/meters")).status_code for _ in range(3)]
        async with site.client(None) as nobody:
            free = await nobody.get("/v1/health")
    assert [each.status_code for each in passed] == [200] * 4
    standings = [each.headers["ratelimit"] for each in passed]
    assert standings == ['"key";r=3;t=1', '"key";r=2;t=1', '"key";r=1;t=2', '"key";r=0;t=2']
    assert (refused.status_code, problem(refused)) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit-policy"] == '"key";q=4;w=2'
    assert refused.headers["ratelimit"] == '"key";r=0;t=2'
    assert (beside.status_code, later) == (200, [200, 200, 429])
    assert "ratelimit" not in free.headers


async def test_unknown_keys_are_limited_before_they_are_looked_up(database: str, tmp_path: Path) -> None:
    """A client that goes on with a revoked key costs the database nothing after a while."""
    settings = settings_for(database, tmp_path, key_requests_per_second=1)
    nobodys = "hm_a_key_that_nobody_ever_made_for_anybody"
    async with served(settings, Ticks()) as site, site.client(nobodys) as client:
        told = [problem(await client.get("/v1/meters")) for _ in range(3)]
    assert told == ["unauthorized", "unauthorized", "rate_limited"]


async def test_nothing_is_limited_at_zero(database: str, tmp_path: Path) -> None:
    """METER_KEY_REQUESTS_PER_SECOND=0 says nothing of limits either."""
    async with served(settings_for(database, tmp_path, key_requests_per_second=0)) as site, site.client() as client:
        answer = await client.get("/v1/meters")
    assert "ratelimit" not in answer.headers


@get("/pushed", opt={STATUS: 503}, sync_to_thread=False)
def pushed(request: Request[Any, Any, Any]) -> None:
    """Stand for an address whose clients drop data on 429."""
    within_rate(request, "a secret")


async def test_an_address_may_say_503_instead() -> None:
    """The status is the route's: Prometheus drops what is answered with 429, and keeps what is answered with 503."""
    app = Litestar([pushed], exception_handlers=HANDLERS, openapi_config=None)
    app.state.shell = SimpleNamespace(buckets=Buckets(1, Ticks()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://test") as client:
        answers = [await client.get("/pushed") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 503]
    assert (answers[2].json()["code"], answers[2].json()["status"]) == ("rate_limited", 503)


def test_buckets_hold_so_many_keys_and_no_more() -> None:
    """Memory is bounded: the key that asked longest ago is forgotten first."""
    buckets = Buckets(0.5, Ticks(), most=2)
    standings = [buckets.take(key) for key in (b"a", b"b", b"a", b"c", b"a", b"b")]
    assert [standing and standing.wait for standing in standings] == [0, 0, 2, 0, 2, 0]
    assert len(buckets._buckets) == 2


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 5), min_size=1, max_size=200))
@example(0.125, [1.9220285211889925, 1.0288978047066069, 1.7312276347239866, 0.0])
def test_no_more_than_rate_and_burst_pass(per_second: float, pauses: list[float]) -> None:
    """Whenever requests come, at most burst + rate x time of them pass; whoever waits as told is let pass."""
    ticks = Ticks()
    buckets = Buckets(per_second, ticks)
    began, passed = ticks.now, 0
    for pause in pauses:
        ticks.now += pause
        standing = buckets.take(b"key")
        assert standing is not None
        passed += not standing.wait
        assert passed <= standing.burst + 1 + per_second * (ticks.now - began)
        if standing.wait:
            ticks.now += standing.wait
            again = buckets.take(b"key")
            assert again is not None
            assert not again.wait
            passed += 1


async def test_signing_in_counts_as_a_request(database: str, tmp_path: Path) -> None:
    """Each leaves a session and a line in the audit log for ever: one key makes no more of them than of requests."""
    async with served(settings_for(database, tmp_path, key_requests_per_second=2), Ticks()) as site:
        key = await site.make_key(await site.make_team(), "read")
        async with site.client(None) as browser:
            answers = [await browser.post("/signin", data={"key": key}) for _ in range(5)]
    assert [each.status_code for each in answers] == [303] * 4 + [429]
    assert problem(answers[-1]) == "rate_limited"
