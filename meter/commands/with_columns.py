"""What are the columns of a file? The options that say so, of every command that reads one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any


def add_columns(parser: ArgumentParser, *zones: str) -> Any:  # noqa: ANN401 (argparse keeps the type of a group to itself)
    """Adds the options, in a group of their own, which is answered; `zones` are more names of `--zone`."""
    what = parser.add_argument_group("what the columns are")
    what.add_argument("--map", action="append", default=[], metavar="TARGET=COLUMN", help="the column of a field")
    what.add_argument("--set", action="append", default=[], metavar="TARGET=TEXT", help="the same text for every row")
    what.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="a column to leave out")
    what.add_argument(*zones, "--zone", dest="zone", help="zone of times that name none, such as Europe/Paris")
    what.add_argument("--time-unit", metavar="UNIT", help="times are numbers since 1970: s, ms, us or ns")
    what.add_argument("--separator", help="between cells (default: as in the first line)")
    what.add_argument("--format", help="csv, ndjson or parquet (default: as the name ends)")
    return what
