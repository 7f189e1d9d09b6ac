"""Ingest in many cases: forms of body, connections, events known already, a long history, more than can be taken."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import psutil
import pytest

from meter.database import connect
from tests.bench import report
from tests.bench.bodies import START
from tests.bench.test_ingest import BATCH, raw_copy
from tests.bench.test_trends import CHUNK, text
from tests.served import Service, make_team

pytestmark = pytest.mark.bench
TOTAL = 500_000
HISTORY = [int(each) for each in os.environ.get("METER_TEST_BENCH_HISTORY", "0,1000000").split(",")]
OVERLOAD_S = float(os.environ.get("METER_TEST_BENCH_OVERLOAD_S", "30"))
MANY = 64
_RUNS = count(1)


def pushed(service: Service, key: str, tag: str, connections: int, form: str = "events") -> float:
    """Events a second that a client process gets acknowledged."""
    arguments = map(str, (service.port, key, tag, TOTAL, BATCH, connections, form))
    command = [sys.executable, "-m", "tests.bench.pusher", *arguments]
    return TOTAL / float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_forms_and_connections(served_by: Service, any_database: str, engine: str, processes: int) -> None:
    """JSON arrays and lines over one, two and four connections, bare COPY before and after each."""
    client = make_team(served_by.url)
    pushed(served_by, client.key, f"warm{next(_RUNS)}", 4)
    before = raw_copy(any_database, TOTAL, BATCH)
    for form in ("events", "ndjson"):
        for connections in (1, 2, 4):
            taken = pushed(served_by, client.key, f"run{next(_RUNS)}", connections, form)
            after = raw_copy(any_database, TOTAL, BATCH)
            report.line(
                "ingest",
                engine=engine,
                processes=processes,
                form=form,
                connections=connections,
                events_per_s=taken,
                raw_copy_per_s=(before + after) / 2,
                ratio=2 * taken / (before + after),
            )
            before = after


def test_known_events(service: Service, engine: str) -> None:
    """None, one in a hundred, half and all of a body's events were sent before."""
    client = make_team(service.url)
    pushed(service, client.key, f"warm{next(_RUNS)}", 4)
    new = pushed(service, client.key, "old", 4)
    report.line("known events", engine=engine, percent=0, events_per_s=new)
    for percent in (1, 50, 100):
        taken = pushed(service, client.key, f"known{percent}-{percent}-old", 4)
        report.line("known events", engine=engine, percent=percent, events_per_s=taken, against_new=taken / new)


async def test_history(service: Service, any_database: str, engine: str) -> None:
    """The same events into weeks that hold more and more already: METER_TEST_BENCH_HISTORY says how many."""
    client = make_team(service.url)
    pushed(service, client.key, f"warm{next(_RUNS)}", 4)
    stored = 0
    async with await connect(any_database, autocommit=True) as conn:
        row = await (await conn.execute("select array_agg(id) from series")).fetchone()
        assert row is not None
        step = timedelta(days=28) / max(*HISTORY, 1)
        await conn.execute("call prepare_until(%s, %s)", (START + timedelta(days=29), START))
        common = {"team_id": 10**9, "series": row[0], "start": START, "step": step}
        for wanted in HISTORY:
            for first in range(stored, wanted, CHUNK):
                last = min(first + CHUNK, wanted) - 1
                await conn.execute(text("fill_year"), {**common, "first": first, "last": last})
            stored = wanted
            before = raw_copy(any_database, TOTAL, BATCH)
            taken = pushed(service, client.key, f"run{next(_RUNS)}", 4)
            after = raw_copy(any_database, TOTAL, BATCH)
            report.line(
                "ingest into history",
                engine=engine,
                stored=stored,
                events_per_s=taken,
                raw_copy_per_s=(before + after) / 2,
                ratio=2 * taken / (before + after),
            )


def test_overload(service: Service, engine: str) -> None:
    """More than can be taken, for METER_TEST_BENCH_OVERLOAD_S seconds: what is answered, and what memory it takes."""
    client = make_team(service.url)
    arguments = map(str, (service.port, client.key, BATCH, MANY, OVERLOAD_S))
    command = [sys.executable, "-m", "tests.bench.overload", *arguments]
    served = psutil.Process(service.pid)
    seen = [_memory(served)]
    began = datetime.now(UTC)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pushing:
        while pushing.poll() is None:
            seen.append(_memory(served))
            time.sleep(1)
        assert pushing.stdout is not None
        statuses: dict[int, int] = ast.literal_eval(pushing.stdout.read())
    taken_s = (datetime.now(UTC) - began).total_seconds()
    half = len(seen) // 2
    report.line(
        "overload",
        engine=engine,
        seconds=taken_s,
        connections=MANY,
        events_per_s=statuses.get(200, 0) * BATCH / taken_s,
        statuses=statuses,
        mb_idle=seen[0],
        mb_most_first_half=max(seen[: half + 1]),
        mb_most_second_half=max(seen[half:]),
    )


def _memory(process: psutil.Process) -> float:
    """What a service and its children take, in MB; of a database among them nothing."""
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family if "postgres" not in each.name()) / 1e6
