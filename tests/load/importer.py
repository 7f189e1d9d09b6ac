"""`meter import` as people run it, in a process of its own; and what the service and DuckDB count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tests.served import Client

START, END = "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z"
WITHIN_S = 100.0
Totals = dict[tuple[str, ...], tuple[Decimal, int]]


class Ended(NamedTuple):
    """How a run ended."""

    code: int
    out: str
    err: str


class Importer:
    """Runs the command on files of a directory, with a team's key."""

    def __init__(self, client: Client, directory: Path) -> None:
        """Imports as the team of `client`."""
        self.client = client
        self.directory = directory

    def write(self, name: str, content: str | bytes) -> Path:
        """A file to import."""
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def environ(self) -> dict[str, str]:
        """The environment of the command: the key in it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("METER_")}
        return kept | {"HOURMETER_KEY": self.client.key}

    @contextmanager
    def running(self, file: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
        """The command under way; it is over when this is left."""
        command = [sys.executable, "-m", "meter", "import", str(file), "--url", self.client.url, *options]
        with subprocess.Popen(
            command, env=self.environ(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def run(self, file: Path, *options: str) -> Ended:
        """The command, until it has ended."""
        with self.running(file, *options) as process:
            out, err = process.communicate(timeout=WITHIN_S)
            return Ended(process.returncode, out, err)

    def kill_after(self, file: Path, rows: int, *options: str) -> int:
        """Kills the command once `rows` rows are written down as acknowledged; how many are, then."""
        with self.running(file, *options) as process:
            deadline = time.monotonic() + WITHIN_S
            while self.position(file) < rows:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.001)
            process.kill()
            process.communicate()
        return self.position(file)

    def state(self, file: Path) -> dict[str, Any]:
        """What the state file says; nothing before there is one."""
        path = file.with_name(file.name + ".import.json")
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def position(self, file: Path) -> int:
        """How many rows are acknowledged, by the state file."""
        state = self.state(file)
        return int(state["position"]["rows"]) if state else -1

    def tally(self, file: Path) -> tuple[int, int, dict[str, int]]:
        """Accepted, duplicates, and rejected by code, by the state file."""
        tally = self.state(file)["tally"]
        return tally["accepted"], tally["duplicates"], tally["rejected"]

    def rejects(self, file: Path) -> list[dict[str, Any]]:
        """The rejected rows."""
        path = file.with_name(file.name + ".rejects.ndjson")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def totals(self, meter: str, *groups: str) -> Totals:
        """What the service counts, by group: quantity and events."""
        asked = {"meter": meter, "from": START, "to": END, "tz": "UTC"}
        if groups:
            asked["group_by"] = ",".join(groups)
        items = self.client.usage(**asked)
        return {tuple(str(item[g]) for g in groups): (Decimal(item["quantity"]), item["events"]) for item in items}


def counted(question: str, *groups: str) -> Totals:
    """What DuckDB answers to `select <groups>, quantity, events …`."""
    rows: Sequence[tuple[Any, ...]] = duckdb.execute(question).fetchall()
    return {tuple(map(str, row[: len(groups)])): (Decimal(row[-2]), row[-1]) for row in rows}
