"""Refusals and failures: one shape, stable codes, nothing leaked."""

from __future__ import annotations

import logging

import httpx
import psycopg
import pytest
from psycopg_pool import PoolTimeout

from meter import teams
from meter.errors import CODES
from tests.api.site import Site, problem

OWNER = {"user_id": "ada", "email": "ada@example.org"}


async def test_an_address_that_is_none(site: Site) -> None:
    """404 for any path that is not there, with a key or without."""
    async with site.client() as client, site.client(None) as nobody:
        for path in ("/nope", "/v1/nope", "/v1/teams/not-an-id", "/static/nope.js"):
            assert problem(await client.get(path)) == problem(await nobody.get(path)) == "not_found"


async def test_a_method_that_is_none(site: Site) -> None:
    """405 names the methods there are, as OPTIONS does; TRACE and made-up ones are refused too."""
    async with site.client() as client:
        for method in ("DELETE", "PATCH", "TRACE", "BREW"):
            answer = await client.request(method, "/v1/teams")
            assert (answer.status_code, problem(answer)) == (405, "method_not_allowed")
            assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"
        options = await client.options("/v1/teams")
    assert (options.status_code, options.headers["allow"], options.content) == (204, "GET, HEAD, POST, OPTIONS", b"")


async def test_head_is_get_without_a_body(site: Site) -> None:
    """The same status and headers, guards included."""
    async with site.client() as client, site.client(None) as nobody:
        got, head = await client.get("/v1/meters"), await client.head("/v1/meters")
        refused = await nobody.head("/v1/meters")
    assert (head.status_code, head.content, refused.status_code) == (200, b"", 401)
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=ten", "cursor=%21%21", "cursor=MTI", "cursor=bnVsbA"]
)
async def test_a_parameter_out_of_its_range(site: Site, query: str) -> None:
    """400 names the parameter."""
    async with site.client() as client:
        answer = await client.get(f"/v1/teams?{query}")
    assert problem(answer) == "invalid_parameter"
    assert query.partition("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "JSON body is needed"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b'{"name": "a"}', "missing required field `owner`"),
        (b'{"name": 1, "owner": {}}', "$.name"),
        (b'{"name": "a", "owner": {"user_id": "u", "email": "u@x.y"}, "plan_": 1}', "unknown field `plan_`"),
        (b'{"name": "a", "owner": {"user_id": "u", "email": "u@x.y", "role": "owner"}}', "unknown field `role`"),
        (b'{"name": "a", "owner": {"user_id": "u", "email": "u"}}', "$.owner.email"),
        (b'{"name": "a\\u0000", "owner": {"user_id": "u", "email": "u@x.y"}}', "$.name"),
        (b'{"name": "a", "owner": {"user_id": "u", "email": "u@x.y"}, "timezone": "Mars/Base"}', "timezone"),
        (b'{"name": "a", "owner": {"user_id": "u", "email": "u@x.y"}, "timezone": "../etc/passwd"}', "timezone"),
        (b'{"name": "a", "owner": {"user_id": "u", "email": "u@x.y"}, "currency": "XYZ"}', "currency"),
        (b'{"name": "a", "owner": {"user_id": "u", "email": "u@x.y"}, "currency": "DEM"}', "currency"),
    ],
)
async def test_a_body_that_cant_be_read(site: Site, body: bytes, said: str) -> None:
    """400 names the field and what was expected."""
    async with site.client() as client:
        answer = await client.post("/v1/teams", content=body)
    assert problem(answer) == "invalid_body"
    assert said in answer.json()["detail"]


async def test_our_own_failure_says_nothing_but_where_it_is_logged(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected exception is logged once with its request id; the client learns the id and no more."""

    async def broken(*_: object) -> list[object]:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(teams, "list_teams", broken)
    async with site.client(**{"X-Request-Id": "trace-1"}) as client:
        answer = await client.get("/v1/teams")
    assert (answer.status_code, problem(answer)) == (500, "internal_error")
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == "trace-1"
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert "trace-1" in logged[0].getMessage()
    assert logged[0].exc_info


@pytest.mark.parametrize("error", [psycopg.OperationalError("host db.internal is gone"), PoolTimeout("no connection")])
async def test_a_database_that_cant_answer_is_busy(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """503 with Retry-After, without the reason, which is ours."""

    async def broken(*_: object, **__: object) -> list[object]:
        raise error

    monkeypatch.setattr(teams, "list_teams", broken)
    async with site.client() as client:
        answer = await client.get("/v1/teams")
    assert (answer.status_code, problem(answer)) == (503, "busy")
    assert int(answer.headers["retry-after"]) > 0
    assert str(error) not in answer.text


@pytest.mark.parametrize(("given", "kept"), [("abc-123", True), ("a" * 129, False), ("a b", False), ('"', False)])
async def test_a_request_id_is_kept_when_a_log_line_can_bear_it(site: Site, given: str, *, kept: bool) -> None:
    """What could break a log line is replaced by an id of ours."""
    async with site.client(**{"X-Request-Id": given}) as client:
        answer = await client.get("/v1/health")
    assert (answer.headers["x-request-id"] == given) is kept


async def test_a_header_that_lies_about_the_host(site: Site) -> None:
    """A Host that is none is refused, as a problem."""
    async with httpx.AsyncClient(base_url=site.url) as client:
        answer = await client.get("/v1/health", headers={"Host": "a b"})
    assert answer.status_code == 400


def test_codes_are_unique_and_stable_in_form() -> None:
    """One class per code, snake_case, with a status that fits a refusal or failure."""
    codes = [kind.code for kind in CODES]
    assert len(codes) == len(set(codes))
    assert all(code.replace("_", "").islower() for code in codes)
    assert all(400 <= kind.status < 600 for kind in CODES)
