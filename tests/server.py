"""A database server of one test alone, of either engine, that may be killed and started again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from meter import embedded, postmaster
from meter.migrate import Engine

GONE_WITHIN_S = 30
SMALL = {"max_wal_size": "192MB", "min_wal_size": "48MB"}  # fits on a small disk


def timescale_programs() -> Path | None:
    """Answer the folder of a PostgreSQL on PATH that has TimescaleDB installed."""
    if shutil.which("pg_config") is None:
        return None
    ask = subprocess.run(["pg_config", "--bindir", "--sharedir"], capture_output=True, text=True, check=True)
    programs, shared = ask.stdout.splitlines()
    return Path(programs) if (Path(shared) / "extension" / "timescaledb.control").exists() else None


class Server:
    """A running server; whoever is killed here was started here."""

    def __init__(self, directory: Path, url: str) -> None:
        """Knows where its data lies, and its URL, which stays the same."""
        self.url = url
        self._directory = directory

    def kill(self, *, whole: bool) -> None:
        """Ends it as a power cut would, or its first process alone: the others notice by themselves."""
        found = postmaster.read(self._directory / "postgres")
        assert found is not None
        first = psutil.Process(found.pid)
        ended = [first, *(first.children(recursive=True) if whole else [])]
        for process in ended:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue  # it noticed before
        _, left = psutil.wait_procs(ended, timeout=GONE_WITHIN_S)
        assert not left

    def start(self) -> None:
        """Starts it where it does not run, and waits until it takes connections."""
        with embedded.running(self._directory) as url:  # whoever started it first keeps it running
            assert url == self.url

    def log(self) -> str:
        """What it has written."""
        return (self._directory / "log" / "postgres.log").read_text("utf-8", "replace")


@contextmanager
def running(engine: Engine, directory: Path) -> Iterator[Server]:
    """A server of an engine, stopped at the end. Skips the test where there is no TimescaleDB to start."""
    programs = timescale_programs() if engine == "timescale" else None
    if engine == "timescale" and programs is None:
        pytest.skip("no TimescaleDB to start and kill: put a pg_config whose server has it on PATH")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setitem(embedded._SETTINGS, name, value)
        if programs is not None:
            patch.setattr(embedded, "_programs", lambda: programs)
            patch.setitem(embedded._SETTINGS, "shared_preload_libraries", "timescaledb")
        with embedded.running(directory) as url:
            yield Server(directory, url)
