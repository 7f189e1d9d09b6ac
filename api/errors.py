"""Problems as documents (RFC 9457): refusals and failures leave in one shape, under a code of meter/errors.py."""

from __future__ import annotations

import logging
from typing import Any, Literal, get_args, get_origin

import litestar
import msgspec
import psycopg
from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap, HTTPScope
from litestar.utils import normalize_path
from psycopg_pool import PoolTimeout

from api.state import shell_of
from meter import errors
from meter.errors import Problem

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OF_EVERY_ROUTE: tuple[type[Problem], ...] = (
    errors.InvalidParameter,
    errors.Unauthorized,
    errors.Forbidden,
    errors.RateLimited,
    errors.Busy,
    errors.TimedOut,
)
OF_KEYS = (errors.Unauthorized, errors.Forbidden, errors.RateLimited)
AWAY: tuple[type[Exception], ...] = (psycopg.errors.QueryCanceled, psycopg.OperationalError, PoolTimeout)
"""How a database that can't be used now is raised, in guards too."""
AnyRequest = litestar.Request[Any, Any, Any]


class ProblemDocument(msgspec.Struct, frozen=True):
    """What a refusal looks like; some codes add members of their own. `code` is stable, `detail` says what to change.

    `instance` is the path that was asked, `request_id` the answer's X-Request-Id.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str


def problems(*kinds: type[Problem], keyed: bool = True) -> dict[int, ResponseSpec]:
    """How these problems, and those that any route with a key can have, look in OpenAPI: for a route's `responses=`.

    A route that asks for no key (`keyed`) can't have those of keys.
    """
    documented: dict[int, list[str]] = {}
    of_bodies = (errors.BodyTooSlow,) if errors.BodyTooLarge in kinds else ()
    of_every = OF_EVERY_ROUTE if keyed else tuple(kind for kind in OF_EVERY_ROUTE if kind not in OF_KEYS)
    for kind in (*of_every, *kinds, *of_bodies):
        documented.setdefault(kind.status, []).append(kind.code)
    return {status: _spec(", ".join(codes)) for status, codes in documented.items()}


def _spec(description: str) -> ResponseSpec:
    return ResponseSpec(ProblemDocument, generate_examples=False, description=description, media_type=MEDIA_TYPE)


def request_id(request: AnyRequest) -> str:
    """The id under which this request is logged and answered."""
    return str(request.scope["state"].get("request_id", ""))


def document(request: AnyRequest, problem: Problem) -> Response[bytes]:
    """The answer that tells a client about a problem."""
    status, headers, body = told(request.scope, problem)
    media_type = headers.pop("Content-Type")
    return Response(body, status_code=status, media_type=media_type, headers=headers)


def told(scope: HTTPScope, problem: Problem) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of that answer."""
    body: dict[str, object] = {
        "type": f"urn:hourmeter:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "instance": scope["path"],
        "request_id": str(scope["state"].get("request_id", "")),
    }
    members = {name: value for name, value in problem.members.items() if name not in body}
    return problem.status, _headers(scope, problem), msgspec.json.encode(body | members)


def _headers(scope: HTTPScope, problem: Problem) -> dict[str, str]:
    headers = {"Content-Type": MEDIA_TYPE} | problem.headers
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    if isinstance(problem, errors.Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="hourmeter"'
    if isinstance(problem, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(methods(scope["litestar_app"], scope["path"]))
    return headers


def allowed(request: AnyRequest) -> list[str]:
    """The methods that the path of this request has."""
    return methods(request.app, request.scope["path"])


def methods(app: litestar.Litestar, path: str) -> list[str]:
    """The methods that a path has, OPTIONS last; empty where nothing is."""
    found = []
    for method in METHODS:
        try:
            app.asgi_router.handle_routing(path=normalize_path(path), method=method)
        except HTTPException:
            continue
        found += ["GET", "HEAD"] if method == "GET" else [method]
    return [*found, "OPTIONS"] if found else []


def _problem(request: AnyRequest, error: Problem) -> Response[bytes]:
    return document(request, error)


def _of_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """The framework's own refusals under our codes."""
    if isinstance(error, ValidationException):
        return document(request, _invalid(request, error))
    if isinstance(error, NotFoundException):
        return document(request, errors.NotFound("there is nothing at this address"))
    if isinstance(error, MethodNotAllowedException):
        return document(request, errors.MethodNotAllowed(f"this address takes {', '.join(allowed(request))}"))
    if error.status_code < 500:  # noqa: PLR2004 (client's fault or ours)
        return document(request, errors.InvalidParameter(error.detail))
    return _failed(request, error)


def _invalid(request: AnyRequest, error: ValidationException) -> Problem:
    """Which parameter, and what was expected of it. Bodies are decoded by us: of one, only that it is missing."""
    extra = error.extra if isinstance(error.extra, list) else []
    if any(each.get("key") == "data" for each in extra):
        return errors.InvalidBody("a JSON body is needed here")
    named = [_named(request, each["key"], each["message"]) if each.get("key") else each["message"] for each in extra]
    return errors.InvalidParameter("; ".join(named) or error.detail)


def _named(request: AnyRequest, key: str, message: str) -> str:
    """A parameter under the name that the client knows, and which words it may be where it is one of some."""
    handler = request.route_handler
    asked = [handler.parsed_fn_signature]
    asked += [each.parsed_fn_signature for each in handler.resolve_dependencies().values()]
    kinds = [each.parameters[key].annotation for each in asked if key in each.parameters]
    known = dict.fromkeys(word for kind in kinds for word in words_of(kind)) if "enum" in message else {}
    return f"{key.rstrip('_')}: {message}" + (f"; there are {', '.join(known)}" if known else "")


def words_of(kind: object) -> list[str]:
    """The words that a type knows: those of its literals."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [word for each in get_args(kind) for word in words_of(each)]


def away(request: AnyRequest, error: Exception) -> errors.Busy:
    """What is told of a database that can't be used now; why is for the log."""
    _log.warning("request %s: the database can't be used now: %s", request_id(request), error)
    return errors.Busy("the database can't be reached or is overloaded; send it again")


def _busy(request: AnyRequest, error: Exception) -> Response[bytes]:
    return document(request, away(request, error))


def _canceled(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A statement was stopped: reading, by the time limit of its pool; anything else, by somebody at the database."""
    if request.method != "GET":
        return _busy(request, error)
    route = request.scope.get("path_template", "")
    _log.warning("request %s: a statement of %s %s was canceled", request_id(request), request.method, route)
    seconds = shell_of(request).settings.query_seconds
    said = f"reading took more than {seconds} s; ask for a shorter range, longer windows or fewer groups"
    return document(request, errors.QueryTooSlow(said))


def _failed(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Our own failure: everything for the log, nothing for the client but where to find it there."""
    route = request.scope.get("path_template", "")
    _log.error("request %s: %s %s failed", request_id(request), request.method, route, exc_info=error)
    return document(request, errors.InternalError(f"it is logged under the request id {request_id(request)}"))


HANDLERS: ExceptionHandlersMap = {
    Problem: _problem,
    HTTPException: _of_framework,
    psycopg.errors.QueryCanceled: _canceled,
    psycopg.OperationalError: _busy,
    PoolTimeout: _busy,
    Exception: _failed,
}
