"""Who may ask what: keys, scopes, members, and teams that do not exist for others."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest

from api.auth import bearer, member_of
from meter.errors import InvalidParameter, Unauthorized
from tests.api.site import OPERATOR_KEY, Site, problem

PUBLIC = {"/v1/health": 200, "/metrics": 200, "/v1/invitations/accept": 400}  # what an empty request gets
OPEN = {("GET", "/v1/meters"), ("GET", "/v1/prices/plans")}
UNKNOWN = re.compile(r"\{\w+\}")
BODIES: dict[str, object] = {
    "/v1/teams/{team_id}/keys": {"name": "k", "scopes": ["read"]},
    "/v1/events": {"meter": "requests", "quantity": 1, "id": "1"},
}
NO_VERSION = {"If-Match": '"0"'}
OPERATOR_ONLY = {("GET", "/v1/teams"), ("POST", "/v1/teams")}


class Operation(NamedTuple):
    """A documented operation: its method, template, a path of some team, and whether it is about a team's things."""

    method: str
    template: str
    path: str
    about_a_team: bool


async def operations(site: Site, team: str) -> list[Operation]:
    """Answer every documented operation that needs a key, and the public ones by their templates."""
    async with site.client() as client:
        paths = (await client.get("/v1/openapi.json")).json()["paths"]
    return [
        Operation(
            method.upper(),
            template,
            UNKNOWN.sub(str(uuid4()), template.replace("{team_id}", team)),
            bool({"team"} & {each["name"] for each in operation.get("parameters", [])}) or "{" in template,
        )
        for template, item in paths.items()
        for method, operation in item.items()
    ]


