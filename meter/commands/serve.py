"""`meter serve`: the API, the pages and the worker, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Coroutine, Sequence
from typing import Any

from meter.commands.command import PROGRAM, Command, Page, add_with_parent
from meter.commands.with_database import database, make_ready
from meter.settings import Settings

_log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the options of `meter serve`."""
    parser.add_argument("--no-worker", action="store_true", help=f"leave timed jobs to `{PROGRAM} work`")
    beside = (
        "serve beside the process that started this one, as its number N: METER_PROCESSES sees to that (default: 0)"
    )
    parser.add_argument("--beside", type=int, default=0, metavar="N", help=beside)
    add_with_parent(parser)


def run(settings: Settings, options: Namespace) -> int:
    """Serves until a signal comes."""
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
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        key = "" if settings.operator_key else f"; the operator's key is in {kept}"
        _log.info("serving at http://%s:%d%s", host, settings.port, key)

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


COMMAND = Command(
    Page(
        "serve",
        "Serve the API and the pages, and run the worker beside them",
        "Without DATABASE_URL it starts its own PostgreSQL in METER_DATA_DIR and keeps it up to date; with it, the "
        f"database must be current (`{PROGRAM} migrate`). It runs until SIGTERM, SIGINT or SIGHUP, answers what is "
        "under way, and stops what it started.\n\n"
        "The first operator key is METER_OPERATOR_KEY, else one that is made on first start and kept in the file "
        "operator.key of METER_DATA_DIR.",
        (
            ("meter serve", "everything on this machine, at http://127.0.0.1:8100"),
            (
                "DATABASE_URL=postgresql://hourmeter@db/hourmeter METER_PROCESSES=2 meter serve --no-worker",
                "a database of your own, two processes, the worker elsewhere",
            ),
        ),
        ("DATABASE_URL", "METER_DATA_DIR", "METER_HOST", "METER_PORT", "METER_PROCESSES", "METER_OPERATOR_KEY"),
    ),
    run,
    add_arguments,
)
