"""`meter archive`: the files that raw events were written to, listed or verified."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace

from meter.commands.command import FOUND_SOMETHING, Command, Page, refuse
from meter.commands.with_database import database, url_of
from meter.settings import Settings

TEXT = """\
A file has the events of a team and week (from Monday, UTC), in order of time. `list` shows all files. `verify` reads \
each to its end: its checksum must be the one it was written with, and its events must add up to exactly what the \
buckets say, per series and quarter of an hour. It only reads."""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds what to do."""
    parser.add_argument("what", choices=("list", "verify"), help="show the files, or read and verify them")


def run(settings: Settings, options: Namespace) -> int:
    """Lists or verifies."""
    if options.what == "verify" and settings.archive_dir is None:
        return refuse("METER_ARCHIVE_DIR is not set: where are the files?")
    with database(settings) as opened:
        return asyncio.run(_show(opened, verify=options.what == "verify"))


async def _show(settings: Settings, *, verify: bool) -> int:
    from meter.archive.files import listed
    from meter.archive.verify import ArchiveError, as_listed
    from meter.database import connect
    from meter.migrate import check_current

    wrong = 0
    async with await connect(url_of(settings), autocommit=True) as conn:
        await check_current(conn)
        files = await listed(conn)
        for file in files:
            shown = f"{file.path}  {file.rows:,} events  {file.size:,} bytes"
            if verify and settings.archive_dir is not None:
                try:
                    await as_listed(conn, settings.archive_dir, file)
                except ArchiveError as error:
                    wrong += 1
                    shown = f"WRONG {error}"
                else:
                    shown += "  well"
            print(shown)
    many = f"{len(files):,} file{'' if len(files) == 1 else 's'}"
    print(f"{many}, {wrong:,} wrong" if verify else many)
    return FOUND_SOMETHING if wrong else 0


COMMAND = Command(
    Page(
        "archive",
        "List or verify the files that raw events were written to",
        TEXT,
        (
            ("meter archive list", "what is there"),
            ("METER_ARCHIVE_DIR=/srv/archive meter archive verify", "read all of it and compare"),
        ),
        ("DATABASE_URL", "METER_DATA_DIR", "METER_ARCHIVE_DIR"),
        {FOUND_SOMETHING: "a file is missing, was changed, or is not what the buckets say"},
    ),
    run,
    add_arguments,
)
