"""`meter bill` killed at each of its steps, and twice at once: what is there in the end is what one quiet run makes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from meter import checks
from meter.database import connect
from tests.billing.halting import Halting, halting
from tests.conftest import _database
from tests.served import Client, make_team, serving

pytestmark = pytest.mark.slow
MONTH = "2026-10"
TEAMS = ("Anvil", "Bolt", "Crank")
MADE_NOW = ("id", "created_at", "issued_at", "due_at")
"""Of the moment in which a run makes an invoice, as is the snapshot it reads: others in every run."""
BEGINS, MAKES = "for no key update", "into invoice_line"
_NUMBERS = count(1)


def used(team: str, number: int) -> list[dict[str, Any]]:
    """What a team used: as much as its place, by two members and by nobody."""
    return [
        {
            "id": f"{team}-{day}-{member}",
            "time": f"{MONTH}-{day:02}T09:30:00Z",
            "meter": "requests",
            "quantity": number * 700 + day,
            "member": member,
        }
        for day, member in ((3, "ann"), (9, "bob"), (17, "ann"), (28, None))
    ]


@contextmanager
def copied(url: str) -> Iterator[str]:
    """A database with the same facts, down to the ids."""
    name = f"hourmeter_killed_{os.getpid()}_{next(_NUMBERS)}"
    server, named = make_conninfo(url, dbname="postgres"), sql.Identifier(name)
    given = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template {}").format(named, given))
    try:
        yield make_conninfo(url, dbname=name)
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(named))


def started(url: str, data_dir: Path) -> subprocess.Popen[str]:
    """Start the command on a database."""
    run = [sys.executable, "-m", "meter", "bill", "--month", MONTH, "--final", "--json"]
    around = os.environ | {"DATABASE_URL": url, "METER_DATA_DIR": str(data_dir)}
    return subprocess.Popen(run, env=around, stdout=subprocess.PIPE, text=True)


def whole_run(url: str, data_dir: Path) -> dict[str, int]:
    """Run the command to its end; answer how many periods came to what."""
    process = started(url, data_dir)
    said, _ = process.communicate()
    assert process.returncode == 0
    came: dict[str, int] = json.loads(said.splitlines()[-1])["came"]
    return came


def killed_run(way: Halting, at: int, data_dir: Path) -> bool:
    """Run the command, dead before its request of this number is passed on; answer whether it came that far."""
    way.sent.clear()
    process = started(way.url, data_dir)

    def kill() -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    way.halt_at, way.halt = at, kill
    process.communicate()
    killed = process.returncode == -signal.SIGKILL
    assert killed or process.returncode == 0
    return killed


class Papers(NamedTuple):
    """What an invoice says, as JSON, CSV and explained, by team and number; facts of the moment have a name instead."""

    number: str
    invoice: str
    csv: str
    explained: str


def papers(url: str, directory: Path) -> dict[str, Papers]:
    """The papers of every invoice there is, by team."""
    with serving(url, directory, "--no-worker") as service:
        operator = Client(service.url)
        listed = operator.get("/v1/invoices", limit=100)["items"]
        found = {each["team"]: papers_of(operator, each["id"]) for each in listed}
        assert len(found) == len(listed)
    assert asyncio.run(broken(url)) == []
    return found


async def broken(url: str) -> list[str]:
    """The checks that find something."""
    async with await connect(url, autocommit=True) as conn:
        return [each.name for each in await checks.run(conn, datetime.now(UTC)) if not each.holds]


def papers_of(operator: Client, invoice: str) -> Papers:
    """The papers of an invoice. Digests, of its id too, must be those of what the lines state; then they go."""
    path = f"/v1/invoices/{invoice}"
    plain, table, explained = (text(operator, f"{path}{what}") for what in ("", "/csv", "/explain"))
    head = json.loads(plain)
    names = {str(head[name]): f"<{name}>" for name in MADE_NOW} | {head["number"]: "<number>"}
    names[json.loads(explained)["data_snapshot"]] = "<data_snapshot>"
    for line in json.loads(explained)["lines"]:
        stated = json.dumps(line["statement"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert sha256(stated.encode()).hexdigest() == line["digest"]
        names[line["digest"]] = "<digest>"
    for said, name in names.items():
        plain, table, explained = (each.replace(said, name) for each in (plain, table, explained))
    return Papers(head["number"], plain, table, explained)


def text(operator: Client, path: str) -> str:
    """What a path answers."""
    answer = operator.http.get(path)
    assert answer.is_success, answer.text
    return answer.text


def stages(way: Halting, data_dir: Path) -> range:
    """Run to the end; answer the numbers of the requests that make the first invoice, and of one after its commit."""
    assert whole_run(way.url, data_dir) == {"billed": len(TEAMS)}
    first = next(number for number, said in enumerate(way.sent, 1) if BEGINS in said)
    lines = next(number for number, said in enumerate(way.sent, 1) if MAKES in said)
    commit = next(number for number, said in enumerate(way.sent, 1) if number > lines and said == "COMMIT")
    return range(first - 1, commit + 2)


class Quiet(NamedTuple):
    """A database with facts, which requests make the first invoice there, and what one whole run makes of it."""

    facts: str
    stages: range
    papers: dict[str, Papers]


@pytest.fixture(name="quiet", scope="module")
def fixture_quiet(
    postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Quiet]:
    """Answer teams on a plan with what they used in a month that is over; nobody is at that database any more."""
    directory = tmp_path_factory.mktemp("quiet")
    with _database(postgres_server, postgres_template) as facts:
        with serving(facts, directory, "--no-worker") as service:
            for number, name in enumerate(TEAMS, 1):
                receipt = make_team(service.url, name, plan="credits/starter").push(used(name, number))
                assert receipt["accepted"] == 4
        with copied(facts) as url, halting(url) as way:
            found = stages(way, directory)
            made = papers(url, directory)
        assert sorted(each.number for each in made.values()) == [f"HM-{n:06d}" for n in range(1, len(TEAMS) + 1)]
        yield Quiet(facts, found, made)


def test_killed_at_every_stage_and_run_again(quiet: Quiet, tmp_path: Path) -> None:
    """Before each request that makes an invoice, and after its commit: the same invoices, with the same numbers."""
    with copied(quiet.facts) as url, halting(url) as way:
        for at in quiet.stages:
            assert killed_run(way, at, tmp_path)
        assert whole_run(url, tmp_path) == {"there": 1, "billed": len(TEAMS) - 1}
        assert papers(url, tmp_path) == quiet.papers


def test_two_at_once_that_are_killed_and_run_again(quiet: Quiet, tmp_path: Path) -> None:
    """Each dead while it makes an invoice, the other in its way; then two to the end: one for each team."""
    with copied(quiet.facts) as url, halting(url) as one, halting(url) as other, ThreadPoolExecutor(2) as both:
        for at in (quiet.stages[len(quiet.stages) // 2], quiet.stages[-3]):
            killed = [run.result() for run in [both.submit(killed_run, way, at, tmp_path) for way in (one, other)]]
            assert any(killed)
        for run in [both.submit(whole_run, url, tmp_path) for _ in range(2)]:
            assert sum(run.result().values()) == len(TEAMS)
        found = papers(url, tmp_path)
    assert {team: each[1:] for team, each in found.items()} == {team: each[1:] for team, each in quiet.papers.items()}
    assert sorted(each.number for each in found.values()) == sorted(each.number for each in quiet.papers.values())
