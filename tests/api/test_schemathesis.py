"""Is the OpenAPI document true? Made-up requests on every route as everybody there is, each answer held against it.

METER_TEST_FUZZ_EXAMPLES says how many requests are made up per operation, as many valid as invalid ones; each is sent
by every role.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import BaseSchema, Case, CheckFunction, Config, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from api.app import create_app
from meter.settings import load
from tests.conftest import _database
from tests.served import OPERATOR_KEY, Client, Service, serving

EXAMPLES = int(os.environ.get("METER_TEST_FUZZ_EXAMPLES", "5"))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
TIME = "2026-11-01T12:00:00Z"
# What a question or path needs to get anywhere; everything else is made up.
SENSIBLE_BODY: dict[str, Any] = {
    "meter": "requests",
    "plan": "credits/payg",
    "timezone": "UTC",
    "currency": "USD",
    "time": TIME,
    "from": "2026-10-01",
    "to": "2026-11-01",
    "usage": [{"meter": "requests", "quantity": "5", "member": "bob"}],
}
CORRECTED = {
    "kind": "amend",
    "reason": "a mistake",
    "events": [{"id": "corrected", "time": TIME}],
    "changes": {"quantity": 6},
}
BILLED = {"from": "2026-10-01", "to": "2026-11-01"}
ACCEPTED = ("*/*", "application/json", "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream")
SENSIBLE = {"meter": "requests", "from": "2026-11-01", "to": "2026-11-03", "window": "day", "tz": "Asia/Kathmandu"}
SENSIBLE["since"] = "now-1d"
Headers = dict[str, str]


def operations() -> list[tuple[str, str]]:
    """List every route that the document has, as path and method, in the same order in each process of a run."""
    paths = create_app(load({})).openapi_schema.to_schema()["paths"]
    return sorted((path, method) for path, item in paths.items() for method in item)


@dataclass
class Cast:
    """A team with some usage, everybody who may ask about it, and the ids that paths may have."""

    roles: dict[str, Headers]
    known: dict[str, str]


@pytest.fixture(scope="module", name="service")
def fixture_service(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Answer a running service; its log is shown where a test fails for its sake."""
    with _database(postgres_server, postgres_template) as url:
        database, directory = url, tmp_path_factory.mktemp("fuzzed")
        with serving(database, directory, METER_QUERY_SECONDS="10", METER_PAST_DAYS="36600") as service:
            yield service


@pytest.fixture(scope="module", name="schema")
def fixture_schema(service: Service) -> BaseSchema:
    """Answer the document as it is served."""
    answer = requests.get(f"{service.url}/v1/openapi.json", timeout=30)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    generation = GenerationConfig(with_security_parameters=False)
    project = ProjectConfig(generation=generation)
    return schemathesis.openapi.from_dict(document, config=Config(projects=ProjectsConfig(default=project)))


@pytest.fixture(name="cast")
def fixture_cast(service: Service) -> Cast:
    """Answer a team of its own for each operation: whatever is deleted or revoked, the next one has all of it."""
    operator = Client(service.url)
    team = operator.post("/v1/teams", {"name": "Acme", "owner": {"user_id": "ada", "email": "ada@example.org"}})["id"]
    scopes = {"all": ["ingest", "read", "admin"], "ingest": ["ingest"], "read": ["read"], "admin": ["admin"]}
    keys = {
        name: operator.post(f"/v1/teams/{team}/keys", {"name": name, "scopes": each})
        for name, each in {**scopes, "spare": ["read"]}.items()
    }
    events = [{"id": who, "time": TIME, "meter": "requests", "quantity": 5, "member": who} for who in ("ada", "bob")]
    # of a meter of its own: those of the catalogue are archived and changed by what is made up
    operator.post(f"/v1/meters?team={team}", {"slug": "made.things", "unit": "thing", "aggregation": "sum"})
    events.append({"id": "corrected", "time": TIME, "meter": "made.things", "quantity": 5, "member": "bob"})
    Client(service.url, keys["all"]["key"]).push(events)
    named = {"spare": {"user_id": "eve"}, "admin": {"user_id": "cleo", "role": "admin"}}
    members = {name: operator.post(f"/v1/teams/{team}/members", each)["id"] for name, each in named.items()}
    roles = {f"key {name}": bearer(keys[name]["key"]) for name in scopes}
    roles |= {f"as {who}": bearer(keys["all"]["key"]) | {"X-User-ID": who} for who in ("ada", "cleo", "bob", "nobody")}
    known = {
        "team_id": team,
        "team": team,
        "key_id": keys["spare"]["id"],
        "member_id": members["spare"],
        "invitation_id": operator.post(f"/v1/teams/{team}/invitations", {"email": "dan@example.org"})["id"],
        "invoice_id": operator.post(f"/v1/teams/{team}/invoices", BILLED)["id"],
        "slug": "requests",
        "correction_id": operator.post(f"/v1/corrections?team={team}", CORRECTED)["id"],
    }
    return Cast({"operator": bearer(OPERATOR_KEY), **roles, "stranger": {}}, known)


