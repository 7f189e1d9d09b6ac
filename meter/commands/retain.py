"""`meter retain`: what is old enough to be dropped, what holds it back, and the dropping."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from meter.commands.command import FOUND_SOMETHING, PROGRAM, Command, Page
from meter.commands.with_database import database, url_of
from meter.settings import Settings

TEXT = f"""\
Raw events and points are kept for ever, unless METER_KEEP_RAW_DAYS and METER_KEEP_POINTS_DAYS say for how long. Then \
whole weeks go, oldest first, chunk by chunk: once they are old enough, all of their usage that is to be billed is in \
final invoices, and their buckets equal the raw events. What holds a week back is said, and whose it is. With \
METER_ARCHIVE_DIR the events are written to Parquet files before, which `{PROGRAM} archive` lists and verifies.

Forecasts made ahead, reports of billing runs and the log of mail go by age, whatever holds events back: after \
METER_KEEP_RESULTS_DAYS, METER_KEEP_BILLING_RUNS_DAYS and METER_KEEP_MAIL_DAYS. A run that did not end stays, and so \
does mail that waits or is of an open invoice.

The worker does the same every day. A run that was stopped, however hard, is gone on with by the next."""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds whether to look only."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be dropped, and drop nothing")


def run(settings: Settings, options: Namespace) -> int:
    """Says what is to be done, and does it."""
    with database(settings) as opened:
        return asyncio.run(_retain(opened, dry_run=options.dry_run))


async def _retain(settings: Settings, *, dry_run: bool) -> int:
    from meter.archive.verify import ArchiveError
    from meter.database import connect
    from meter.migrate import check_current
    from meter.retention.floors import NotNowError
    from meter.retention.raw import DiffersError
    from meter.retention.run import RunningError, drop, look
    from meter.retention.words import of_drop, of_look

    now = datetime.now(UTC)
    async with await connect(url_of(settings), autocommit=True) as conn:
        await check_current(conn)
        for line in of_look(await look(conn, settings, now)):
            print(line)
        if dry_run:
            return 0
        try:
            print(of_drop(await drop(conn, settings, now)) or "nothing was dropped")
        except (NotNowError, DiffersError, ArchiveError, RunningError, OSError) as error:
            print(f"stopped: {error}")
            return FOUND_SOMETHING
    return 0


COMMAND = Command(
    Page(
        "retain",
        "Drop what need not be kept any more, or say what would be",
        TEXT,
        (
            ("meter retain --dry-run", "what would be dropped, and what holds the rest back"),
            ("METER_KEEP_RAW_DAYS=90 METER_PAST_DAYS=60 METER_ARCHIVE_DIR=/srv/archive meter retain", "once, by hand"),
        ),
        (
            *("DATABASE_URL", "METER_DATA_DIR", "METER_KEEP_RAW_DAYS", "METER_KEEP_POINTS_DAYS", "METER_PAST_DAYS"),
            *("METER_ARCHIVE_DIR", "METER_KEEP_RESULTS_DAYS", "METER_KEEP_BILLING_RUNS_DAYS", "METER_KEEP_MAIL_DAYS"),
        ),
        {FOUND_SOMETHING: "it stopped: something is in use, or not what it must be; what is in doubt was not dropped"},
    ),
    run,
    add_arguments,
)
