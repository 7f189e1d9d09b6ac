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

from meter.errors import QueryTooSlow

FORMS = "forms"
DESCRIPTION = (
    "Time-series metering, billing and analytics. Numbers are strings in answers; strings or numbers in requests. "
    "Refusals are problem documents (RFC 9457) with a stable `code`. The member that a program acts for is X-User-ID."
)


class ClosedJson(JsonRenderPlugin):
    """Says what the framework leaves out: which structs refuse unknown fields, and that reading may take too long."""

    def render(self, request: litestar.Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as JSON."""
        closed = closed_structs()
        for schema in openapi_schema["components"]["schemas"].values():
            if schema.get("title") in closed:
                schema["additionalProperties"] = False
        for path in openapi_schema["paths"].values():
            responses = path.get("get", {}).get("responses", {})
            if "401" in responses:
                responses.setdefault("504", responses["401"] | {"description": QueryTooSlow.code})
        for path, forms in forms_of(request.app).items():
            responses = openapi_schema["paths"][path]["get"]["responses"]
            responses["200"]["content"] |= {form: {"schema": {}} for form in forms if form != "application/json"}
            responses["304"] = {"description": "It is as If-None-Match says.", "headers": {}}
        return super().render(request, openapi_schema)


def forms_of(app: litestar.Litestar) -> dict[str, Sequence[str]]:
    """The media types that routes answer in beside JSON, by path: what their handlers name in `opt`."""
    return {
        str(route.path_format): handler.opt[FORMS]
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if FORMS in handler.opt
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
        render_plugins=[ClosedJson(path=["/", "/openapi.json"])],
        components=Components(security_schemes={"key": key}),
        security=[{"key": []}],
    )


def _version() -> str:
    try:
        return version("hourmeter")
    except PackageNotFoundError:  # run from a source tree that nobody installed
        return "0"
