"""Ingest over HTTP against the bare database: JSON, exactly once, client on the same cores."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from itertools import count

import psycopg
import pytest

from meter import copy_rows
from meter.database import conninfo
from meter.facts import microseconds
from sql import statement
from tests.bench import report
from tests.bench.bodies import START, STEP
from tests.served import Service, make_team

pytestmark = pytest.mark.bench
TOTAL = 1_000_000
BATCH = 10_000
_RUNS = count(1)


def raw_copy(url: str, total: int, batch: int) -> float:
    """Rows a second of binary COPY into the same indexed table, streams prepared before, a commit per batch."""
    start, step = microseconds(START), STEP.microseconds
    number = copy_rows.last_cells(Decimal(1234))
    tag = next(_RUNS)
    streams = [
        copy_rows.body(
            copy_rows.plain_row(10_000 + tag, start + n * step, n.to_bytes(16, "big"), n % 350, number)
            for n in range(at, at + batch)
        )
        for at in range(0, total, batch)
    ]
    with psycopg.connect(conninfo(url), autocommit=True) as conn:
        began = time.perf_counter()
        for stream in streams:
            with conn.cursor().copy(statement("copy_events")) as copy:
                copy.write(stream)
        return total / (time.perf_counter() - began)


def over_http(service: Service, key: str, total: int, batch: int, connections: int) -> float:
    """Events a second that a client process gets acknowledged."""
    arguments = map(str, (service.port, key, f"run{next(_RUNS)}", total, batch, connections))
    command = [sys.executable, "-m", "tests.bench.pusher", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return total / float(done.stdout)


@pytest.mark.parametrize("connections", [1, 4, 16])
def test_ingest_against_raw_copy(
    served_by: Service, any_database: str, engine: str, processes: int, connections: int
) -> None:
    """Both in one run, bare COPY before and after, after a warm-up that makes series and partitions."""
    client = make_team(served_by.url)
    over_http(served_by, client.key, BATCH * 4, BATCH, connections)
    before = raw_copy(any_database, TOTAL, BATCH)
    pushed = over_http(served_by, client.key, TOTAL, BATCH, connections)
    after = raw_copy(any_database, TOTAL, BATCH)
    raw = (before + after) / 2
    report.line(
        "ingest",
        engine=engine,
        processes=processes,
        connections=connections,
        events_per_s=pushed,
        raw_copy_per_s=raw,
        ratio=pushed / raw,
    )
