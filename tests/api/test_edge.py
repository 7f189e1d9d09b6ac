"""What every answer says to browsers, which origins may ask, what the access log tells and what it keeps to itself."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, get
from litestar.response import Stream

from api.edge import Edge
from dashboards.csp import CSP
from tests.api.site import Site, problem, served, settings_for

PATHS = ("/v1/meters", "/nope", "/metrics", "/signin", "/static/hourmeter.css", "/v1/openapi.json")
APP = "https://app.example.com"
SPACES = re.compile(r"(\w+)=(\S+)")


async def test_every_answer_has_the_usual_headers(site: Site) -> None:
    """Request id, no sniffing, no framing, no referrer to others, no powers; no answer is open to other origins."""
    async with site.client(Origin="https://elsewhere.example") as client:
        for path in PATHS:
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "camera=()" in headers["permissions-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-request-id"]
            assert not [name for name in headers if name.startswith("access-control-")]
            assert "strict-transport-security" not in headers


async def test_only_pages_may_load_anything(site: Site) -> None:
    """Data loads nothing; a page has a policy of its own, once. What is data is kept by no cache."""
    async with site.client() as client:
        data, page = await client.get("/v1/meters"), await client.get("/signin")
    assert data.headers.get_list("content-security-policy") == ["default-src 'none'; frame-ancestors 'none'"]
    assert page.headers.get_list("content-security-policy") == [CSP]
    assert data.headers["cache-control"] == "no-store"


async def test_https_alone_when_the_operator_says_so(database: str, tmp_path: Path) -> None:
    """METER_HTTPS_ONLY tells browsers for a year, and marks the cookie of a session."""
    async with served(settings_for(database, tmp_path, https_only=True)) as site:
        key = await site.make_key(await site.make_team(), "read")
        async with site.client(None) as client:
            answer = await client.get("/v1/health")
            signed_in = await client.post("/signin", data={"key": key})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "secure" in signed_in.headers["set-cookie"].lower()


async def test_other_origins_may_ask_when_they_are_named(database: str, tmp_path: Path) -> None:
    """The named one may ask and read the headers it needs, refusals too; any other hears as much as ever."""
    settings = settings_for(database, tmp_path, cors_origins=(APP, "http://localhost:3000"))
    async with (
        served(settings) as site,
        site.client(Origin=APP) as client,
        site.client(Origin="https://evil.example") as other,
    ):
        for path in ("/v1/meters", "/v1/nope"):
            headers = (await client.get(path)).headers
            assert headers["access-control-allow-origin"] == APP
            assert {"etag", "x-request-id", "ratelimit"} <= set(headers["access-control-expose-headers"].split(", "))
            assert "access-control-allow-credentials" not in headers
            refused = (await other.get(path)).headers
            assert not [name for name in refused if name.startswith("access-control-")]
            assert headers["vary"] == refused["vary"] == "origin"
        page = await client.get("/signin")
    assert "access-control-allow-origin" not in page.headers


async def test_preflights(database: str, tmp_path: Path) -> None:
    """An allowed origin hears which methods and headers it may send, without a key; any other hears nothing of it."""
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, x-user-id"}
    async with served(settings_for(database, tmp_path, cors_origins=(APP,))) as site:
        async with site.client(None, Origin=APP, **asks) as client:
            answer = await client.options("/v1/teams")
            nowhere = await client.options("/v1/nope")
        async with site.client(None, Origin="https://evil.example", **asks) as other:
            refused = await other.options("/v1/teams")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST, OPTIONS"
    wanted = {"authorization", "x-user-id", "if-match", "idempotency-key", "content-type"}
    assert wanted <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert answer.headers["access-control-max-age"] == "600"
    assert (nowhere.status_code, problem(nowhere)) == (404, "not_found")
    assert refused.status_code == 204
    assert not [name for name in refused.headers if name.startswith("access-control-")]


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """Answer the lines of the access log, each as its pairs."""
    records = [record.getMessage() for record in caplog.records if record.name == "meter.access"]
    assert all(len(SPACES.findall(line)) == len(line.split(" ")) for line in records)
    return [dict(SPACES.findall(line)) for line in records]


async def test_the_access_log_has_a_line_per_request(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Route, status, sizes, request id, whose key: what an operator needs to find a request again."""
    team = await site.make_team()
    key = await site.make_key(team, "ingest")
    event = b'{"id": "1", "meter": "requests", "quantity": 1, "time": "2026-11-01T00:30:00Z"}'
    caplog.clear()
    with caplog.at_level(logging.INFO, "meter.access"):
        async with site.client(key, **{"X-Request-Id": "trace-7"}) as client:
            answer = await client.post("/v1/events", content=event)
            await client.get("/no/such/path")
            await client.request("BREW", "/v1/teams")
    stored, unmatched, other = lines(caplog)
    assert float(stored.pop("ms")) > 0
    assert re.fullmatch("[0-9a-f-]{36}", stored.pop("key"))
    assert stored == {
        "method": "POST",
        "route": "/v1/events",
        "status": "200",
        "in": str(len(event)),
        "out": str(len(answer.content)),
        "id": "trace-7",
        "team": team,
    }
    assert (unmatched["route"], unmatched["status"], unmatched["key"]) == ("unmatched", "404", "-")
    assert other["method"] == "other"


