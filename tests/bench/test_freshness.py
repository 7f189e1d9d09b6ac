"""From an event's acknowledgement to its place in an answer, while others arrive."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.bench import report
from tests.bench.bodies import START
from tests.served import Service, make_team

pytestmark = pytest.mark.bench
PROBES = 200
BACKGROUND = 200_000


def test_freshness(service: Service, engine: str) -> None:
    """Sends an event, asks until it is counted, and times that from before the send; other events pour in meanwhile."""
    client = make_team(service.url)
    other = make_team(service.url, "Others")
    arguments = map(str, (service.port, other.key, "background", BACKGROUND, 1000, 1))
    with subprocess.Popen([sys.executable, "-m", "tests.bench.pusher", *arguments], stdout=subprocess.DEVNULL):
        seconds = []
        for n in range(PROBES):
            now = datetime.now(UTC)
            began = time.perf_counter()
            client.push([{"id": f"probe-{n}", "time": now.isoformat(), "meter": "requests", "quantity": 1}])
            asked = {"from_": START.isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
            while client.usage(meter="requests", **asked)[0]["events"] != n + 1:
                pass
            seconds.append(time.perf_counter() - began)
    report.line(
        "freshness",
        engine=engine,
        probes=PROBES,
        p50_ms=report.percentile(seconds, 50) * 1000,
        p99_ms=report.percentile(seconds, 99) * 1000,
    )
