"""Is a query one that its address knows? A misspelt parameter that is passed over gives a wrong answer."""

from __future__ import annotations

from typing import Any

import litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from meter.errors import InvalidParameter

# The option of a route that checks names itself, or must answer whatever it is asked with.
OPEN = {"open_query": True}
Names = dict[int, frozenset[str]]


async def check_query(request: litestar.Request[Any, Any, Any]) -> None:
    """Refuses NUL, which no text of ours has, and parameters that the address does not declare.

    Pages are let pass: their addresses are bookmarks of people. Raises InvalidParameter.
    """
    query = request.scope["query_string"]
    if not query:
        return
    if b"%00" in query or b"\0" in query:
        raise InvalidParameter("no parameter may hold a NUL")
    handler = request.route_handler
    if not handler.opt.get("open_query") and handler.resolve_include_in_schema():
        known = declared(request)
        unknown = sorted(request.query_params.keys() - known)
        if unknown:
            takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            raise InvalidParameter(f"{unknown[0][:64]!r} is no parameter of this address; {takes}")


def declared(request: litestar.Request[Any, Any, Any]) -> frozenset[str]:
    """The names of the query parameters that the address has, those of its dependencies too."""
    names: Names | None = request.app.state.get("declared_queries")
    if names is None:  # worked out once per app
        names = {id(handler): known for handler, known in _handlers(request.app)}
        request.app.state["declared_queries"] = names
    return names[id(request.route_handler)]


def _handlers(app: litestar.Litestar) -> list[tuple[HTTPRouteHandler, frozenset[str]]]:
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    found = [model for route in routes for model in route.route_handler_map.values()]
    return [(handler, frozenset(each.field_alias for each in model.expected_query_params)) for handler, model in found]