def bearer(key: str) -> Headers:
    """Answer the header of a key."""
    return {"Authorization": f"Bearer {key}"}


def invalid(case: Case[Any]) -> set[ParameterLocation]:
    """Answer where the request was made invalid on purpose."""
    parts = case.meta.components.items() if case.meta else ()
    return {where for where, part in parts if part.mode.is_negative}


def checks_for(case: Case[Any], headers: Headers) -> list[CheckFunction]:
    """Answer what must hold: of events a wrong one is told in the receipt, and a role may overrule a wrong header."""
    overruled = "X-User-ID" in headers and ParameterLocation.HEADER in invalid(case)  # the other roles send it so
    if overruled or "ndjson" in str(case.operation.definition.raw.get("requestBody")):
        return [each for each in CHECKS if each is not checks.negative_data_rejection]
    return CHECKS


def aimed(case: Case[Any], cast: Cast, how: Literal["wild", "sensible", "plain"]) -> Case[Any]:
    """Answer the request with ids that exist in its path; a sensible one can be answered, a plain one asks no more."""
    wrong = invalid(case)
    if ParameterLocation.HEADER not in wrong:
        case.headers.pop("X-User-ID", None)  # the roles say whom they act for
    if ParameterLocation.PATH not in wrong and not case.path.endswith("/pdf"):  # making one takes a second
        case.path_parameters |= {name: cast.known[name] for name in case.path_parameters if name in cast.known}
    if how == "plain" and ParameterLocation.QUERY not in wrong:
        case.query.clear()
    if how != "wild" and ParameterLocation.QUERY not in wrong:
        declared = {parameter.name for parameter in case.operation.query}
        case.query |= {name: value for name, value in (SENSIBLE | cast.known).items() if name in declared}
    if how != "wild" and ParameterLocation.BODY not in wrong and isinstance(case.body, dict):
        case.body |= {name: value for name, value in SENSIBLE_BODY.items() if name in case.body}
    return case


@pytest.mark.slow
@pytest.mark.database
@pytest.mark.parametrize(("path", "method"), operations())
def test_the_document_is_true(path: str, method: str, service: Service, schema: BaseSchema, cast: Cast) -> None:
    """No failure of ours, no status, type, header or body that is not documented; what is invalid is refused."""
    operation = schema[path][method]
    with requests.Session() as session:

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            st.one_of(operation.as_strategy(GenerationMode.POSITIVE), operation.as_strategy(GenerationMode.NEGATIVE)),
            st.sampled_from(("wild", "sensible", "plain")),
            st.sampled_from(ACCEPTED),
        )
        def ask(case: Case[Any], how: Literal["wild", "sensible", "plain"], accept: str) -> None:
            aimed(case, cast, how)
            for role, headers in cast.roles.items():
                response = case.call(service.url, session, headers=headers | {"Accept": accept})
                try:
                    case.validate_response(response, checks=checks_for(case, headers))
                except* AssertionError as failures:
                    raise AssertionError(f"as {role}: {failures.exceptions}\n{service.log()[-3000:]}") from failures

        ask()
