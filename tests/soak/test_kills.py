"""Clients that retry, and a service killed again and again: at the end all that was sent is counted, once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.served import Client, Service, make_team, serving

pytestmark = pytest.mark.soak
MINUTES = float(os.environ.get("METER_TEST_SOAK_MINUTES", "3"))
SECONDS_BETWEEN_KILLS = 20
CLIENTS = 4
PER_BATCH = 100
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)


def batch(client: int, number: int) -> list[dict[str, object]]:
    """One batch: mostly of now, some late by weeks, one sample that crosses a quarter of an hour."""
    chance = random.Random(f"{client}-{number}")  # noqa: S311 - the same batch again on every try
    late = timedelta(days=chance.choice([0, 0, 0, 7, 30]))
    at = datetime.now(UTC).replace(microsecond=0) - late - timedelta(minutes=1)
    return [
        {
            "id": f"{client}-{number}-{n}",
            "time": (at + timedelta(milliseconds=n)).isoformat(),
            "meter": "requests",
            "quantity": 1,
            "service": f"service-{client}",
        }
        for n in range(PER_BATCH)
    ] + [
        {
            "id": f"{client}-{number}-sample",
            "time": at.isoformat(),
            "meter": "cpu",
            "quantity": 2,
            "duration_seconds": 1800,
            "service": f"service-{client}",
        }
    ]


def push_until(deadline: float, client: Client, number: int, sent: list[int]) -> None:
    """Push batch after batch, each until it is answered, every tenth twice; note how many."""
    count = 0
    while time.monotonic() < deadline:
        body = batch(number, count)
        client.push(body)
        if count % 10 == 0:
            client.push(body)
        count += 1
    sent[number] = count


def kill_until(deadline: float, service: Service) -> int:
    """Kill and start the service every so often; answer how often."""
    kills = 0
    while time.monotonic() + SECONDS_BETWEEN_KILLS < deadline:
        time.sleep(SECONDS_BETWEEN_KILLS)
        service.kill()
        service.start()
        kills += 1
    return kills


def test_sent_is_counted_after_many_kills(any_database: str, data_dir: Path) -> None:
    """Sent = counted for events and samples of every client, and the doctor finds nothing."""
    with serving(any_database, data_dir) as service:
        client = make_team(service.url)
        deadline = time.monotonic() + MINUTES * 60
        sent = [0] * CLIENTS
        threads = [
            threading.Thread(target=push_until, args=(deadline, client.twin(), number, sent))
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        kills = kill_until(deadline, service)
        for thread in threads:
            thread.join()
        whole = {"from_": START.isoformat(), "to": datetime.now(UTC).isoformat(), "group_by": "service"}
        requests = {item["service"]: int(item["quantity"]) for item in client.usage(meter="requests", **whole)}
        cores = {item["service"]: float(item["quantity"]) for item in client.usage(meter="cpu", **whole)}
    assert kills >= 1
    assert requests == {f"service-{n}": count * PER_BATCH for n, count in enumerate(sent)}
    assert cores == {f"service-{n}": float(count) for n, count in enumerate(sent)}
    environment = {"DATABASE_URL": any_database, "METER_DATA_DIR": str(data_dir), "PATH": os.environ["PATH"]}
    doctor = subprocess.run(
        [sys.executable, "-m", "meter", "doctor"], env=environment, capture_output=True, text=True, check=False
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
