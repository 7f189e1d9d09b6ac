"""A Redis and a RabbitMQ of one's own, on free ports; collectors that may be killed; what was counted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.served import Client, free_port

UP_WITHIN_S = 60.0
ENDS_WITHIN_S = 40.0
RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on PATH changes the user when root starts it
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "queues.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"<!-- run: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


class Program:
    """A program that goes on until it is ended; it may be started again."""

    def __init__(self, command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        """Starts it with that environment and no other; what it says is in `log`."""
        self._command, self._log, self._environ = command, log, environ
        self.start()

    def start(self) -> None:
        """Starts it, and whatever it starts belongs to a group of its own."""
        self._before = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as said:
            self._process = subprocess.Popen(
                self._command, env=self._environ, stdout=said, stderr=said, start_new_session=True
            )

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Asks it to end, and answers its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def said(self) -> str:
        """What it has written since it was started."""
        return self._log.read_bytes()[self._before :].decode("utf-8", "replace")

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None


@contextmanager
def program(command: Sequence[str], log: Path, environ: Mapping[str, str]) -> Iterator[Program]:
    """A running program, ended at the end."""
    running = Program(command, log, environ)
    try:
        yield running
    finally:
        running.stop()


def eventually(holds: Callable[[], object], within_s: float = 60.0) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{found!r} after {within_s} s"
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody does at a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def path() -> dict[str, str]:
    """An environment with nothing but the way to programs."""
    return {"PATH": os.environ["PATH"]}


def needed(name: str) -> str:
    """Answer where a program is; skip where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on PATH")
    return found


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """The URL of an empty Redis; skip where it is not installed."""
    port = free_port()
    command = [needed("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(directory)]
    with program(command, directory / "redis.log", path()) as running:
        eventually(lambda: listens(port) or not running.runs, UP_WITHIN_S)
        assert running.runs, running.said()
        yield f"redis://127.0.0.1:{port}"


class Rabbit(NamedTuple):
    """A running RabbitMQ: its URL, and its program, which may be stopped and started."""

    url: str
    port: int
    program: Program

    def wait(self) -> None:
        """Waits until it takes connections."""
        eventually(lambda: listens(self.port) or not self.program.runs, UP_WITHIN_S)
        assert self.program.runs, self.program.said()[-4000:]


@contextmanager
def rabbit_server(directory: Path) -> Iterator[Rabbit]:
    """An empty RabbitMQ, with a port mapper of its own; skip where it is not installed."""
    if not RABBIT.exists():
        pytest.skip(f"no {RABBIT}")
    port, mapper, between = free_port(), free_port(), free_port()
    environ = path() | {
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"hourmeter{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(between),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "none"),
        "RABBITMQ_CONFIG_FILE": str(directory / "none"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
    }
    with ExitStack() as stack:
        names = [needed("epmd"), "-port", str(mapper), "-address", "127.0.0.1"]
        stack.enter_context(program(names, directory / "epmd.log", path()))
        eventually(lambda: listens(mapper), UP_WITHIN_S)
        running = stack.enter_context(program([str(RABBIT)], directory / "rabbit.log", environ))
        rabbit = Rabbit(f"amqp://guest:guest@127.0.0.1:{port}", port, running)
        rabbit.wait()
        yield rabbit


@contextmanager
def collecting(kind: str, url: str, client: Client, log: Path, *options: str) -> Iterator[Program]:
    """`meter collect` from the queue at `url`, as the team of `client`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
    environ = kept | {f"{kind.upper()}_URL": url, "HOURMETER_KEY": client.key}
    command = [sys.executable, "-m", "meter", "collect", kind, "--url", client.url, *options]
    with program(command, log, environ) as running:
        yield running


class Tally(NamedTuple):
    """What a collector says at its end of the events it sent."""

    accepted: int
    duplicates: int
    rejected: int


def tally(collector: Program) -> Tally:
    """Ask a collector that has begun to stop, see that it does so well, and answer what it then says."""
    eventually(lambda: "collecting from" in collector.said() or not collector.runs)
    assert collector.stop() == 0, collector.said()
    found = re.findall(r"stopped: (\d+) accepted, (\d+) duplicates, (\d+) rejected", collector.said())
    return Tally(*map(int, found[-1]))


def counted(client: Client, meter: str = "requests") -> tuple[Decimal, int]:
    """What the service counts of a meter, ever: quantity and events."""
    items = client.usage(meter=meter, from_="2026-01-01T00:00:00Z", to="2036-01-01T00:00:00Z", window="year", tz="UTC")
    return sum((Decimal(item["quantity"]) for item in items), Decimal(0)), sum(item["events"] for item in items)


def ran(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a program that ends well, and answer what it writes."""
    done = subprocess.run(command, env={**path(), **environ}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done
    return done.stdout


@contextmanager
def running_block(name: str, environ: Mapping[str, str], log: Path) -> Iterator[Program]:
    """A block of docs/queues.md that goes on until it is stopped."""
    defined = f'meter() {{ exec "{sys.executable}" -m meter "$@"; }}\n'
    with program(["bash", "-euc", defined + BLOCKS[name]], log, {**path(), **environ}) as running:
        yield running
