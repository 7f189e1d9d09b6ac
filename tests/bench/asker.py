"""A client process: asks, then settles, over some connections for some seconds; prints how long each took.

python -m tests.bench.asker PORT CONNECTIONS SECONDS MEMBERS, a key per line on stdin: connections take turns with them.
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


def ask(port: int, keys: Sequence[str], members: int, first: int, until: float, times: Times) -> None:
    """Call after call over one connection, each of the next key and member."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    turn = first
    while time.perf_counter() < until:
        key = keys[turn % len(keys)]
        use = {"meter": "requests", "quantity": 1, "member": f"m{turn % members}", "service": "chat"}
        began = time.perf_counter()
        answer = _post(connection, key, "/v1/authorize", use)
        asked = time.perf_counter()
        event = {"meter": "requests", "quantity": 1}
        _post(connection, key, "/v1/settle", {"reservation": answer["reservation"], "event": event})
        times.authorize.append(asked - began)
        times.settle.append(time.perf_counter() - asked)
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
    port, connections, seconds, members = map(int, arguments)
    keys = sys.stdin.read().split()
    began = time.perf_counter()
    times = Times([], [], 0)
    each = (port, keys, members)
    threads = [
        threading.Thread(target=ask, args=(*each, first, began + seconds, times)) for first in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(times._replace(all=time.perf_counter() - began)))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
