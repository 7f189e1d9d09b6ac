"""A client process that sends new events as fast as it is answered, for a while, and prints what it was answered.

python -m tests.bench.overload PORT KEY BATCH CONNECTIONS SECONDS
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from collections import Counter

from tests.bench.bodies import bodies

TAG = "overload000000"
HOUR = b"2026-11-01T00"  # that of all events of a body


def push(port: int, key: str, body: bytes, numbers: range, until: float, statuses: Counter[int]) -> None:
    """Sends the body again and again, with ids of its own and in an hour of its own, again where it was not taken."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for number in numbers:
        hour = b"2026-11-%02dT%02d" % (1 + number // 24 % 27, number % 24)
        fresh = body.replace(TAG.encode(), b"overload%06d" % number).replace(HOUR, hour)
        status = 0
        while status != http.client.OK and time.monotonic() < until:
            connection.request("POST", "/v1/events", fresh, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
            statuses[status] += 1
        if time.monotonic() >= until:
            break
    connection.close()


def main(arguments: list[str]) -> None:
    """Prints each status with how often it came."""
    port, key, batch, connections, seconds = arguments
    statuses: Counter[int] = Counter()
    body = bodies(TAG, int(batch), int(batch))[0]
    until = time.monotonic() + float(seconds)
    each = 1_000_000 // int(connections)
    threads = [
        threading.Thread(target=push, args=(int(port), key, body, range(n * each, n * each + each), until, statuses))
        for n in range(int(connections))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(dict(statuses))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