async def test_the_access_log_keeps_people_out(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """No address, member, e-mail, key, path or query as it was sent."""
    team = await site.make_team()
    key = await site.make_key(team, "read")
    with caplog.at_level(logging.INFO, "meter.access"):
        async with site.client(key, **{"X-User-ID": "ada", "X-Forwarded-For": "203.0.113.9"}) as client:
            await client.get("/v1/usage", params={"meter": "requests", "member": "ada@example.org"})
            await client.get(f"/v1/teams/{team}?ada")
            await client.get("/ada@example.org", headers={"X-Request-Id": "ada@example.org"})
    text = " ".join(record.getMessage() for record in caplog.records if record.name == "meter.access")
    assert "/v1/teams/{team_id}" in text
    assert [
        each for each in ("ada", "@", "127.0.0.1", "203.0.113.9", key, key[:11], "?", f"/{team}") if each in text
    ] == []


async def test_the_access_log_can_be_left_out(database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """METER_ACCESS_LOG=off."""
    with caplog.at_level(logging.INFO, "meter.access"):
        async with served(settings_for(database, tmp_path, access_log=False)) as site, site.client() as client:
            assert (await client.get("/v1/teams")).status_code == 200
    assert lines(caplog) == []


async def test_a_typing_error_in_a_query_is_told(site: Site) -> None:
    """400 names what is no parameter and which there are; what passes it over elsewhere would be a wrong answer."""
    async with site.client() as client:
        wrong = await client.get("/v1/teams?limit=5&cursr=x")
        none = await client.get("/v1/prices/plans?currency=EUR")
        inherited = await client.get("/v1/meters", params={"team": await site.make_team()})
        posted = await client.post("/v1/teams?dry_run=1", json={})
        probed = await client.get("/v1/health?probe=1")
        page = await client.get("/signin?utm=1")
    assert [problem(each) for each in (wrong, none, posted)] == ["invalid_parameter"] * 3
    assert wrong.json()["detail"].startswith("'cursr' is no parameter of this address; it takes cursor, ")
    assert none.json()["detail"].endswith("it takes none")
    assert [each.status_code for each in (inherited, probed, page)] == [200, 200, 200]


@get("/stream", sync_to_thread=False)
def stream() -> Stream:
    """Begin at once and take longer than a request may."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"first,"
        await asyncio.sleep(1.5)
        yield b"last"

    return Stream(parts())


async def test_an_answer_that_has_begun_is_not_cut(database: str, tmp_path: Path) -> None:
    """The time limit is for the first byte: a long download goes on after it."""
    settings = settings_for(database, tmp_path, request_seconds=1)
    app = Litestar([stream], openapi_config=None)
    edge = Edge(app.asgi_handler, settings)
    app.asgi_handler = edge
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://test") as client:
        answer = await client.get("/stream")
    assert answer.content == b"first,last"
