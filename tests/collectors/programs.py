"""Programs of others: found, started, told to go on, ended by their own id."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])  # Debian's daemons are there
GIVEN_UP_S = 20


def program(name: str) -> str:
    """Answer where a program is; skip where it is not installed."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"no {name} on PATH")
    return found


@contextmanager
def running(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that goes on until it is ended; what it says is in `log`."""
    with log.open("ab") as said:
        process = subprocess.Popen(command, env={**os.environ, **(environ or {})}, stdout=said, stderr=said)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program: asked first, and then not asked."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GIVEN_UP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Application:
    """A measured application that does a round of work for each line it is given, and at the end says what it did."""

    def __init__(self, script: str, log: Path, environ: Mapping[str, str] | None = None) -> None:
        """Starts the shell script, which ends in the program."""
        self._log = log
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                ["bash", "-euc", script],
                env={**os.environ, **(environ or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )

    def begin_round(self) -> None:
        """Let it do a round of work."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def end_round(self) -> None:
        """Wait until the round is done and what was counted in it is sent."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "done\n", f"{line!r}\n{self.said()}"

    def work(self, rounds: int) -> None:
        """Let it do rounds of work, and wait for each."""
        for _ in range(rounds):
            self.begin_round()
            self.end_round()

    def finish(self) -> Any:
        """Let it end, and answer what it says it has counted."""
        output, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, f"{output}\n{self.said()}"
        return json.loads(output)

    def said(self) -> str:
        """Answer what it has said on its standard error."""
        return self._log.read_text("utf-8")

    def close(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def application(script: str, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[Application]:
    """Run a measured application; it is gone at the end, whatever happened."""
    started = Application(script, log, environ)
    try:
        yield started
    finally:
        started.close()
