"""`meter backfill FILE`: what a range should have been, held against what a service has, and made so."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from meter.commands.command import CANNOT, FOUND_SOMETHING, Command, Page, refuse
from meter.commands.with_columns import add_columns
from meter.commands.with_service import KEY_VARIABLE, NO_KEY, add_service, key_of
from meter.settings import Settings

TEXT = f"""\
Brings the rows of a CSV, NDJSON or Parquet file to a service as the truth about a range: events of some meters, and \
of some labels where --label says so. Shows, hour by hour, what is stored, what the file says and what would be \
added, amended and voided. With --apply that is then done, beside live ingest and without slowing it; --undo takes \
all of it back. The service may be anywhere; the team's key, which must have the scope admin, comes from \
{KEY_VARIABLE} or a file.

Columns are told as for `meter import`, and a mapping that it kept beside the file is used. Events are matched by \
their id and time, so rows need the ids that they were sent with. Nothing is applied by itself while rows are \
rejected."""
_EXAMPLE = f"{KEY_VARIABLE}=hm_… meter backfill"
_NOVEMBER = "--from 2026-11-03 --to 2026-11-06"


def add_arguments(one: ArgumentParser) -> None:
    """Adds the file, of what it speaks, what its columns are, and what is done."""
    one.add_argument("file", type=Path, nargs="?", metavar="FILE", help="CSV and NDJSON may be packed: .gz, .zst")
    add_service(one)
    of = one.add_argument_group("what it speaks for")
    of.add_argument("--from", dest="start", metavar="TIME", help="RFC 3339, or a date (midnight in the team's zone)")
    of.add_argument("--to", dest="end", metavar="TIME", help="up to this instant, without it")
    of.add_argument("--meter", action="append", default=[], help="events of this meter; again for several")
    of.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="only of this member, service or dimension"
    )
    of.add_argument(
        "--mode",
        choices=("replace", "add"),
        default="replace",
        help="replace: the file says all of it; add: only what is missing is added (default: %(default)s)",
    )
    of.add_argument("--reason", help="why; it is kept in the history of every event")
    what = add_columns(one)
    what.add_argument("--others", metavar="CHOICE", help="all other columns: refuse (default), ignore, attributes")
    what.add_argument("--source", help="without ids: rows of one source and number are the same row")
    what.add_argument("--mapping", type=Path, help="a mapping that `meter import` kept (default: FILE.mapping.toml)")
    how = one.add_argument_group("what is done")
    how.add_argument("--id", metavar="ID", help="with a backfill that is there: bring it this FILE, or go on with it")
    done = how.add_mutually_exclusive_group()
    done.add_argument("--dry-run", action="store_true", help="show the difference, then forget it")
    done.add_argument("--apply", action="store_true", help="apply it")
    done.add_argument("--undo", action="store_true", help="take it back, with --id")
    done.add_argument("--cancel", action="store_true", help="give it up before it is applied, with --id")
    how.add_argument("--json", action="store_true", help="the difference as a JSON document")
    how.add_argument("--batch", type=int, default=10_000, help="rows sent at once (default: %(default)s)")
    how.add_argument(
        "--patience", type=float, default=600.0, help="seconds to try again when the service is away (default: 600)"
    )


def run(_settings: Settings, options: Namespace) -> int:
    """Brings the file and shows the difference, or goes on with a backfill."""
    from meter.backfill import command
    from meter.collect.ask import RefusedError
    from meter.load.source import LoadError

    key = key_of(options)
    if not key:
        return refuse(NO_KEY)
    if options.file is not None and (options.undo or options.cancel):
        return refuse("--undo and --cancel take --id and no FILE")
    try:
        return command.backfill(options, key)
    except LoadError as error:
        return refuse(f"{options.file}: {error}" if options.file else str(error))
    except (ValueError, RefusedError) as error:
        return refuse(str(error))


COMMAND = Command(
    Page(
        "backfill",
        "Make a range what a file says it was",
        TEXT,
        (
            (
                f'{_EXAMPLE} truth.csv {_NOVEMBER} --meter requests --reason "the collector was broken"',
                "what would change in those three days",
            ),
            (f"{_EXAMPLE} --id ID --apply", "apply what was shown"),
            (f"{_EXAMPLE} --id ID --undo", "take it back"),
            (
                f'{_EXAMPLE} lost.csv {_NOVEMBER} --meter requests --mode add --apply --reason "a day was lost"',
                "add what is missing, and leave all else alone",
            ),
        ),
        (),
        {
            0: "nothing differs, or what was asked for is done",
            FOUND_SOMETHING: "it differs and was not applied, rows were rejected, or an undo left events alone",
            CANNOT: "it could not be done, or was stopped: standard error says why",
        },
    ),
    run,
    add_arguments,
)
