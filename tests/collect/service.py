"""A service for the client to talk to: takes what it is told to take, and remembers it."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeService(ThreadingHTTPServer):
    """Answers POSTs with `pages` as a proxy would, then `statuses`, then 200; counts ids once, as the real one does."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listens on a free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.bodies: list[tuple[str, list[dict[str, Any]]]] = []
        self.keys: list[str | None] = []
        self.lose_answer = False
        self.pages: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def ids(self) -> list[str]:
        """The id of every event it has taken, once each."""
        return list(dict.fromkeys(record["id"] for _, records in self.bodies for record in records))


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: FakeService
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Takes a body, or answers the next status of the list."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.server.pages:
            self._answer(200, self.server.pages.pop(0))
            return
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        records = json.loads(body)
        self.server.keys.append(self.headers.get("Authorization"))
        if status == 200:
            self.server.bodies.append((self.path, records))
        if self.server.lose_answer:
            self.server.lose_answer = False
            self.close_connection = True
            return
        self._answer(status, json.dumps({"accepted": len(records), "duplicates": 0, "rejected": []}).encode())

    def _answer(self, status: int, answer: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it is overridden by
        """Says nothing."""


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """A service that runs while we are inside."""
    with FakeService() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
