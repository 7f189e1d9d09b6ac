"""Retries of what creates: once, whatever is sent again, and the same answer for everyone who asks."""

from __future__ import annotations

import asyncio

import pytest

from meter import teams
from meter.database import connect
from meter.model import Team
from tests.api.site import Site, problem

OWNER = {"user_id": "ada", "email": "ada@example.org"}


async def count_teams(site: Site, name: str) -> int:
    """Count teams of a name, page by page."""
    found = 0
    asked: dict[str, int | str] = {"limit": 1000}
    async with site.client() as client:
        while True:
            page = (await client.get("/v1/teams", params=asked)).json()
            found += len([team for team in page["items"] if team["name"] == name])
            if page["next"] is None:
                return found
            asked["cursor"] = page["next"]


async def test_a_retry_gets_the_first_answer_to_the_byte(site: Site) -> None:
    """The team is made once; the retry's answer differs in one header."""
    body = {"name": "Once", "owner": OWNER}
    async with site.client(**{"Idempotency-Key": "once"}) as client:
        first, retry = await client.post("/v1/teams", json=body), await client.post("/v1/teams", json=body)
    assert (first.status_code, retry.status_code) == (201, 201)
    assert first.content == retry.content
    assert "idempotency-replayed" not in first.headers
    assert retry.headers["idempotency-replayed"] == "true"
    assert await count_teams(site, "Once") == 1


async def test_retries_in_parallel_make_one(site: Site) -> None:
    """Eight at once wait for the first and get its answer."""
    body = {"name": "Parallel", "owner": OWNER}
    async with site.client(**{"Idempotency-Key": "parallel"}) as client:
        answers = await asyncio.gather(*(client.post("/v1/teams", json=body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await count_teams(site, "Parallel") == 1


async def test_another_request_under_the_same_key_is_a_conflict(site: Site) -> None:
    """Another body, another query or another member is another request, and nothing is made."""
    one, other = await site.make_team(), await site.make_team()
    meter = {"slug": "pages", "unit": "page", "aggregation": "sum", "billable": False}
    async with site.client(**{"Idempotency-Key": "reused"}) as client:
        await client.post("/v1/teams", json={"name": "Reused", "owner": OWNER})
        other_body = await client.post("/v1/teams", json={"name": "Reused 2", "owner": OWNER})
        made = await client.post("/v1/meters", json=meter, params={"team": one})
        other_query = await client.post("/v1/meters", json=meter, params={"team": other})
        unmade = await client.get("/v1/meters/pages", params={"team": other})
        as_ada = await client.post("/v1/meters", json=meter, params={"team": one}, headers={"X-User-ID": "ada"})
    assert (made.status_code, problem(unmade)) == (201, "unknown_meter")
    assert problem(other_body) == problem(other_query) == problem(as_ada) == "idempotency_conflict"
    assert (await count_teams(site, "Reused"), await count_teams(site, "Reused 2")) == (1, 0)


async def test_keys_of_different_callers_and_paths_are_apart(site: Site) -> None:
    """The same text from another caller, or at another address, is another key."""
    one, other = await site.make_team(), await site.make_team()
    body = {"name": "k", "scopes": ["read"]}
    made = set()
    for team in (one, other):
        async with site.client(**{"Idempotency-Key": "same"}) as operator:
            made.add((await operator.post(f"/v1/teams/{team}/keys", json=body)).json()["id"])
        async with site.client(await site.make_key(team, "admin"), **{"Idempotency-Key": "same"}) as admin:
            made.add((await admin.post(f"/v1/teams/{team}/keys", json=body)).json()["id"])
    assert len(made) == 4


async def test_a_secret_is_neither_kept_nor_repeated(site: Site) -> None:
    """The retry gets the same key's id without its secret, and no table holds it."""
    team = await site.make_team()
    body = {"name": "k", "scopes": ["read"]}
    async with site.client(**{"Idempotency-Key": "secret"}) as client:
        first = (await client.post(f"/v1/teams/{team}/keys", json=body)).json()
        retry = (await client.post(f"/v1/teams/{team}/keys", json=body)).json()
        listed = (await client.get(f"/v1/teams/{team}/keys")).text
    assert retry == first | {"key": None}
    assert first["key"].startswith(f"{first['prefix']}_")
    assert first["key"] not in listed
    async with await connect(site.database) as conn:
        kept = await (await conn.execute("select convert_from(body, 'utf8') from idempotent_answer")).fetchall()
        stored = await (await conn.execute("select k::text from api_key_secret k")).fetchall()
    assert not [row for row in kept + stored if first["key"].removeprefix(first["prefix"]) in row[0]]


async def test_what_fails_leaves_the_key_free(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal, and a failure half-way, keep nothing: the same key then works."""
    make = teams.create

    async def broken(*args: object, **kwargs: object) -> Team:
        await make(*args, **kwargs)  # type: ignore[arg-type]
        raise ZeroDivisionError

    async with site.client(**{"Idempotency-Key": "free"}) as client:
        refused = await client.post("/v1/teams", json={"name": "Free", "owner": OWNER, "currency": "???"})
        with monkeypatch.context() as patch:
            patch.setattr(teams, "create", broken)
            failed = await client.post("/v1/teams", json={"name": "Free", "owner": OWNER})
        made = await client.post("/v1/teams", json={"name": "Free", "owner": OWNER})
    assert (problem(refused), problem(failed), made.status_code) == ("invalid_body", "internal_error", 201)
    assert "idempotency-replayed" not in made.headers
    assert await count_teams(site, "Free") == 1


@pytest.mark.parametrize("key", ["", "a" * 256, "é"])
async def test_a_key_that_is_none(site: Site, key: str) -> None:
    """Empty, too long or not ASCII is refused before anything is made."""
    async with site.client() as client:
        headers = {b"Idempotency-Key": key.encode()}
        answer = await client.post("/v1/teams", json={"name": "None", "owner": OWNER}, headers=headers)
    assert problem(answer) == "invalid_parameter"
