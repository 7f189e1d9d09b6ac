"""Calls that ask first: how long authorize and settle take, against one bare row that is changed and committed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from meter.database import conninfo
from tests.bench import report
from tests.bench.asker import Times
from tests.served import Client, Service, make_team

pytestmark = pytest.mark.bench
MAKE_ROWS, CHANGE_ROW = (Path(__file__).with_name(name).read_bytes() for name in ("make_rows.sql", "change_row.sql"))
CONNECTIONS = ((1, 0), (4, 0), (16, 0), (16, 100))
"""How many at once, and how many milliseconds the work takes that each asks for."""
SPREAD = 64
WARM_S, TIMED_S, BARE_S = 2, 5, 2
AMOUNT = 1_000_000_000
Way = Callable[[Service], tuple[list[Client], int]]


def one_hot_path(service: Service) -> tuple[list[Client], int]:
    """One member of one team, and five budgets on its way."""
    client = make_team(service.url)
    for each in ([], ["member"], ["service"], ["key"], ["meter"]):
        make_budget(client, each)
    return [client], 1


def many_members(service: Service) -> tuple[list[Client], int]:
    """Members of one team, a budget of their own each."""
    client = make_team(service.url)
    make_budget(client, ["member"])
    return [client], SPREAD


def many_teams(service: Service) -> tuple[list[Client], int]:
    """Teams with a budget each."""
    clients = [make_team(service.url, f"Team {number}") for number in range(SPREAD)]
    for client in clients:
        make_budget(client, [])
    return clients, 1


def make_budget(client: Client, each: list[str]) -> None:
    """A budget of requests a month that is never spent."""
    named = {"name": "-".join(["each", *each]), "measure": "units", "meters": ["requests"], "window": "month"}
    client.post("/v1/budgets", named | {"amount": AMOUNT, "each": each})


@pytest.mark.parametrize("path", [one_hot_path, many_members, many_teams])
def test_authorize_and_settle(service: Service, any_database: str, engine: str, path: Way) -> None:
    """Over HTTP by one client process, at several numbers of connections; then the bare row by as many."""
    clients, members = path(service)
    keys = [client.key for client in clients]
    with psycopg.connect(conninfo(any_database), autocommit=True) as conn:
        conn.execute(MAKE_ROWS)
    rows = 1 if path is one_hot_path else SPREAD
    use_once(clients, members)
    ask(service, keys, members, 4, WARM_S)
    for connections, work_ms in CONNECTIONS:
        times = ask(service, keys, members, connections, TIMED_S, work_ms)
        bare = change_rows(any_database, connections, rows)
        report.line(
            f"authorize, {path.__name__}",
            engine=engine,
            connections=connections,
            work_ms=work_ms,
            calls_per_s=len(times.settle) / times.all,
            authorize_p50_ms=report.percentile(times.authorize, 50) * 1000,
            authorize_p99_ms=report.percentile(times.authorize, 99) * 1000,
            settle_p50_ms=report.percentile(times.settle, 50) * 1000,
            settle_p99_ms=report.percentile(times.settle, 99) * 1000,
            bare_p50_ms=report.percentile(bare, 50) * 1000,
            bare_p99_ms=report.percentile(bare, 99) * 1000,
            bare_per_s=len(bare) / BARE_S,
            authorize_and_settle_in_bare=2 * len(times.settle) / times.all / (len(bare) / BARE_S),
            service_mb=memory(service) / 1e6,
        )


def use_once(clients: list[Client], members: int) -> None:
    """Makes everybody known, and all counters."""
    for client in clients:
        for number in range(members):
            use = {"meter": "requests", "quantity": 1, "member": f"m{number}", "service": "chat"}
            asked = client.post("/v1/authorize", use)
            client.post("/v1/release", {"reservation": asked["reservation"]})


def ask(service: Service, keys: list[str], members: int, connections: int, seconds: int, work_ms: int = 0) -> Times:
    """What a client process measures."""
    arguments = map(str, (service.port, connections, seconds, members, work_ms))
    command = [sys.executable, "-m", "tests.bench.asker", *arguments]
    done = subprocess.run(command, input="\n".join(keys), check=True, capture_output=True, text=True)
    return Times._make(json.loads(done.stdout))


def change_rows(url: str, connections: int, rows: int) -> list[float]:
    """Seconds that each change of one row took, its commit included."""

    def change(first: int) -> list[float]:
        took: list[float] = []
        with psycopg.connect(conninfo(url), autocommit=True) as conn:
            while time.perf_counter() < until:
                began = time.perf_counter()
                conn.execute(CHANGE_ROW, {"id": (first + len(took) * 7) % rows}, prepare=True)
                took.append(time.perf_counter() - began)
        return took

    until = time.perf_counter() + BARE_S
    with ThreadPoolExecutor(connections) as threads:
        return [each for one in threads.map(change, range(connections)) for each in one]


def memory(service: Service) -> int:
    """Bytes of the service with all that it has started."""
    process = psutil.Process(service.pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