async def ask(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """Ask with a body that is none: who may not ask is told so before anything is read. Nothing is of that version."""
    return await client.request(method, path, content=b"x" if method == "POST" else None, headers=NO_VERSION)


async def test_every_route_but_the_public_ones_needs_a_key(site: Site) -> None:
    """Without a key, and with one that does not exist, every operation is a 401 that says how to send one."""
    team = await site.make_team()
    for key in (None, "hm_aaaaaaaa_" + "b" * 43):
        async with site.client(key) as client:
            for method, template, path, _ in await operations(site, team):
                answer = await ask(client, method, path)
                if template in PUBLIC:
                    assert answer.status_code == PUBLIC[template], path
                else:
                    assert (answer.status_code, problem(answer)) == (401, "unauthorized"), (method, path)
                    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_without_scope_is_refused_everywhere(site: Site) -> None:
    """Each scope opens what it is for; nothing but the catalogues is open to all three."""
    team = await site.make_team()
    allowed: dict[str, set[tuple[str, str]]] = {}
    for scope in ("ingest", "read", "admin"):
        async with site.client(await site.make_key(team, scope)) as client:
            keyed = [each for each in await operations(site, team) if each.template not in PUBLIC]
            answers = {each[:2]: await ask(client, each.method, each.path) for each in keyed}
        refused = {each for each, answer in answers.items() if answer.status_code == 403}
        assert all(problem(answers[each]) == "forbidden" for each in refused)
        assert refused >= OPERATOR_ONLY
        allowed[scope] = answers.keys() - refused
    assert {("POST", "/v1/events"), ("POST", "/v1/usage/collect")} <= allowed["ingest"] - allowed["read"] - allowed[
        "admin"
    ]
    assert {("GET", "/v1/usage"), ("GET", "/v1/analytics/trends")} <= allowed["read"] - allowed["ingest"]
    assert ("POST", "/v1/teams/{team_id}/keys") in allowed["admin"] - allowed["read"] - allowed["ingest"]
    assert allowed["ingest"] & allowed["read"] & allowed["admin"] == OPEN


async def test_another_teams_things_do_not_exist(site: Site) -> None:
    """With a key of one team, every path and every ?team= of another is a 404, as for a team that nobody has.

    A body that can't be read, and what this key may not do for its own team either, may be told first: that says
    nothing about any team.
    """
    mine, theirs = await site.make_team("Mine"), await site.make_team("Theirs")
    async with site.client(await site.make_key(mine, "ingest", "read", "admin")) as client:
        own = {each[:2]: await ask_about(client, each, mine) for each in await operations(site, mine)}
        for team in (theirs, str(uuid4())):
            for operation in await operations(site, team):
                if not operation.about_a_team:
                    continue
                answer = await ask_about(client, operation, team)
                first = {"invalid_body"} if operation.method != "GET" and operation.template not in BODIES else set()
                if own[operation[:2]].status_code == 403:
                    first.add("forbidden")
                assert problem(answer) in {"not_found"} | first, operation


async def ask_about(client: httpx.AsyncClient, operation: Operation, team: str) -> httpx.Response:
    """Ask for an operation on a team, named in the path or else in the query."""
    asked = "" if "{team_id}" in operation.template else f"?team={team}&meter=cpu&from=2026-01-01&to=2026-02-01"
    body = BODIES.get(operation.template) if operation.method == "POST" else None
    return await client.request(operation.method, operation.path + asked, json=body, headers=NO_VERSION)


async def test_a_teams_own_id_may_be_named(site: Site) -> None:
    """A team key may say whose it is; it changes nothing."""
    team = await site.make_team()
    async with site.client(await site.make_key(team, "read")) as client:
        assert (await client.get("/v1/meters", params={"team": team})).status_code == 200


async def test_the_operator_names_a_team(site: Site) -> None:
    """The operator's key belongs to no team, so a question about one needs `team`."""
    team = await site.make_team()
    asked = {"meter": "cpu", "from": "2026-01-01", "to": "2026-02-01"}
    async with site.client() as client:
        missing = await client.get("/v1/usage", params=asked)
        malformed = await client.get("/v1/usage", params=asked | {"team": "acme"})
        named = await client.get("/v1/usage", params=asked | {"team": team})
    assert (problem(missing), problem(malformed), named.status_code) == ("invalid_parameter", "invalid_parameter", 200)


async def test_a_revoked_key_opens_nothing_at_once(site: Site) -> None:
    """The request after the revocation is refused, and the refusal is the one that unknown keys get."""
    team = await site.make_team()
    made = await site.post(f"/v1/teams/{team}/keys", {"name": "k", "scopes": ["read"]})
    async with site.client(made["key"]) as client, site.client() as operator:
        before = await client.get(f"/v1/teams/{team}")
        revoked = await operator.delete(f"/v1/teams/{team}/keys/{made['id']}")
        after = await client.get(f"/v1/teams/{team}")
        unknown = await client.get(f"/v1/teams/{team}", headers={"Authorization": "Bearer hm_unknown"})
    assert (before.status_code, revoked.status_code, after.status_code) == (200, 204, 401)
    assert after.json()["detail"] == unknown.json()["detail"]


async def test_last_use_is_noted_once_a_minute(site: Site) -> None:
    """The list shows when a key was last used, to the minute."""
    team = await site.make_team()
    key = await site.make_key(team, "read", "admin")

    async def last_used(ahead: timedelta) -> datetime:
        site.clock.ahead = ahead
        async with site.client(key) as client:
            shown = (await client.get(f"/v1/teams/{team}/keys")).json()["items"][0]["last_used_at"]
        return datetime.fromisoformat(shown)

    first = await last_used(timedelta())
    assert datetime.now(UTC) - first < timedelta(seconds=30)
    assert await last_used(timedelta(seconds=20)) == first
    assert await last_used(timedelta(seconds=90)) > first


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic hm_x", "hm_x", "Bearer x", "Bearer hm_" + "a" * 300]
)
def test_what_is_no_bearer_key(header: str) -> None:
    """Whatever is not `Bearer hm_…` is refused without asking the database."""
    with pytest.raises(Unauthorized):
        bearer(header)


def test_the_scheme_may_be_written_as_one_likes() -> None:
    """Schemes are case-insensitive (RFC 9110, 11.1)."""
    assert bearer("bearer hm_x") == bearer("BEARER  hm_x") == "hm_x"


@pytest.mark.parametrize("member", ["", "a" * 201, "a\tb", "a\x00b", "\xff\xfe", "a\x7f"])
def test_what_is_no_member(member: str) -> None:
    """A member has 1 to 200 characters, none of them control characters, in UTF-8."""
    with pytest.raises(InvalidParameter):
        member_of(member)


def test_members_are_utf8() -> None:
    """A header's bytes are read as UTF-8, whatever the server took them for."""
    assert member_of("Zoë 字".encode().decode("latin-1")) == "Zoë 字"
    assert member_of(None) is None


async def test_a_bad_member_is_told(site: Site) -> None:
    """X-User-ID is checked on every route with a key."""
    async with site.client(OPERATOR_KEY, **{"X-User-ID": "a" * 201}) as client:
        assert problem(await client.get("/v1/teams")) == "invalid_parameter"
