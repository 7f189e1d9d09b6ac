"""A client process: pushes prepared bodies over some connections and prints the seconds it took.

python -m tests.bench.pusher PORT KEY TAG TOTAL BATCH CONNECTIONS [PROTOCOL]
"""

from __future__ import annotations

import http.client
import sys
import threading
import time

from tests.bench.protocols import PROTOCOLS, Protocol


def push(port: int, key: str, protocol: Protocol, share: list[bytes]) -> None:
    """Sends bodies one after another over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {key}", **protocol.headers}
    for body in share:
        connection.request("POST", protocol.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status not in {http.client.OK, http.client.NO_CONTENT}:
            raise SystemExit(text.decode())
    connection.close()


def main(arguments: list[str]) -> None:
    """Prepares first, then pushes, and times the pushing alone."""
    port, key, tag, total, batch, connections, *named = arguments
    protocol = PROTOCOLS[named[0] if named else "events"]
    prepared = protocol.bodies(tag, int(total), int(batch), int(connections))
    shares = [prepared[n :: int(connections)] for n in range(int(connections))]
    threads = [threading.Thread(target=push, args=(int(port), key, protocol, share)) for share in shares]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(time.perf_counter() - began)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
