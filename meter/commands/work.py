"""`meter work`: the timed jobs, until it is told to stop."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from meter.commands.command import PROGRAM, Command, Page, add_with_parent
from meter.commands.with_database import database, make_ready, url_of
from meter.settings import Settings


def run(settings: Settings, options: Namespace) -> int:
    """Works until a signal comes."""
    with database(settings) as opened:
        asyncio.run(_working(opened, options, is_ours=settings.database_url is None))
    return 0


async def _working(settings: Settings, options: Namespace, *, is_ours: bool) -> None:
    from meter import processes
    from meter.worker import work

    stop = processes.stop_event(with_parent=options.with_parent)
    await make_ready(settings, is_ours=is_ours)
    await work(url_of(settings), settings, stop)


COMMAND = Command(
    Page(
        "work",
        "Run the timed jobs: rolling up, making room, checking, trimming",
        f"`{PROGRAM} serve` runs one by itself; this is for a worker of its own. Any number may run: each job is done "
        "by one at a time, and a worker that dies is replaced by the next.",
        (("DATABASE_URL=postgresql://hourmeter@db/hourmeter meter work", "beside `meter serve --no-worker`"),),
        ("DATABASE_URL", "METER_DATA_DIR", "METER_REFRESH_SECONDS"),
    ),
    run,
    add_with_parent,
)
