"""A Parquet file imported with one kill -9 in the middle: how fast, in how much memory, and equal to DuckDB.

METER_TEST_IMPORT_ROWS says how many rows; a million where it is not set.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import duckdb
import psutil
import pytest

from tests.bench import report
from tests.load.importer import Importer, counted
from tests.served import Service, make_team

pytestmark = pytest.mark.bench
ROWS = int(os.environ.get("METER_TEST_IMPORT_ROWS", "1000000"))
MAKE = """
copy (
  select make_timestamptz(1793491200000000 + i * 70000) as ts, 'user-' || (i % 50) as who,
         'service-' || (i % 7) as what, 'model-' || (i % 5) as model, ((i % 5000) * 0.125)::decimal(18, 3) as n
  from range(ROWS) t(i)
) to 'FILE' (format parquet)
"""
COUNT = "select who, model, sum(n), count(*) from 'FILE' group by all"
OPTIONS = ("--map", "time=ts", "--map", "member=who", "--map", "service=what", "--map", "dimensions.model=model",
           "--map", "quantity=n", "--set", "meter=tokens.input")  # fmt: skip


class Cost(NamedTuple):
    """What a run took: seconds by the clock and of processor, and the most memory."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def watched(importer: Importer, file: Path, until: int | None) -> Cost:
    """Runs the import, to its end or until it is killed at row `until`, and watches what it takes."""
    began = time.perf_counter()
    cpu = peak = 0.0
    with importer.running(file, *OPTIONS) as process:
        seen = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                times = seen.cpu_times()
                peak = max(peak, seen.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            cpu = times.user + times.system
            if until is not None and importer.position(file) >= until:
                process.kill()
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        out, err = process.communicate()
    assert process.returncode == (0 if until is None else -9), (out, err)
    return Cost(time.perf_counter() - began, cpu, peak)


def test_import_of_a_parquet_file(service: Service, engine: str, tmp_path: Path) -> None:
    """Killed half-way and gone on with: the same totals as DuckDB's, on each engine."""
    importer = Importer(make_team(service.url), tmp_path)
    file = tmp_path / "usage.parquet"
    duckdb.execute(MAKE.replace("ROWS", str(ROWS)).replace("FILE", str(file)))
    first = watched(importer, file, ROWS // 2)
    reached = importer.position(file)
    second = watched(importer, file, None)
    accepted, duplicates, rejected = importer.tally(file)
    assert (accepted + duplicates, rejected) == (ROWS, {})
    assert importer.totals("tokens.input", "member", "model") == counted(
        COUNT.replace("FILE", str(file)), "who", "model"
    )
    report.line(
        "import, Parquet",
        engine=engine,
        rows=ROWS,
        file_mb=file.stat().st_size / 1e6,
        killed_at=reached,
        rows_per_s=ROWS / (first.seconds + second.seconds),
        seconds=first.seconds + second.seconds,
        sent_again=duplicates,
        client_cpu_us_per_row=(first.cpu_seconds + second.cpu_seconds) / ROWS * 1e6,
        peak_mb=max(first.peak_mb, second.peak_mb),
        equal_to_duckdb=True,
    )
