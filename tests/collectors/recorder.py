"""A way to the service that keeps what a client sends, and can lose an answer on the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import httpx

OF_THE_CONNECTION = {"host", "connection", "content-length", "transfer-encoding", "keep-alive"}


class Request(NamedTuple):
    """A request as a client sent it, and how it was answered."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int


class Recorder:
    """Where a client sends to in place of the service: `url`; what came is in `requests`."""

    def __init__(self, url: str) -> None:
        """Has seen nothing yet."""
        self.url = url
        self.requests: list[Request] = []
        self.lose = 0
        """So many of the next answers never arrive, though the service gave them."""

    def bodies(self, path: str) -> list[bytes]:
        """Answer the bodies that came to a path."""
        return [request.body for request in self.requests if request.path == path]


def replay(requests: list[Request], url: str) -> list[int]:
    """Send requests again as they were; how each was answered."""
    with httpx.Client(base_url=url, timeout=60) as http:
        return [
            http.request(each.method, each.path, content=each.body, headers=each.headers).status_code
            for each in requests
        ]


def _whole(handler: BaseHTTPRequestHandler) -> bytes:
    """Answer the body of a request, of a length that was said or in chunks."""
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    parts: list[bytes] = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


@contextmanager
def recording(target: str) -> Iterator[Recorder]:
    """Answer a recorder in front of a service."""
    http = httpx.Client(base_url=target, timeout=60)

    class Way(BaseHTTPRequestHandler):
        """Passes requests on, and their answers back."""

        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = _whole(self)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_THE_CONNECTION}
            try:
                answer = http.request(self.command, self.path, content=body, headers=headers)
            except httpx.TransportError:  # the service is away: so are we
                self.close_connection = True
                return
            recorder.requests.append(Request(self.command, self.path, headers, body, answer.status_code))
            if recorder.lose:
                recorder.lose -= 1
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in {*OF_THE_CONNECTION, "content-encoding", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _pass  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Way) as server, http:
        server.daemon_threads = True
        recorder = Recorder(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()
