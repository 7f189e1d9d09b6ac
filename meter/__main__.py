"""The command: reads the settings, runs one of COMMANDS, and turns what stops it into a line and an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from argparse import Namespace
from collections.abc import Sequence

import psycopg
from psycopg_pool import PoolTimeout

from meter import settings as settings_file
from meter.commands import COMMANDS
from meter.commands.command import CANNOT, FOUND_SOMETHING, INTERRUPTED, PROGRAM, USUAL, PageFormatter, epilog, refuse
from meter.settings import Settings, SettingsError

TEXT = """\
Hourmeter: usage in, exact buckets, invoices anyone can check, and answers out, on one PostgreSQL.

Events and samples are pushed over HTTP to the service, counted exactly once, and answered in windows of any length in \
any time zone. `meter COMMAND --help` is a page on each command."""
EXAMPLES = (
    ("meter demo", "look around in a product full of usage"),
    ("meter serve", "start the service with an embedded database in ./data"),
    ("meter doctor", "see that everything adds up"),
)
CODES = {**USUAL, FOUND_SOMETHING: "something was found, or failed, which the command then names"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code: 0 well, 1 something was found or failed, 2 it could not begin."""
    options = make_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from meter.embedded import EmbeddedError
    from meter.migrate import MigrationError

    try:
        return _run(settings_file.load(), options)
    except (SettingsError, EmbeddedError, MigrationError, OSError) as error:
        refuse(str(error))
        return int(options.cannot)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(settings: Settings, options: Namespace) -> int:
    from meter.jobs import describe

    try:
        code: int = options.run(settings, options)
    except (psycopg.Error, PoolTimeout) as error:
        return refuse(f"the database: {describe(error, settings)}")
    return code


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, with every page of help."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=TEXT, epilog=epilog(EXAMPLES, CODES, ()), formatter_class=PageFormatter
    )
    parser.set_defaults(cannot=CANNOT)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
