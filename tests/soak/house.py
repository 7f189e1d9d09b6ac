"""All that a soak runs on: a database server of its own, the service, the worker apart, a network before them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Self

import psutil
import psycopg

from meter import database as databases
from meter.migrate import Engine
from tests import server
from tests.contract.place import Rows
from tests.served import Service
from tests.server import Server
from tests.soak.disk import Disk, mounted
from tests.soak.proxy import Proxy, proxy

QUERIES = Path(__file__).parent
LOOK_S = 0.25
PATIENCE_S = 60
FAILURES = ("status=500", "Traceback")
BEGUN = b"meter.worker: worker "


class Worker:
    """`meter work` on the database of a service; `kill` is SIGKILL, `start` may follow it."""

    def __init__(self, service: Service, log: Path) -> None:
        """Is not running yet; writes to a log."""
        self._environ = service._environ
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it has begun: one that finds no database then ends, and says so."""
        with self._log.open("ab") as log:
            since = log.tell()
            command = [sys.executable, "-m", "meter", "work"]
            self._process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while BEGUN not in (said := self._log.read_bytes()[since:]):
            assert self.is_running(), said.decode()
            assert time.monotonic() < deadline, "the worker does not begin"
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Asks it to end, and sees that it does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE_S)

    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process is not None and self._process.poll() is None


class Gauge:
    """How much memory the service has had at most, over all its lives."""

    def __init__(self, service: Service) -> None:
        """Looks at a service."""
        self.peak_bytes = 0
        self._service = service
        self._over = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            try:
                now = psutil.Process(self._service.pid).memory_info().rss
            except psutil.NoSuchProcess:
                continue  # killed just now
            self.peak_bytes = max(self.peak_bytes, now)


@dataclass
class House:
    """What can be broken; `logs` is where service and worker write."""

    server: Server
    disk: Disk | None
    service: Service
    worker: Worker
    proxy: Proxy
    memory: Gauge
    logs: Path
    ended: list[str] = field(default_factory=list)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the test, in autocommit mode, that is not among the product's."""
        return psycopg.connect(self.server.url, options=databases.OPTIONS, application_name="soak", autocommit=True)

    def ask(self, query: Path) -> Rows:
        """The rows of a query, asked until the database answers."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with self.connect() as conn:
                    return conn.execute(query.read_bytes()).fetchall()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, self.server.log()[-3000:]

    def look(self, fault: str) -> None:
        """Notes who has ended by itself since the last fault, and starts them again."""
        if not self.worker.is_running():
            self.ended.append(f"the worker ended by itself before or during: {fault}")
            self.worker.start()
        if self.service._process is None or self.service._process.poll() is not None:
            self.ended.append(f"the service ended by itself before or during: {fault}")
            self.service.start()

    def failures(self) -> list[str]:
        """Lines of the logs that nobody should cause: answers of 500, errors that nobody expected."""
        lines = (line for log in sorted(self.logs.glob("*.log")) for line in log.read_text("utf-8").splitlines())
        return [line for line in lines if any(word in line for word in FAILURES)]


@contextmanager
def built(engine: Engine, directory: Path, seed: int) -> Iterator[House]:
    """A house on an engine, its data in `directory`; everything has ended afterwards."""
    with ExitStack() as stack:
        disk = stack.enter_context(mounted(directory / "disk"))
        database = stack.enter_context(server.running(engine, directory / "disk" / "data"))
        logs = directory / "logs"
        logs.mkdir()
        service = Service(database.url, logs, "--no-worker")
        worker = Worker(service, logs / "worker.log")
        _migrate(service)
        stack.callback(worker.stop)
        stack.callback(service.stop)
        service.start()
        worker.start()
        network = stack.enter_context(proxy(service.port, seed))
        memory = stack.enter_context(Gauge(service))
        yield House(database, disk, service, worker, network, memory, logs)


def _migrate(service: Service) -> None:
    subprocess.run([sys.executable, "-m", "meter", "migrate"], env=service._environ, check=True, capture_output=True)
