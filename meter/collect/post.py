"""One connection to the service, kept open between requests; the standard library's own client does the work."""

from __future__ import annotations

import gzip
import http.client
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

TIMEOUT_SECONDS = 60.0
SMALLEST_GZIP = 1_000


class Answer(NamedTuple):
    """What the service said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Sends requests to one service, one at a time; opens its connection when it needs one."""

    def __init__(self, url: str, key: str) -> None:
        """Talks to `url` (http or https) with a key. Raises ValueError for another kind of URL."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https URL")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Sends one request and reads the whole answer; a body is JSON unless `headers` say otherwise.

        Tries once more on a connection that was kept open and had been closed by the other side, which is safe because
        every request of ours may be repeated. Raises OSError when the service can't be reached.
        """
        kept_open = self._connection.sock is not None
        try:
            return self._once(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if kept_open and not isinstance(error, TimeoutError):
                return self.send(method, path, body, headers)
            if isinstance(error, OSError):
                raise
            raise ConnectionError(f"the answer broke off: {error!r}") from error

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None) -> Answer:
        kind = {} if body is None else {"Content-Type": "application/json"}
        sent = {**self._headers, **kind, **(headers or {})}
        self._connection.request(method, self._prefix + path, body, sent)
        answer = self._connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        self._connection.close()


def packed(body: bytes) -> tuple[bytes, dict[str, str]]:
    """A body as it goes over the wire, with its headers: packed when that is worth it."""
    if len(body) < SMALLEST_GZIP:
        return body, {}
    return gzip.compress(body, compresslevel=1, mtime=0), {"Content-Encoding": "gzip"}


def said(answer: Answer) -> str:
    """The detail of a problem document, else the beginning of what came."""
    try:
        problem = msgspec.json.decode(answer.body, type=dict[str, object])
    except msgspec.DecodeError:
        return answer.body[:200].decode("utf-8", "replace")
    return str(problem.get("detail") or problem.get("title") or problem)[:500]
