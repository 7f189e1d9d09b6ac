"""The command. With `worker.py` the only file here that may import the folders above: it puts the program together."""

# ruff: noqa: PLC0415 - each command loads what it needs: the worker must not carry the web server's memory

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from meter import settings as settings_file
from meter.settings import Settings, SettingsError

_log = logging.getLogger("meter")

PROGRAM = "meter"
DISTRIBUTION = "hourmeter"
FOUND_SOMETHING = 1
CANNOT = 2
KEY_VARIABLE = "HOURMETER_KEY"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code: 0 well, 1 something was found or failed, 2 it could not begin."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from meter.embedded import EmbeddedError
    from meter.migrate import MigrationError

    try:
        return _run(settings_file.load(), options)
    except (SettingsError, EmbeddedError, MigrationError, OSError) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130


def _run(settings: Settings, options: Namespace) -> int:
    from meter.jobs import describe

    try:
        code: int = options.run(settings, options)
    except (psycopg.Error, PoolTimeout) as error:
        return _refuse(f"the database: {describe(error, settings)}")
    return code


def _refuse(why: str) -> int:
    print(f"{PROGRAM}: {why}", file=sys.stderr)
    return CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Hourmeter: usage in; buckets, bills and answers out.",
        epilog=f"Everything is set by environment variables: `{PROGRAM} settings` lists them.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_serve, _add_work, _add_migrate, _add_doctor, _add_demo, _add_collect, _add_settings, _add_version):
        add(commands)
    return parser


Commands = Any  # argparse keeps the type of its subparsers to itself


def _command(
    commands: Commands, name: str, run: Callable[..., int], text: str, more: str = ""
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text}. {more}".strip())
    parser.set_defaults(run=run)
    return parser


def _add_with_parent(parser: argparse.ArgumentParser) -> None:
    text = "stop as well when standard input closes: for a process that shall end with the one that started it"
    parser.add_argument("--with-parent", action="store_true", help=text)


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database in them: DATABASE_URL, else the embedded one, which runs while we are inside."""
    from meter.embedded import running

    if settings.database_url is not None:
        yield settings
        return
    with running(settings.data_dir) as url:
        yield msgspec.structs.replace(settings, database_url=url)


def url_of(settings: Settings) -> str:
    """The database's URL. Raises SettingsError outside `database`."""
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set")
    return settings.database_url


async def make_ready(settings: Settings, *, is_ours: bool) -> None:
    """Migrates an embedded database; of any other, which others may use too, only sees that it is current.

    Raises MigrationError, which says what to run.
    """
    from meter.database import connect
    from meter.migrate import check_current, migrate

    async with await connect(url_of(settings), autocommit=True) as conn:
        if is_ours:
            await migrate(conn)
        else:
            await check_current(conn)


def _add_serve(commands: Commands) -> None:
    more = "Without DATABASE_URL it starts its own PostgreSQL in METER_DATA_DIR and keeps it up to date."
    parser = _command(commands, "serve", _serve, "Serve the API and the pages, and run the worker beside them", more)
    parser.add_argument("--no-worker", action="store_true", help=f"leave timed jobs to `{PROGRAM} work`")
    beside = "serve beside the process that started this one, as its number N (METER_PROCESSES sees to that)"
    parser.add_argument("--beside", type=int, default=0, metavar="N", help=beside)
    _add_with_parent(parser)


def _serve(settings: Settings, options: Namespace) -> int:
    with database(settings) as opened:
        asyncio.run(_serving(opened, options, is_ours=settings.database_url is None))
    return 0


async def _serving(settings: Settings, options: Namespace, *, is_ours: bool) -> None:
    from api.serve import serve
    from meter import processes
    from meter.keys import OPERATOR_FILE

    stop = processes.stop_event(with_parent=options.with_parent)
    await make_ready(settings, is_ours=is_ours)

    def ready() -> None:
        kept = settings.data_dir / OPERATOR_FILE
        _log.info("serving at http://%s:%d%s", settings.host, settings.port,
                  "" if settings.operator_key else f"; the operator's key is in {kept}")  # fmt: skip

    parts: list[Coroutine[Any, Any, None]] = [serve(settings, ready=ready, process=options.beside)]
    others = range(1, 1 if options.beside else settings.processes)
    parts += [processes.keep(["serve", "--no-worker", "--beside", str(number)], os.environ) for number in others]
    if not options.no_worker:
        parts.append(processes.keep(["work"], os.environ))
    await _until(stop, parts)


