"""A way to PostgreSQL on which a program is killed at any one of its requests: it never hears what came of that one."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Lock, Thread

from psycopg.conninfo import conninfo_to_dict, make_conninfo

LENGTH = struct.Struct("!I")


class Halting(ThreadingTCPServer):
    """Passes requests on to a server, and numbers them from 1 in the order they came; `sent` is what they said."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, url: str) -> None:
        """In front of a server, by the URL of one of its databases."""
        super().__init__(("127.0.0.1", 0), Passage)
        self._url, self._given = url, conninfo_to_dict(url)
        self.sent: list[str] = []
        self.halt_at: int | None = None
        self.halt: Callable[[], None] | None = None
        self._guard = Lock()

    @property
    def url(self) -> str:
        """The database by this way."""
        port = str(self.server_address[1])
        return make_conninfo(self._url, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")

    def upstream(self) -> socket.socket:
        """A new connection to the server."""
        host, port = str(self._given["host"]), int(self._given.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        there = socket.socket(socket.AF_UNIX)
        there.connect(str(Path(host) / f".s.PGSQL.{port}"))
        return there

    def passes(self, said: str) -> bool:
        """Whether a request goes on; where it is the one to halt at, the program is dead when this returns."""
        with self._guard:
            self.sent.append(said)
            if self.halt_at is None or len(self.sent) != self.halt_at:
                return True
        assert self.halt is not None
        self.halt()
        return False


class Passage(BaseRequestHandler):
    """One connection: a request in, what it is answered out, again and again."""

    server: Halting

    def handle(self) -> None:
        """Passes on until one side ends."""
        names: dict[bytes, str] = {}
        with self.server.upstream() as there, suppress(OSError):
            there.sendall(_packet(self.request))
            self.request.sendall(_answer(there))
            while True:
                request, said = _request(self.request, names)
                if not self.server.passes(said):
                    return
                there.sendall(request)
                self.request.sendall(_answer(there))


def _request(client: socket.socket, names: dict[bytes, str]) -> tuple[bytes, str]:
    """The messages up to one that waits for an answer, and the SQL that they run."""
    messages, said = b"", list[str]()
    while True:
        kind, body = _message(client)
        messages += kind + LENGTH.pack(len(body) + 4) + body
        if kind == b"P":
            name, sql, *_ = body.split(b"\0")
            names[name] = sql.decode()
        elif kind == b"B":
            said.append(names.get(body.split(b"\0")[1], ""))
        elif kind == b"Q":
            said.append(body.rstrip(b"\0").decode())
        if kind in {b"Q", b"S", b"H", b"p", b"X"}:
            return messages, "; ".join(said)


def _answer(server: socket.socket) -> bytes:
    """What a server says until it is ready for more, or asks for a password."""
    messages = b""
    while True:
        kind, body = _message(server)
        messages += kind + LENGTH.pack(len(body) + 4) + body
        if kind == b"Z" or (kind == b"R" and body[:4] not in {LENGTH.pack(0), LENGTH.pack(12)}):
            return messages


def _message(sender: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(sender, 1)
    (length,) = LENGTH.unpack(_exactly(sender, 4))
    return kind, _exactly(sender, length - 4)


def _packet(sender: socket.socket) -> bytes:
    """What a program begins with, the only message without a kind."""
    length = _exactly(sender, 4)
    return length + _exactly(sender, LENGTH.unpack(length)[0] - 4)


def _exactly(sender: socket.socket, size: int) -> bytes:
    """Raises ConnectionError where it ends before."""
    found = b""
    while len(found) < size:
        if not (more := sender.recv(size - len(found))):
            raise ConnectionError("the other side is gone")
        found += more
    return found


@contextmanager
def halting(url: str) -> Iterator[Halting]:
    """Such a way, while we are inside."""
    with Halting(url) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
