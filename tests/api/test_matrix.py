"""Who may do what, asked of the served app: every route x key x member x own and other team, against the data."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from api.app import create_app
from meter.settings import load
from tests.api.matrix import ALLOWED, ASKERS, KEYS, OPEN, ROWS, SESSION, TEAMS, Asker, expected, routes, table
from tests.api.site import OPERATOR_KEY, Site, problem, served, settings_for

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
UNKNOWN = "hm_aaaaaaaa_" + "b" * 43
MARK = "<!-- made by tests/api/test_matrix.py -->\n"
SAMPLES = {"meter": "requests", "from": "2026-11-01", "to": "2026-11-02", "since": "2026-11-01"}
# What can be read, so that another team's refusal is the first one; never sent to the own team.
BODIES: dict[str, object] = {
    "PATCH /v1/teams/{team_id}": {"name": "x"},
    "POST /v1/teams/{team_id}/members": {"user_id": "max"},
    "PATCH /v1/teams/{team_id}/members/{member_id}": {"role": "admin"},
    "POST /v1/teams/{team_id}/invitations": {"email": "eve@example.org"},
    "POST /v1/teams/{team_id}/keys": {"name": "k", "scopes": ["read"]},
    "PATCH /v1/teams/{team_id}/keys/{key_id}": {"name": "k"},
    "POST /v1/events": {"meter": "unknown", "quantity": 1, "id": "1"},  # rejected, so that it registers nobody
    "POST /v1/meters": {"slug": "x", "title": "X", "unit": "x", "aggregation": "sum"},
    "PATCH /v1/meters/{slug}": {"title": "X"},
    "POST /api/v1/meters": {"slug": "x", "eventType": "x", "aggregation": "COUNT"},
    "POST /api/v1/meters/{slug}/query": {},
    "POST /v1/billing/calculate": {"plan": "credits/payg", "usage": []},
    "POST /v1/corrections": {"kind": "void", "reason": "x", "query": {"from": "2026-11-02", "to": "2026-11-01"}},
    "POST /v1/corrections/{correction_id}/undo": {"reason": "x"},
    "PUT /v1/teams/{team_id}/subscription": {"plan": "credits/payg"},
    "POST /v1/billing/subscription/changes": {"type": "plan", "plan": "credits/payg"},
}


class Stage(NamedTuple):
    """The site with its two teams, a key of each kind, and the query parameters of each documented route."""

    site: Site
    teams: dict[str, str]
    keys: dict[str, str | None]
    queries: dict[str, dict[str, bool]]  # name to whether it is required


@pytest.fixture(scope="module", name="stage")
async def fixture_stage(site_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Answer a site without a limit on requests, where the own team has an owner, an admin and a member."""
    settings = settings_for(site_database, tmp_path_factory.mktemp("matrix"), key_requests_per_second=0)
    async with served(settings) as site:
        teams = {"own": await site.make_team("Own")}
        other = {"name": "Other", "owner": {"user_id": "olga", "email": "olga@example.org"}}
        teams["other"] = (await site.post("/v1/teams", other))["id"]
        teams["nobody's"] = str(uuid4())
        for user_id, role in (("amy", "admin"), ("bob", "member")):
            await site.post(f"/v1/teams/{teams['own']}/members", {"user_id": user_id, "role": role})
        keys: dict[str, str | None] = {"operator": OPERATOR_KEY, "no key": None, "unknown key": UNKNOWN}
        for name in KEYS.keys() - keys.keys():
            keys[name] = await site.make_key(teams["own"], *KEYS[name])
        async with site.client(None) as client:
            document = (await client.get("/v1/openapi.json")).json()
        yield Stage(site, teams, keys, dict(queries_of(document)))


def queries_of(document: dict[str, Any]) -> list[tuple[str, dict[str, bool]]]:
    """Answer the query parameters of every documented route, and whether each is required."""
    shared = document.get("components", {}).get("parameters", {})
    found = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            given = [shared[each["$ref"].split("/")[-1]] if "$ref" in each else each for each in parameters(operation)]
            asked = {each["name"]: bool(each.get("required")) for each in given if each["in"] == "query"}
            found.append((f"{method.upper()} {path}", asked))
    return found


def parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Answer the parameters of a documented operation."""
    return list(operation.get("parameters", []))


def test_every_route_has_a_row() -> None:
    """A route that nobody gave a row, and a row of a route that is gone, are told."""
    assert set(routes(create_app(load({})))) == set(ROWS)


async def ask(stage: Stage, client: httpx.AsyncClient, route: str, team: str) -> httpx.Response:
    """Ask, of the own team with a body that can't be read: a refusal comes before anything is looked at.

    Nothing has the version 0 and the ids of all things but teams are made up, so nothing is changed or deleted.
    """
    method, path = route.split()
    path = re.sub(r"{\w+}", str(uuid4()), path.replace("{team_id}", stage.teams[team]))
    known = stage.queries[route]
    query = {name: SAMPLES[name] for name, required in known.items() if required}
    if "team" in known:
        query["team"] = stage.teams[team]
    body = {} if method in {"GET", "DELETE"} else {"content": b"x"} if team == "own" else {"json": BODIES.get(route)}
    headers = {"If-Match": '"0"'} if method in {"PATCH", "DELETE"} else {}
    return await client.request(method, path, params=query, headers=headers, **body)


def about(stage: Stage, route: str, team: str) -> str | None:
    """Answer which team a question is about, None for none: then there is no other one either."""
    return team if "{team_id}" in route or "team" in stage.queries[route] else None


async def wrong(stage: Stage, asker: Asker) -> list[str]:
    """Ask every route of both teams, and answer what was not as the data says."""
    headers = {} if asker.member is None else {"X-User-ID": asker.member}
    found = []
    async with stage.site.client(stage.keys[asker.key], **headers) as client:
        for route, row in ROWS.items():
            for team in TEAMS if row not in {OPEN, SESSION} else ():
                which = about(stage, route, team)
                if which is None and team == "other":
                    continue
                answer = await ask(stage, client, route, team)
                wanted = expected(row, asker, which)
                if answer.status_code == httpx.codes.UNAUTHORIZED:
                    assert answer.headers["www-authenticate"].startswith("Bearer")
                got = problem(answer) if answer.status_code in {401, 403, 404} else ALLOWED
                made_up = "{" in route.replace("{team_id}", "")  # so a 404 is what an allowed question gets
                if got != wanted and not (made_up and wanted == ALLOWED and answer.status_code == 404):
                    found.append(f"{asker} {route} of {team}: {answer.status_code} {got}, not {wanted}")
    return found


async def test_the_matrix_is_what_happens(stage: Stage) -> None:
    """Every route, for every kind of key and member, of the own and the other team."""
    found = await asyncio.gather(*(wrong(stage, asker) for asker in ASKERS))
    wrongs = [each for answers in found for each in answers]
    assert wrongs == [], "\n".join(wrongs)


async def test_another_team_looks_like_none(stage: Stage) -> None:
    """A key of one team is told the same of another one and of a team that nobody has, word for word."""
    async with stage.site.client(stage.keys["all"]) as client:
        for route in (route for route in stage.queries if about(stage, route, "other")):
            answers = [await ask(stage, client, route, team) for team in ("other", "nobody's")]
            told = [{k: v for k, v in each.json().items() if k not in {"instance", "request_id"}} for each in answers]
            assert told[0] == told[1], route


async def test_pages_ask_for_a_session_and_the_open_ones_for_nothing(stage: Stage) -> None:
    """A key is no session; what is open to all answers without either."""
    async with stage.site.client(None) as nobody, stage.site.client(stage.keys["all"]) as key:
        for route, row in ROWS.items():
            method, path = route.split()
            path = path.replace("{name}", "hourmeter.css").replace("{path}", "openapi.json")
            path = re.sub(r"{\w+}", str(uuid4()), path)
            for client in (nobody, key):
                if row == SESSION:
                    assert (await client.request(method, path)).status_code in {303, 401}, route
                elif row == OPEN:
                    assert (await client.request(method, path)).status_code not in {403, 405, 500}, route


def test_the_page_shows_the_matrix() -> None:
    """docs/permissions.md ends with the table made of the data; METER_UPDATE_GOLDEN=1 writes it anew."""
    text = PAGE.read_text("utf-8")
    head = text.partition(MARK)[0]
    if os.environ.get("METER_UPDATE_GOLDEN"):
        PAGE.write_text(head + MARK + "\n" + table(), "utf-8")
    assert PAGE.read_text("utf-8") == head + MARK + "\n" + table(), "METER_UPDATE_GOLDEN=1 on tests/api/test_matrix.py"
