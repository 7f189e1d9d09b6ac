"""A network between clients and the service that can be broken: in the middle of a request, or of its answer."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread
from typing import NamedTuple

CHUNK = 65_536
CONNECT_S = 5.0
WHOLE = "whole"


class Passed(NamedTuple):
    """What of some bytes is passed, and whether the connection goes on."""

    data: bytes
    on: bool


class Proxy(ThreadingTCPServer):
    """Passes bytes on to a port of this machine; while it is broken, some connections are cut on the way."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, seed: int) -> None:
        """Listens on a free port, and passes on to `port`."""
        super().__init__(("127.0.0.1", 0), Passage)
        self.target = port
        self.broken = Event()
        self.cuts: Counter[str] = Counter()
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self._guard = Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def of_request(self, data: bytes) -> Passed:
        """What is passed on of a piece of a request: all, a part, or all and nobody waits for the answer."""
        return self._cut(data, ("request cut", "request left"))

    def of_answer(self, data: bytes) -> Passed:
        """What is passed back of a piece of an answer, which comes after the commit: all, a part, nothing."""
        return self._cut(data, ("answer lost", "answer cut"))

    def _cut(self, data: bytes, ways: tuple[str, ...]) -> Passed:
        if not self.broken.is_set():
            return Passed(data, on=True)
        with self._guard:
            way = self._dice.choice((*ways, WHOLE))
            if way == WHOLE:
                return Passed(data, on=True)
            self.cuts[way] += 1
            part = {"answer lost": 0, "request left": len(data)}.get(way, self._dice.randrange(len(data)))
        return Passed(data[:part], on=False)


class Passage(BaseRequestHandler):
    """One connection, in both directions."""

    server: Proxy

    def handle(self) -> None:
        """Passes bytes until one side ends, or is cut; then both end."""
        try:
            upstream = socket.create_connection(("127.0.0.1", self.server.target), timeout=CONNECT_S)
        except OSError:
            return  # nobody serves just now
        upstream.settimeout(None)
        with upstream:
            back = Thread(target=_pass, args=(upstream, self.request, self.server.of_answer), daemon=True)
            back.start()
            _pass(self.request, upstream, self.server.of_request)
            back.join()


def _pass(source: socket.socket, sink: socket.socket, kept: Callable[[bytes], Passed]) -> None:
    try:
        while data := source.recv(CHUNK):
            passed = kept(data)
            sink.sendall(passed.data)
            if not passed.on:
                break
    except OSError:
        pass  # cut by the other direction, or by whoever was killed
    finally:
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(port: int, seed: int) -> Iterator[Proxy]:
    """A proxy that stands while we are inside."""
    with Proxy(port, seed) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
