"""GET /v1/openapi.json: what the addresses take and answer, true to what they do."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import litestar
import msgspec
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute

from api.ingest.samples import Sample
from meter.errors import QueryTooSlow
from meter.model import Event

FORMS = "forms"
DESCRIPTION = (
    "Time-series metering, billing and analytics. Numbers are strings in answers; strings or numbers in requests. "
    "Refusals are problem documents (RFC 9457) with a stable `code`. The member that a program acts for is X-User-ID."
)


# What the routes that read their bodies themselves take: an item, an array of them, or one a line.
PUSHED: dict[str, type[msgspec.Struct]] = {
    "/v1/events": Event,
    "/v1/backfills/{backfill_id}/events": Event,
    "/v1/usage/collect": Sample,
}
LINES = "application/x-ndjson"
MEMBER = {
    "name": "X-User-ID",
    "in": "header",
    "required": False,
    "description": "The member that a program acts for, UTF-8: it may then do what the key and that member both may.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


class TrueJson(JsonRenderPlugin):
    """Adds what the framework leaves out of the document, being ours: see `complete`."""

    def render(self, request: litestar.Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as JSON."""
        return super().render(request, complete(openapi_schema, forms_of(request.app)))


def complete(document: dict[str, Any], forms: dict[tuple[str, str], Sequence[str]]) -> dict[str, Any]:
    """The document with what is true of all routes: which structs refuse unknown fields, who may be acted for.

    And that reading may take too long, what the routes take that read their bodies themselves, and the `forms` that
    routes answer in.
    """
    components = document["components"]
    closed = closed_structs()
    for schema in components["schemas"].values():
        if schema.get("title") in closed:
            schema["additionalProperties"] = False
    components["parameters"] = {"member": MEMBER}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(path, method, operation)
    for (path, method), named in forms.items():
        responses = document["paths"][path][method]["responses"]
        responses["200"]["content"] |= {form: {"schema": {}} for form in named if form != "application/json"}
        if method == "get":
            responses["304"] = {"description": "It is as If-None-Match says.", "headers": {}}
    _, pushed = msgspec.json.schema_components(
        PUSHED.values(), schema_hook=_anything, ref_template="#/components/schemas/{name}"
    )
    components["schemas"] |= pushed
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for parameter in operation.get("parameters", ()):
        if "schema" in parameter:
            parameter["schema"] = _without_null(parameter["schema"])
    if "401" in responses:
        member = {"$ref": "#/components/parameters/member"}
        parameters = operation.setdefault("parameters", [])
        if member not in parameters:
            parameters.append(member)
        if method == "get":
            responses.setdefault("504", responses["401"] | {"description": QueryTooSlow.code})
    body = operation.get("requestBody", {"content": {}})
    if any({"type": "null"} in each["schema"].get("oneOf", ()) for each in body["content"].values()):
        body["required"] = False
    if path in PUSHED:
        item = {"$ref": f"#/components/schemas/{PUSHED[path].__name__}"}
        array = {"type": "array", "items": item, "minItems": 1}
        content = {"application/json": {"schema": {"anyOf": [item, array]}}, LINES: {"schema": {"type": "string"}}}
        operation["requestBody"] = {"required": True, "content": content}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter, which can be left out but never be null: nothing in a query or header says so."""
    kinds, values = schema.get("type"), schema.get("enum")
    if isinstance(kinds, list) and values is not None:
        kept = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": kept[0], "enum": [value for value in values if value is not None]}
    options: list[dict[str, Any]] = [each for each in schema.get("oneOf", ()) if each != {"type": "null"}]
    if len(options) != 1:
        return schema
    return {name: value for name, value in schema.items() if name != "oneOf"} | options[0]


def _anything(_: type) -> dict[str, object]:
    """The schema of a type that msgspec knows no schema for: attributes of events hold any JSON."""
    return {"description": "Any JSON."}


def forms_of(app: litestar.Litestar) -> dict[tuple[str, str], Sequence[str]]:
    """The media types that routes answer in beside JSON, by path and method: what their handlers name in `opt`."""
    return {
        (str(route.path_format), method.lower()): handler.opt[FORMS]
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if FORMS in handler.opt
        for method in handler.http_methods
        if method != "OPTIONS"
    }


def closed_structs() -> frozenset[str]:
    """The names of our structs that refuse unknown fields."""
    return frozenset(
        each.__name__ for each in msgspec.Struct.__subclasses__() if each.__struct_config__.forbid_unknown_fields
    )


def config() -> OpenAPIConfig:
    """What the framework is told; a key is needed wherever a route does not say otherwise."""
    key = SecurityScheme(type="http", scheme="bearer", description="A key: `Authorization: Bearer hm_…`.")
    return OpenAPIConfig(
        title="Hourmeter",
        version=_version(),
        description=DESCRIPTION,
        path="/v1/openapi.json",  # a folder to the framework, which answers all that is not there in its own way
        use_handler_docstrings=True,
        render_plugins=[TrueJson(path=["/", "/openapi.json"])],
        components=Components(security_schemes={"key": key}),
        security=[{"key": []}],
    )


def _version() -> str:
    try:
        return version("hourmeter")
    except PackageNotFoundError:  # run from a source tree that nobody installed
        return "0"
