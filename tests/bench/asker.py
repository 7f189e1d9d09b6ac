"""A client process: asks, works, settles, over some connections for some seconds; prints how long each answer took.

python -m tests.bench.asker PORT CONNECTIONS SECONDS MEMBERS WORK_MS, a key per line on stdin: connections take turns
with them. What is asked for takes WORK_MS: 0 for callers that do nothing but ask.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple


class Times(NamedTuple):
    """Seconds that each authorize and each settle took, and the seconds of the clock in all."""

    authorize: list[float]
    settle: list[float]
    all: float


class Calls(NamedTuple):
    """What calls have in common: where to, under which keys, of how many members, and how long each takes."""

    port: int
    keys: Sequence[str]
    members: int
    work_s: float


def ask(calls: Calls, first: int, until: float, times: Times) -> None:
    """Call after call over one connection, each of the next key and member."""
    connection = http.client.HTTPConnection("127.0.0.1", calls.port)
    turn = first
    while time.perf_counter() < until:
        key = calls.keys[turn % len(calls.keys)]
        use = {"meter": "requests", "quantity": 1, "member": f"m{turn % calls.members}", "service": "chat"}
        began = time.perf_counter()
        answer = _post(connection, key, "/v1/authorize", use)
        asked = time.perf_counter()
        time.sleep(calls.work_s)
        event = {"meter": "requests", "quantity": 1}
        settling = time.perf_counter()
        _post(connection, key, "/v1/settle", {"reservation": answer["reservation"], "event": event})
        times.authorize.append(asked - began)
        times.settle.append(time.perf_counter() - settling)
        turn += 7  # connections do not walk in step
    connection.close()


def _post(connection: http.client.HTTPConnection, key: str, path: str, body: object) -> Any:
    connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != http.client.OK:
        raise SystemExit(text.decode())
    return json.loads(text)


def main(arguments: Sequence[str]) -> None:
    """Lets all connections loose at once."""
    port, connections, seconds, members, work_ms = map(int, arguments)
    calls = Calls(port, sys.stdin.read().split(), members, work_ms / 1000)
    began = time.perf_counter()
    times = Times([], [], 0)
    threads = [
        threading.Thread(target=ask, args=(calls, first, began + seconds, times)) for first in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(times._replace(all=time.perf_counter() - began)))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
