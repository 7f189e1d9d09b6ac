"""The OpenAPI document says what the addresses do."""

from __future__ import annotations

from typing import Any

import pytest

from api.errors import MEDIA_TYPE
from meter.errors import CODES
from tests.api.site import Site

PUBLIC = {"/v1/health", "/metrics", "/v1/invitations/accept"}


@pytest.fixture
async def document(site: Site) -> dict[str, Any]:
    """Answer the document, as anybody may fetch it."""
    async with site.client(None) as client:
        answer = await client.get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Answer the operations by method and template."""
    paths = document["paths"].items()
    return {f"{method.upper()} {path}": operation for path, item in paths for method, operation in item.items()}


async def test_every_operation_is_described_and_says_whether_it_needs_a_key(document: dict[str, Any]) -> None:
    """A sentence each; the key is the rule, and the two public addresses are the exceptions."""
    assert document["openapi"].startswith("3.1")
    assert document["security"] == [{"key": []}]
    for name, operation in operations(document).items():
        assert operation["description"], name
        assert (operation.get("security") == [{}]) is (name.split()[1] in PUBLIC), name
    identifiers = [operation["operationId"] for operation in operations(document).values()]
    assert len(identifiers) == len(set(identifiers))


async def test_every_refusal_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    """What any route with a key may answer is there, in the one shape, with codes of the registry."""
    codes = {kind.code for kind in CODES}
    for name, operation in operations(document).items():
        if name.split()[1] in PUBLIC:
            continue
        refusals = {status: each for status, each in operation["responses"].items() if int(status) >= 400}
        assert {"400", "401", "403", "503"} <= refusals.keys(), name
        for status, refusal in refusals.items():
            reference = refusal["content"][MEDIA_TYPE]["schema"]["$ref"]
            assert reference == "#/components/schemas/ProblemDocument", (name, status)
            assert set(refusal["description"].split(", ")) <= codes, (name, status)


async def test_structs_that_refuse_unknown_fields_say_so(document: dict[str, Any]) -> None:
    """A generator of requests must not make up fields."""
    schemas = document["components"]["schemas"]
    assert {name for name, schema in schemas.items() if schema.get("additionalProperties") is False} >= {
        "NewKey",
        "NewTeam",
        "Owner",
    }
    assert "additionalProperties" not in schemas["TeamView"]


async def test_what_creates_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    """Every POST that answers 201 documents the header."""
    creating = {name: each for name, each in operations(document).items() if "201" in each["responses"]}
    assert {"POST /v1/teams", "POST /v1/teams/{team_id}/keys"} <= creating.keys()
    for name, operation in creating.items():
        assert "Idempotency-Key" in {parameter.get("name") for parameter in operation.get("parameters", [])}, name


async def test_no_parameter_can_be_null(document: dict[str, Any]) -> None:
    """Nothing in a query, path or header says null: what may be left out is not required, and that is all."""
    for name, operation in operations(document).items():
        for parameter in operation.get("parameters", []):
            schema = parameter.get("schema", {})
            assert isinstance(schema.get("type", ""), str), (name, parameter)
            assert {"type": "null"} not in schema.get("oneOf", []), (name, parameter)
            assert None not in schema.get("enum", []), (name, parameter)
