"""The outermost layer: request ids, headers that every answer has, HEAD and OPTIONS, the time limit, the access log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from time import perf_counter
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api import access_log
from api.cors import Cors, Header
from api.errors import methods, told
from api.metrics import Metrics
from api.rate import standing_of
from meter.errors import TimedOut
from meter.model import Caller
from meter.settings import Settings

GIVEN_ID = re.compile(rb"[0-9A-Za-z._:-]{1,128}")
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HSTS: Header = (b"strict-transport-security", b"max-age=31536000")
# For answers that have none of their own: those are data, and load and frame nothing.
SECURITY: tuple[Header, ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # same-origin, not no-referrer: with that, browsers send "Origin: null" with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Edge:
    """Wraps an app; a request id that the client sent is kept when it is one a log line can bear."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wraps `app`, which is the whole framework: refusals of its router pass here too."""
        self._app = app
        self._usual = (*SECURITY, HSTS) if settings.https_only else SECURITY
        self._cors = Cors(settings.cors_origins or ())
        self._seconds = settings.request_seconds
        self._logged = settings.access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        asked = cast("HTTPScope", scope)
        exchange = _Exchange(asked, receive, send, (*self._usual, *self._cors.answer(asked)))
        try:
            there = methods(asked["litestar_app"], asked["path"]) if asked["method"] == "OPTIONS" else []
            if there:
                await exchange.allow(there, self._cors.preflight(asked, there))
            else:
                await self._answer(asked, exchange)
        finally:
            exchange.observe(logged=self._logged)

    async def _answer(self, scope: HTTPScope, exchange: _Exchange) -> None:
        """Lets the app answer; what it has not begun in time is cancelled, its transaction rolled back, and told."""
        try:
            async with asyncio.timeout(self._seconds) as exchange.deadline:
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if exchange.deadline is None or not exchange.deadline.expired():
                raise  # not ours: an answer that broke off
            problem = TimedOut(f"no answer within {self._seconds} s; send it again")
            status, headers, body = told(scope, problem)
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await exchange.whole(status, [*raw, (b"content-length", str(len(body)).encode())], body)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: HTTPScope, receive: Receive, send: Send, usual: Sequence[Header]) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._usual = usual
        self._began = perf_counter()
        self._method: str = scope["method"]
        self._status = self._bytes_in = self._bytes_out = 0
        self.deadline: asyncio.Timeout | None = None
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        self._id = given.decode() if GIVEN_ID.fullmatch(given) else str(uuid7())
        scope["state"]["request_id"] = self._id
        if self._method == "HEAD":
            scope["method"] = "GET"  # the same answer, its body left out below (RFC 9110, 9.3.2)

    async def receive(self) -> Any:  # noqa: ANN401 (the framework's union of messages)
        """Passes the request's body on, and counts it."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes_in += len(message["body"])
        return message

    async def send(self, message: Message) -> None:
        """Passes the answer on, with the headers that every answer has. Once it has begun it may take its time."""
        if message["type"] == "http.response.start":
            if self.deadline is not None and not self.deadline.expired():
                self.deadline.reschedule(None)
            self._status = message["status"]
            message["headers"] = self._headers(cast("Sequence[Header]", message["headers"]))
        elif message["type"] == "http.response.body":
            if self._method == "HEAD":
                message["body"] = b""
            self._bytes_out += len(message["body"])
        await self._send(message)

    def _headers(self, own: Sequence[Header]) -> list[Header]:
        """Those of the answer itself, and the usual ones that it lacks; Vary is added to."""
        there = {name.lower() for name, _ in own} - {b"vary"}
        standing = standing_of(self._scope)
        more = () if standing is None else standing.headers()
        usual = [header for header in self._usual if header[0] not in there]
        return [*own, *usual, *more, (b"x-request-id", self._id.encode())]

    async def allow(self, methods: Sequence[str], more: Sequence[Header]) -> None:
        """Answers OPTIONS. The framework's own handler knows one of several handlers at a path, so it is not asked."""
        await self.whole(204, [(b"allow", ", ".join(methods).encode()), *more], b"")

    async def whole(self, status: int, headers: list[Header], body: bytes) -> None:
        """Answers at once."""
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def observe(self, *, logged: bool) -> None:
        """Counts it, and writes its line when that is `logged`; status 0 is an answer that was never begun."""
        seconds = perf_counter() - self._began
        method = self._method if self._method in KNOWN_METHODS else "other"
        route = str(self._scope.get("path_template") or "unmatched")
        shell = self._scope["litestar_app"].state.get("shell")
        if shell is not None:
            metrics: Metrics = shell.metrics
            metrics.observe(method, route, self._status, seconds)
        if logged:
            user = self._scope.get("user")
            caller = user if isinstance(user, Caller) else None
            access_log.write(
                access_log.Line(method, route, self._status, seconds, self._bytes_in, self._bytes_out, self._id, caller)
            )
