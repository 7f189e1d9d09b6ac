"""Opens a file of rows, and says what its columns are: as kept beside it, as given, as their own names say."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import polars as pl

from meter.load import FORMATS, mapping
from meter.load.events import events
from meter.load.mapping import Columns
from meter.load.source import ROW, Batch, Format, LoadError, Position, Reader, Reading


def given(options: Namespace) -> Columns:
    """What the command line says of the columns. Raises MappingError."""
    return Columns(
        map=mapping.pairs(options.map, "--map"),
        set=mapping.pairs(options.set, "--set"),
        ignore=options.ignore,
        others=options.others,
        zone=options.zone,
        time_unit=options.time_unit,
        separator=options.separator,
        source=options.source,
    )


def kept(path: Path) -> Columns:
    """The mapping that is kept at a path; an empty one where there is no such file. Raises MappingError."""
    return mapping.from_toml(path.read_text("utf-8")) if path.exists() else Columns()


def mapping_path(options: Namespace) -> Path:
    """Where the mapping of the file is kept."""
    path: Path = options.mapping or beside(options.file, ".mapping.toml")
    return path


def beside(file: Path, ending: str) -> Path:
    """The file beside this one with that ending on top."""
    return file.with_name(file.name + ending)


def opened(options: Namespace, columns: Columns) -> Reader:
    """The open file. Raises LoadError for one of no known format, or that is broken."""
    return format_of(options).open(options.file, Reading(columns.separator))


def settled(reader: Reader, columns: Columns) -> Columns:
    """The mapping with the columns that are named as ours. Raises MappingError for what is wrong."""
    names = list(reader.columns)
    columns = mapping.guessed(columns, names)
    mapping.check(columns, names, fixed=reader.fixed)
    none = pl.DataFrame(schema={**reader.columns, ROW: pl.Int64()})
    events(Batch(none, (), Position(), 0), columns, "")  # says which types don't fit
    return columns


def format_of(options: Namespace) -> Format:
    """The format of the file: as given, as its name ends. Raises LoadError when neither says."""
    name = options.file.name.lower().removesuffix(".gz").removesuffix(".zst")
    for each in FORMATS:
        if options.format == each.name or (options.format is None and name.endswith(each.endings)):
            return each
    known = ", ".join(each.name for each in FORMATS)
    raise LoadError(f"of which format is {options.file}? Say so with --format, one of {known}")
