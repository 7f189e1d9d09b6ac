"""What live ingest loses while a backfill is applied beside it, and how fast that goes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.bench import report
from tests.served import Client, Service, make_team

pytestmark = pytest.mark.bench
START = datetime(2026, 11, 3, tzinfo=UTC)
SOURCE = 500_000
BATCH = 10_000
LIVE = 100_000
PROBES = 60


def events(which: range, quantity: int = 1) -> list[dict[str, Any]]:
    """Answer events of five days, of eight members."""
    return [
        {
            "id": f"b{n}",
            "time": (START + timedelta(milliseconds=n * 864)).isoformat(),
            "meter": "requests",
            "quantity": quantity,
            "member": f"m{n % 8}",
        }
        for n in which
    ]


def parts(of: range) -> Iterator[range]:
    """Walk over a range in batches."""
    return (range(at, min(at + BATCH, of.stop)) for at in range(of.start, of.stop, BATCH))


def pushed(service: Service, client: Client, tag: str) -> float:
    """Answer events per second of a client that pushes over two connections."""
    arguments = map(str, (service.port, client.key, tag, LIVE, 1000, 2))
    command = [sys.executable, "-m", "tests.bench.pusher", *arguments]
    return LIVE / float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def fresh(client: Client, tag: str) -> list[float]:
    """Answer how long each of some events takes from before it is sent to its place in an answer."""
    seconds = []
    asked = {"from_": (datetime.now(UTC) - timedelta(hours=1)).isoformat(), "to": "2099-01-01T00:00:00Z"}
    asked |= {"meter": "requests", "member": tag}
    for n in range(PROBES):
        began = time.perf_counter()
        now = datetime.now(UTC).isoformat()
        client.push([{"id": f"{tag}{n}", "time": now, "meter": "requests", "quantity": 1, "member": tag}])
        while sum(item["events"] for item in client.usage(**asked)) != n + 1:
            pass
        seconds.append(time.perf_counter() - began)
    return seconds


def test_live_ingest_beside_a_backfill(service: Service, engine: str) -> None:
    """Half of the source is stored, some of that with another quantity; alone, beside it, and alone again."""
    client = make_team(service.url)
    live = make_team(service.url, "Live")
    for part in parts(range(SOURCE // 2)):
        client.push(events(part, 1 + (part.start % (10 * BATCH) == 0)))
    of = {"from": "2026-11-03", "to": "2026-11-09", "meters": ["requests"], "reason": "bench"}
    path = f"/v1/backfills/{client.post('/v1/backfills', of)['id']}"
    began = time.perf_counter()
    for part in parts(range(SOURCE)):
        client.push(events(part), f"{path}/events")
    brought_s = time.perf_counter() - began
    compared_s = _done(client, path, "compare", "compared")
    alone = [pushed(service, live, "warm"), pushed(service, live, "first")][1:]
    calm = fresh(live, "calm")
    began = time.perf_counter()
    client.post(f"{path}/apply", {})
    beside: list[float] = []
    busy: list[float] = []
    while client.get(path)["state"] == "applying" and len(beside) < 4:
        beside.append(pushed(service, live, f"beside{len(beside)}"))
        busy += fresh(live, f"busy{len(beside)}")
    applied_s = time.perf_counter() - began + _until(client, path, "applied")
    alone.append(pushed(service, live, "last"))
    undone_s = _done(client, path, "undo", "undone")
    mean_alone, mean_beside = sum(alone) / len(alone), sum(beside) / len(beside)
    report.line(
        "backfill",
        engine=engine,
        source=SOURCE,
        brought_s=brought_s,
        compared_s=compared_s,
        applied_s=applied_s,
        undone_s=undone_s,
        alone_per_s=mean_alone,
        beside_per_s=mean_beside,
        ratio=mean_beside / mean_alone,
        fresh_alone_p50_ms=report.percentile(calm, 50) * 1000,
        fresh_alone_p99_ms=report.percentile(calm, 99) * 1000,
        fresh_beside_p50_ms=report.percentile(busy, 50) * 1000,
        fresh_beside_p99_ms=report.percentile(busy, 99) * 1000,
    )


def _done(client: Client, path: str, what: str, state: str) -> float:
    """Ask for a step, and answer how many seconds it takes."""
    client.post(f"{path}/{what}", {})
    return _until(client, path, state)


def _until(client: Client, path: str, state: str) -> float:
    began = time.perf_counter()
    while client.get(path)["state"] != state:
        time.sleep(0.1)
    return time.perf_counter() - began
