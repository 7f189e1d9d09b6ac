"""Processes that end together: a worker never outlives its service, and nothing is left when either is told to stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.served import Service, free_port, make_team, serving

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.database]


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def worker_of(pid: int) -> psutil.Process:
    """Answer the worker among the children of a service, once it is there."""
    found: list[psutil.Process] = []

    def there() -> bool:
        found[:] = [child for child in psutil.Process(pid).children() if "work" in child.cmdline()]
        return bool(found)

    wait_until(there)
    return found[0]


def is_gone(process: psutil.Process) -> bool:
    """Tell whether a process has ended; nobody may be left to collect what remains of it."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@contextmanager
def embedded_service(data_dir: Path, *arguments: str) -> Iterator[Service]:
    """Run `meter serve` on its own PostgreSQL; killed at the end if it still runs."""
    service = Service("", data_dir, *arguments)
    del service._environ["DATABASE_URL"]
    service.start()
    try:
        yield service
    finally:
        service.stop()


def postmaster(data_dir: Path) -> psutil.Process:
    """Answer the server of a data directory."""
    return psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0]))


def test_the_worker_dies_with_a_killed_service(database: str, tmp_path: Path) -> None:
    """SIGKILL to the service: its worker is gone soon after, and its leases are free."""
    with serving(database, tmp_path) as service:
        worker = worker_of(service.pid)
        wait_until(lambda: "meter.worker" in service.log())
        service.kill()
        wait_until(lambda: is_gone(worker))
    with psycopg.connect(database) as conn:
        assert conn.execute("select from meter.lease where holder is not null").fetchall() == []


def test_a_worker_that_dies_is_started_again(database: str, tmp_path: Path) -> None:
    """The service goes on, and soon there is another."""
    with serving(database, tmp_path) as service:
        first = worker_of(service.pid)
        first.kill()
        wait_until(lambda: is_gone(first))
        assert worker_of(service.pid) != first
        assert "ended by itself" in service.log()


def answering(service: Service) -> set[str]:
    """Answer the numbers of the processes that answer scrapes, each over a connection of its own."""
    pages = [httpx.get(f"{service.url}/metrics").text for _ in range(20)]
    series = re.compile(r'hourmeter_pool_waiting{pool="main",process="(\d)"}')
    return {number for page in pages for number in series.findall(page)}


def test_two_processes_share_the_port_and_the_count(database: str, tmp_path: Path) -> None:
    """Both answer; events sent twice over many connections count once; SIGKILL to the first ends the second."""
    with serving(database, tmp_path, METER_PROCESSES="2") as service:
        wait_until(lambda: answering(service) == {"0", "1"})
        client = make_team(service.url)
        at = "2026-11-02T09:00:00Z"
        batches = [
            [{"id": f"{n}-{k}", "time": at, "meter": "requests", "quantity": 1} for k in range(10)] for n in range(20)
        ]
        receipts = [client.twin().push(batch) for batch in batches * 2]
        assert sum(receipt["accepted"] for receipt in receipts) == 200
        assert sum(receipt["duplicates"] for receipt in receipts) == 200
        items = client.usage(meter="requests", from_="2026-11-02", to="2026-11-03")
        assert [item["quantity"] for item in items] == ["200"]
        others = psutil.Process(service.pid).children()
        assert len(others) == 2, "the second process and the worker"
        service.kill()
        wait_until(lambda: all(map(is_gone, others)))


def test_without_a_worker(database: str, tmp_path: Path) -> None:
    """`--no-worker` leaves the timed jobs to somebody else."""
    with serving(database, tmp_path, "--no-worker") as service:
        assert [child for child in psutil.Process(service.pid).children() if "work" in child.cmdline()] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(number: signal.Signals, data_dir: Path) -> None:
    """API, worker and embedded PostgreSQL end in order, with exit code 0."""
    with embedded_service(data_dir) as service:
        worker, server = worker_of(service.pid), postmaster(data_dir)
        process = service._process
        assert process is not None
        process.send_signal(number)
        assert process.wait(60) == 0, service.log()
        assert is_gone(worker)
        assert is_gone(server)


def test_a_killed_service_leaves_no_server_behind(data_dir: Path) -> None:
    """The worker sees that it is alone, stops, and as the last user stops the embedded PostgreSQL."""
    with embedded_service(data_dir) as service:
        worker, server = worker_of(service.pid), postmaster(data_dir)
        wait_until(lambda: "meter.worker" in service.log())
        service.kill()
        wait_until(lambda: is_gone(worker) and is_gone(server))


def test_serve_refuses_a_database_that_is_not_current(server_url_empty: str, tmp_path: Path) -> None:
    """One that others may use is never migrated by the way; the message says what to run."""
    environ = {**os.environ, "DATABASE_URL": server_url_empty, "METER_DATA_DIR": str(tmp_path)}
    environ["METER_PORT"] = str(free_port())

    def meter(command: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-m", "meter", command]
        return subprocess.run(
            arguments, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100, check=False
        )

    for command in ("serve", "work", "doctor"):
        refused = meter(command)
        assert refused.returncode == 2
        assert "meter migrate" in refused.stderr
    migrated = meter("migrate")
    assert migrated.returncode == 0
    assert "applied schema/0001_teams.sql" in migrated.stdout
    assert "nothing to apply" in meter("migrate").stdout
    assert meter("doctor").returncode == 0


@pytest.fixture(name="server_url_empty")
def fixture_server_url_empty(postgres_server: str) -> Iterator[str]:
    """Answer the URL of a database nobody has migrated, on the embedded engine."""
    name = f"empty_{os.getpid()}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"create database {name} template template0".encode())
    yield psycopg.conninfo.make_conninfo(postgres_server, dbname=name)
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)".encode())
