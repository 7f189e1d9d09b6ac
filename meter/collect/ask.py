"""A service asked in JSON, by the commands that are its clients."""

from __future__ import annotations

from typing import Any

import msgspec

from meter.collect.post import Answer, Connection, said

_rows: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class RefusedError(Exception):
    """The service said no, in these words; with its code, where it gave one."""

    def __init__(self, words: str, code: str | None = None) -> None:
        """Words for people, and the problem's code."""
        super().__init__(words)
        self.code = code


class Service:
    """A service asked in JSON."""

    def __init__(self, url: str, key: str) -> None:
        """Asks `url` with a team's key. Raises ValueError for a URL that is none."""
        self._connection = Connection(url, key)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:  # noqa: ANN401 (JSON)
        """What is answered. Raises RefusedError, and ConnectionError when the service can't be reached."""
        answer = self._send(method, path, body, headers)
        try:
            return msgspec.json.decode(answer.body)
        except msgspec.DecodeError as error:
            raise _not_the_service(answer) from error

    def lines(self, path: str) -> list[dict[str, Any]]:
        """The rows of an answer in NDJSON, all of them. Raises as `ask` does."""
        answer = self._send("GET", path, None, {"Accept": "application/x-ndjson"})
        try:
            return _rows.decode_lines(answer.body)
        except msgspec.DecodeError as error:
            raise _not_the_service(answer) from error

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None) -> Answer:
        try:
            answer = self._connection.send(method, path, body, headers)
        except OSError as error:
            raise ConnectionError(f"the service can't be reached ({error})") from error
        if answer.status // 100 != 2:  # noqa: PLR2004 (success)
            raise RefusedError(said(answer), _code(answer))
        return answer


def _not_the_service(answer: Answer) -> RefusedError:
    return RefusedError(f"what answers is not the service ({said(answer)})")


def _code(answer: Answer) -> str | None:
    try:
        problem = msgspec.json.decode(answer.body, type=dict[str, object])
    except msgspec.DecodeError:
        return None
    return str(problem["code"]) if "code" in problem else None
