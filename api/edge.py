"""The outermost layer: request ids, security headers, HEAD and OPTIONS, and how long everything took."""

from __future__ import annotations

import re
from time import perf_counter
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api.errors import methods
from api.metrics import Metrics

GIVEN_ID = re.compile(rb"[0-9A-Za-z._:-]{1,128}")
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# same-origin, not no-referrer: with that, browsers send "Origin: null" with our own forms.
HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "x-frame-options": "DENY"}


class Edge:
    """Wraps an app; a request id that the client sent is kept when it is one a log line can bear."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps `app`, which is the whole framework: refusals of its router pass here too."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        there = methods(scope["litestar_app"], scope["path"]) if scope["method"] == "OPTIONS" else []
        try:
            if there:
                await exchange.allow(there)
            else:
                await self._app(scope, receive, exchange.send)
        finally:
            exchange.observe()


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Any, send: Send) -> None:  # noqa: ANN401 (the union of scopes has no common item access)
        self._scope = scope
        self._send = send
        self._began = perf_counter()
        self._method: str = scope["method"]
        self._status = 0
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        self._id = given.decode() if GIVEN_ID.fullmatch(given) else str(uuid7())
        scope["state"]["request_id"] = self._id
        if self._method == "HEAD":
            scope["method"] = "GET"  # the same answer, its body left out below (RFC 9110, 9.3.2)

    async def send(self, message: Message) -> None:
        """Passes the answer on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableScopeHeaders.from_message(message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers["x-request-id"] = self._id
            headers.setdefault("cache-control", "no-store")
        elif message["type"] == "http.response.body" and self._method == "HEAD":
            message["body"] = b""
        await self._send(message)

    async def allow(self, methods: list[str]) -> None:
        """Answers OPTIONS. The framework's own handler knows one of several handlers at a path, so it is not asked."""
        headers = [(b"allow", ", ".join(methods).encode()), (b"content-length", b"0")]
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    def observe(self) -> None:
        """Counts it; status 0 is an answer that was never begun."""
        method = self._method if self._method in KNOWN_METHODS else "other"
        route = str(self._scope.get("path_template") or "unmatched")
        shell = self._scope["litestar_app"].state.get("shell")
        if shell is not None:
            metrics: Metrics = shell.metrics
            metrics.observe(method, route, self._status, perf_counter() - self._began)
