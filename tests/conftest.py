"""Databases for tests: one server per engine and session, one fresh database per test.

`database`, `conn` and `pool` are on the embedded engine; `any_database` and `any_conn` run the test once per engine.
A server of one's own is used with METER_TEST_POSTGRES_URL or METER_TEST_TIMESCALE_URL (the role must be a superuser).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from meter import database as databases
from meter import embedded
from meter.database import Connection, Pool
from meter.migrate import ENGINES, Engine, migrate
from tests.server import timescale_programs

# How long an example takes is the machine's affair; what is fast is measured by the bench.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
_NUMBERS = count(1)
_IS_TREE = Path(databases.__file__).resolve().is_relative_to(Path(__file__).resolve().parents[1])


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a server, however indirectly: the rest is pure and can run anywhere in seconds.

    Where the program is not the one beside the tests but an installed one, leave out what looks at the source tree.
    """
    elsewhere = pytest.mark.skip(reason="looks at the source tree, and an installed wheel is what this run tests")
    for item in items:
        if not _IS_TREE and item.get_closest_marker("tree"):
            item.add_marker(elsewhere)
        if {"postgres_server", "server_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("database")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of the run what was not tested, and why."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)
    for reason, tests in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped: {reason} ({tests} tests)", yellow=True)


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Answer each engine in turn."""
    chosen: Engine = request.param
    return chosen


@contextmanager
def _directory() -> Iterator[Path]:
    """Make a private directory outside pytest's own: each pytest that starts shuts that one to other users again.

    As root the server runs as another user, who has to pass; two runs at a time would lock each other's out.
    """
    with TemporaryDirectory(prefix="hourmeter-test-") as path:
        yield Path(path)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Answer an empty directory for an embedded server of this test alone."""
    with _directory() as path:
        yield path


_HASTY = {"fsync": "off", "full_page_writes": "off"}


@contextmanager
def _server(session: pytest.Session, **settings: str) -> Iterator[str]:
    """Start an embedded server with settings of its own.

    Thousands of databases are made and dropped in it, so the operating system may decide when to write to the disk:
    what is committed outlives a killed process all the same. Not where speed or hours of faults are looked at.
    """
    if not any(item.get_closest_marker(mark) for item in session.items for mark in ("bench", "soak")):
        settings = _HASTY | settings
    with ExitStack() as stack:
        path = stack.enter_context(_directory())
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setitem(embedded._SETTINGS, name, value)
            url = stack.enter_context(embedded.running(path))
        yield url


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Answer the URL of a plain PostgreSQL: the embedded one, or METER_TEST_POSTGRES_URL."""
    given = os.environ.get("METER_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with _server(request.session) as url:
        yield url


@pytest.fixture(scope="session")
def timescale_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Answer the URL of a TimescaleDB: METER_TEST_TIMESCALE_URL, or one made with the pg_config on PATH; else skip."""
    given = os.environ.get("METER_TEST_TIMESCALE_URL")
    if given:
        yield given
        return
    programs = timescale_programs()
    if programs is None:
        pytest.skip("no TimescaleDB: set METER_TEST_TIMESCALE_URL, or put a pg_config whose server has it on PATH")
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(embedded, "_programs", lambda: programs)
            url = stack.enter_context(_server(request.session, shared_preload_libraries="timescaledb"))
        if _licence(url) != "timescale":
            pytest.skip("no TimescaleDB with the Timescale licence: the one of pg_config on PATH is the Apache edition")
        yield url


def _licence(url: str) -> str:
    with _database(url) as database, psycopg.connect(database, autocommit=True) as admin:
        admin.execute("create extension if not exists timescaledb")
        row = admin.execute("show timescaledb.license").fetchone()
    return str(row and row[0])


@pytest.fixture(scope="session")
def server_url(engine: Engine, request: pytest.FixtureRequest) -> str:
    """Answer the URL of a server for each engine in turn."""
    url: str = request.getfixturevalue(f"{engine}_server")
    return url


@contextmanager
def _database(server: str, template: str = "template0") -> Iterator[str]:
    """Make a database from a template and drop it afterwards, whoever is still connected."""
    name = f"hourmeter_test_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as admin:
        make = sql.SQL("create database {} template {}")
        admin.execute(make.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield make_conninfo(server, dbname=name)
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


async def _migrate(url: str, engine: Engine) -> None:
    async with await databases.connect(url, autocommit=True) as connection:
        await migrate(connection, engine)


@pytest.fixture(scope="session")
async def postgres_template(postgres_server: str) -> AsyncIterator[str]:
    """Answer the name of a migrated database on the embedded engine, made once and cloned per test."""
    with _database(postgres_server) as url:
        await _migrate(url, "postgres")
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def database(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Answer the URL of a migrated, empty database of this test alone, on the embedded engine."""
    with _database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def empty_database(server_url: str) -> Iterator[str]:
    """Answer the URL of a database nobody has migrated, on each engine."""
    with _database(server_url) as url:
        yield url


@pytest.fixture(scope="session")
async def any_template(engine: Engine, server_url: str) -> AsyncIterator[str]:
    """Answer the name of the database to clone per test, on each engine.

    TimescaleDB's scheduler sits in every database that has the extension, and a template must be free of sessions:
    there each test migrates an empty database, which takes a fifth of a second.
    """
    if engine == "timescale":
        yield "template0"
        return
    with _database(server_url) as url:
        await _migrate(url, engine)
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
async def any_database(engine: Engine, server_url: str, any_template: str) -> AsyncIterator[str]:
    """Answer the URL of a migrated, empty database of this test alone, on each engine."""
    with _database(server_url, any_template) as url:
        if engine == "timescale":
            await _migrate(url, engine)
        yield url


@pytest.fixture
async def conn(database: str) -> AsyncIterator[Connection]:
    """Answer an open connection to `database`; each statement commits unless a transaction is opened."""
    async with await databases.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def any_conn(any_database: str) -> AsyncIterator[Connection]:
    """Answer an open connection to `any_database`; each statement commits unless a transaction is opened."""
    async with await databases.connect(any_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Answer a pool of connections to `database`."""
    async with databases.pool(database, 4) as opened:
        yield opened
