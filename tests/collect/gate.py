"""A gate before a service: requests pass, and while it is shut their answers don't come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import httpx

GIVES_UP_S = 60.0


class Gate(ThreadingHTTPServer):
    """Listens on a free port, and passes POSTs on."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        """Stands open before `target`."""
        super().__init__(("127.0.0.1", 0), Passage)
        self.target = target
        self.is_open = Event()
        self.is_open.set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Passage(BaseHTTPRequestHandler):
    """One connection."""

    server: Gate
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Passes a request on; hangs up where nobody answers, or whoever asked has gone."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        try:
            answer = httpx.post(self.server.target + self.path, content=body, headers=kept, timeout=GIVES_UP_S)
            self.server.is_open.wait(GIVES_UP_S)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)
        except (OSError, httpx.TransportError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it is overridden by
        """Says nothing."""


@contextmanager
def gate(target: str) -> Iterator[Gate]:
    """A gate that stands while we are inside."""
    with Gate(target) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.is_open.set()
            server.shutdown()
            thread.join()
