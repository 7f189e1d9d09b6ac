"""The demo's service: `meter serve` as a child of its own, with the embedded database in the demo's directory."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from meter.collect.post import Connection
from meter.demo.api import DemoError
from meter.processes import FLAG, PROGRAM, STOP_SECONDS

START_SECONDS = 300.0
ASK_AGAIN_SECONDS = 0.05


def free_port(host: str, wanted: int) -> int:
    """The wanted port if nobody has it, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise DemoError(f"no port is free on {host}")


@contextmanager
def serving(directory: Path, host: str, port: int, environ: Mapping[str, str]) -> Iterator[str]:
    """The address of a service that answers, running while we are inside; it stops when we leave, or die.

    Its log is `log/serve.log` in the directory. DATABASE_URL is not passed on: a demo never writes into a database that
    others use. Raises DemoError when the service does not come up.
    """
    ours = {name: value for name, value in environ.items() if not name.startswith("DATABASE_URL")}
    ours |= {"METER_DATA_DIR": str(directory), "METER_HOST": host, "METER_PORT": str(port)}
    log_path = directory / "log" / "serve.log"
    log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [*PROGRAM, "serve", FLAG],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=ours,
            start_new_session=True,
        )
    try:
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        _wait(url, process, log_path)
        yield url
    finally:
        _end(process)


def _wait(url: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with closing(Connection(url, "")) as connection:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                if connection.send("GET", "/v1/health").status == 200:  # noqa: PLR2004 - HTTP's own number
                    return
            except OSError:
                time.sleep(ASK_AGAIN_SECONDS)
    tail = log_path.read_text("utf-8", "replace").splitlines()[-15:]
    raise DemoError("the service did not start; the end of {}:\n{}".format(log_path, "\n".join(tail)))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS + 10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
