"""Points of collectors over HTTP against the bare database: every point of a counter is kept, and made into usage."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import count
from typing import Self

import psutil
import pytest

from tests.bench import report
from tests.bench.protocols import MAPPING
from tests.bench.test_ingest import raw_copy
from tests.served import Service, make_team

pytestmark = pytest.mark.bench
TOTAL = 200_000
BATCH = 2_000  # as Prometheus sends them
_RUNS = count(1)


class Watch:
    """The most memory that some processes took while we are inside, in bytes."""

    def __init__(self, pid: int) -> None:
        """Watches a process and its children."""
        self.most = 0
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.05):
            processes = [self._process, *self._process.children(recursive=True)]
            ours = [each for each in processes if "postgres" not in each.name()]
            self.most = max(self.most, sum(each.memory_info().rss for each in ours))


def over_http(service: Service, key: str, protocol: str, total: int, connections: int) -> float:
    """Points a second that a client process gets acknowledged."""
    arguments = map(str, (service.port, key, f"run{next(_RUNS)}", total, BATCH, connections, protocol))
    command = [sys.executable, "-m", "tests.bench.pusher", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return total / float(done.stdout)


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("protocol", ["otlp", "remote_write"])
def test_points_against_raw_copy(
    service: Service, any_database: str, engine: str, protocol: str, connections: int
) -> None:
    """In one run: streams are new in each first body, as when a collector starts; later bodies find them there."""
    client = make_team(service.url)
    client.http.put("/v1/mapping", json=MAPPING).raise_for_status()
    over_http(service, client.key, protocol, BATCH * connections, connections)
    before = raw_copy(any_database, TOTAL, BATCH)
    with Watch(service.pid) as watch:
        pushed = over_http(service, client.key, protocol, TOTAL, connections)
    after = raw_copy(any_database, TOTAL, BATCH)
    raw = (before + after) / 2
    report.line(
        "collectors",
        protocol=protocol,
        engine=engine,
        connections=connections,
        points_per_s=pushed,
        raw_copy_per_s=raw,
        ratio=pushed / raw,
        memory_mb=watch.most / 1e6,
    )
