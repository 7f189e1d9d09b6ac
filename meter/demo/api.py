"""The demo's requests, as any user would send them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from meter.collect.client import retry_after
from meter.collect.post import Answer, Connection, packed
from meter.model import Receipt

TRIES = 30
BUSY = frozenset({429, 503})
_receipt = msgspec.json.Decoder(Receipt)


class DemoError(RuntimeError):
    """The demo can't go on; the message says why."""


def ask(
    connection: Connection, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Sends a request, again while the service is busy, and answers what succeeded. Raises DemoError."""
    sent = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
    answer = connection.send(method, path, sent, headers)
    for _ in range(TRIES):
        if answer.status not in BUSY:
            break
        time.sleep(retry_after(answer))
        answer = connection.send(method, path, sent, headers)
    if answer.status >= 300:  # noqa: PLR2004 - HTTP's own number
        raise DemoError(f"{method} {path}: {answer.status} {answer.body[:500].decode('utf-8', 'replace')}")
    return answer


def make(connection: Connection, path: str, body: object, name: str | None = None) -> dict[str, Any]:
    """Creates something and answers it; with a `name` it is made once, however often we ask. Raises DemoError."""
    headers = {} if name is None else {"Idempotency-Key": name}
    found: dict[str, Any] = msgspec.json.decode(ask(connection, "POST", path, body, headers).body)
    return found


def push(connection: Connection, path: str, lines: list[str]) -> Receipt:
    """Sends lines of JSON as one array. Raises DemoError when one of them is rejected."""
    body, headers = packed(f"[{','.join(lines)}]".encode())
    receipt = _receipt.decode(ask(connection, "POST", path, body, headers).body)
    if receipt.rejected:
        raise DemoError(f"{path}: {len(receipt.rejected)} rejected, the first: {receipt.rejected[0]}")
    return receipt