async def _until(stop: asyncio.Event, parts: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Runs the parts until `stop` is set or one of them ends; then stops them in order. Raises what one raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for task in tasks:
        task.cancel()
        await asyncio.wait({task})
    for task in tasks:
        if not task.cancelled():
            task.result()


def _add_work(commands: Commands) -> None:
    text = "Run the timed jobs: rolling up, making room, checking, trimming"
    _add_with_parent(_command(commands, "work", _work, text, "Any number may run; each job is done by one at a time."))


def _work(settings: Settings, options: Namespace) -> int:
    with database(settings) as opened:
        asyncio.run(_working(opened, options, is_ours=settings.database_url is None))
    return 0


async def _working(settings: Settings, options: Namespace, *, is_ours: bool) -> None:
    from meter import processes
    from meter.worker import work

    stop = processes.stop_event(with_parent=options.with_parent)
    await make_ready(settings, is_ours=is_ours)
    await work(url_of(settings), settings, stop)


def _add_migrate(commands: Commands) -> None:
    more = "Forward only; safe to run at any time and twice at once."
    _command(commands, "migrate", _migrate, "Bring the database to the shape this version needs", more)


def _migrate(settings: Settings, _options: Namespace) -> int:
    from meter.database import connect
    from meter.migrate import migrate

    async def bring(url: str) -> list[str]:
        async with await connect(url, autocommit=True) as conn:
            return await migrate(conn)

    with database(settings) as opened:
        applied = asyncio.run(bring(url_of(opened)))
    print("\n".join([f"applied {name}" for name in applied] or ["nothing to apply: the database is current"]))
    return 0


def _add_doctor(commands: Commands) -> None:
    more = "Runs every query of sql/check; exit code 1 when one of them finds something."
    _command(commands, "doctor", _doctor, "Check that everything adds up", more)


def _doctor(settings: Settings, _options: Namespace) -> int:
    from meter import checks
    from meter.database import connect
    from meter.migrate import check_current

    async def look(url: str) -> list[checks.Finding]:
        async with await connect(url, autocommit=True) as conn:
            await check_current(conn)
            return await checks.run(conn, datetime.now(UTC))

    with database(settings) as opened:
        found = asyncio.run(look(url_of(opened)))
    _show(found)
    return 0 if all(finding.holds for finding in found) else FOUND_SOMETHING


def _show(found: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("check", "result", "what must hold", show_lines=True)
    for finding in found:
        result = "[green]holds" if finding.holds else f"[red]{finding.unfinished or f'{len(finding.rows)} found'}"
        table.add_row(finding.name, result, finding.says)
    console = Console()
    console.print(table)
    for finding in found:
        for row in finding.rows:
            console.print(
                f"{finding.name}: {', '.join(f'{name} {value}' for name, value in row.items())}", markup=False
            )


def _add_demo(commands: Commands) -> None:
    more = "In METER_DATA_DIR, else ./data/demo; a second run goes on with what is there."
    parser = _command(commands, "demo", _demo, "Serve a product full of believable usage, from nothing", more)
    parser.add_argument("--once", action="store_true", help="make it, stop everything and exit, instead of serving on")
    parser.add_argument("--json", action="store_true", help="the last line on standard output is one JSON object")


def _demo(settings: Settings, options: Namespace) -> int:
    from meter.demo import run

    return run.demo(settings, os.environ, once=options.once, as_json=options.json)


def _add_collect(commands: Commands) -> None:
    from meter.collect import SOURCES

    parser = commands.add_parser("collect", help="Send usage from here to a service")
    sources = parser.add_subparsers(title="sources", metavar="SOURCE", required=True)
    for source in SOURCES:
        one = _command(sources, source.name, _collect, source.help, f"The key comes from {KEY_VARIABLE} or a file.")
        one.set_defaults(source=source)
        one.add_argument("--url", default="http://127.0.0.1:8100", help="the service (default: %(default)s)")
        one.add_argument("--key-file", type=Path, help=f"a file with the team's key, instead of {KEY_VARIABLE}")
        one.add_argument("--service", default=source.name, help="service to count it to (default: %(default)s)")
        one.add_argument("--member", default="collector", help="member to count it to (default: %(default)s)")
        one.add_argument("--every", type=float, default=30.0, help="seconds between samples (default: 30)")
        one.add_argument("--spool", type=Path, default=Path("spool"), help="where records wait (default: ./spool)")


def _collect(_settings: Settings, options: Namespace) -> int:
    from meter.collect.client import Client
    from meter.collect.source import Labels
    from meter.processes import stopped_by_signals

    key = options.key_file.read_text("utf-8").strip() if options.key_file else os.environ.get(KEY_VARIABLE)
    if not key:
        return _refuse(f"a key is needed: set {KEY_VARIABLE}, or name a file with --key-file")
    labels = Labels(options.service, options.member, options.every)
    with stopped_by_signals() as stop:
        client = Client(options.url, key, options.spool)
        options.source.run(client, labels, stop)
        client.close()
    return 0


def _add_settings(commands: Commands) -> None:
    _command(commands, "settings", _settings, "List every setting, its default and what it is now")


def _settings(settings: Settings, _options: Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "now", "default", "what it does")
    for setting in settings_file.SETTINGS:
        value = getattr(settings, setting.name.removeprefix("METER_").lower())
        shown = "" if value is None else "(set, not shown)" if setting.secret else str(value)
        more = f" (or {setting.name}_FILE)" if setting.secret else ""
        table.add_row(setting.name, shown, setting.default or "", setting.help + more)
    Console().print(table)
    return 0


def _add_version(commands: Commands) -> None:
    _command(commands, "version", _version, "Say which version this is")


def _version(_settings: Settings, _options: Namespace) -> int:
    print(f"{DISTRIBUTION} {version(DISTRIBUTION)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
