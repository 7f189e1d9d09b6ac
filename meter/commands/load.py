"""`meter import FILE`: the rows of a CSV, NDJSON or Parquet file as events, sent to a service."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from meter.commands.command import CANNOT, FOUND_SOMETHING, Command, Page, refuse
from meter.commands.with_columns import add_columns
from meter.commands.with_service import KEY_VARIABLE, NO_KEY, add_service, key_of
from meter.settings import Settings

TEXT = f"""\
Rows are sent as any collector sends them, so the service may be anywhere, and each counts once: by its column of ids, \
else by the file's content and the row's number. A file may be imported again and again; a killed or stopped import \
goes on where it was: run the same command. The team's key comes from {KEY_VARIABLE} or a file.

A field of an event is a TARGET: id, time, meter, quantity, member, service, source, duration_seconds, or one of a \
group by its name: dimensions.NAME, attributes.NAME, quantities.METER (several meters of one row). Columns named so \
need no --map; every other column must be mapped or ignored, so that nothing is lost unsaid. What was given is kept \
beside the file and used by itself the next time.

Times need a zone in the file, or --zone; numbers need --time-unit. Rows that can't be taken are written to a file, \
each with its number, a code, what to change, and the row."""
_SEVERAL = (
    "meter import calls.parquet --map quantities.tokens.input=in_tok --map quantities.tokens.output=out_tok"
    " --map dimensions.model=model --set service=chat --others attributes"
)


def add_arguments(one: ArgumentParser) -> None:
    """Adds the file, what its columns are, and how it runs."""
    one.add_argument("file", type=Path, metavar="FILE", help="CSV and NDJSON may be packed: .gz, .zst")
    add_service(one)
    what = add_columns(one)
    what.add_argument("--others", metavar="CHOICE", help="all other columns: refuse (default), ignore, attributes")
    what.add_argument(
        "--source", help="without ids: rows of one source and number are the same row (default: the file's content)"
    )
    what.add_argument("--mapping", type=Path, help="where all this is kept (default: FILE.mapping.toml)")
    how = one.add_argument_group("how it runs")
    how.add_argument("--dry-run", action="store_true", help="show the first rows as events; send and keep nothing")
    how.add_argument("--restart", action="store_true", help="from the first row, whatever an earlier run did")
    how.add_argument("--rejects", type=Path, help="rows not taken, and why (default: FILE.rejects.ndjson)")
    how.add_argument("--state", type=Path, help="how far it got (default: FILE.import.json)")
    how.add_argument("--batch", type=int, default=10_000, help="rows sent at once (default: %(default)s)")
    how.add_argument(
        "--patience", type=float, default=600.0, help="seconds to try again when the service is away (default: 600)"
    )


def run(_settings: Settings, options: Namespace) -> int:
    """Imports the file, or shows what would be sent."""
    from meter.load import command
    from meter.load.source import LoadError

    try:
        if options.dry_run:
            return command.dry_run(options)
        key = key_of(options)
        if not key:
            return refuse(NO_KEY)
        return command.load(options, key)
    except LoadError as error:
        return refuse(f"{options.file}: {error}")


COMMAND = Command(
    Page(
        "import",
        "Send the rows of a file to a service as events",
        TEXT,
        (
            (
                "meter import usage.csv --map time=ts --map member=user --map quantity=calls --set meter=requests",
                "a CSV file with columns ts, user and calls",
            ),
            (
                _SEVERAL,
                "two meters of each row; its other columns are kept as attributes",
            ),
            ("meter import usage.csv --dry-run", "the first rows as events, and what would be refused"),
        ),
        (),
        {
            FOUND_SOMETHING: "some rows were rejected: they are in FILE.rejects.ndjson, all others were taken",
            CANNOT: "it could not begin, or was stopped: the same command goes on",
        },
    ),
    run,
    add_arguments,
)
