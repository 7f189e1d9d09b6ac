"""What is a format? A name, the endings of its files, and how to open one: batches of rows from any place, in order.

Rows are numbered from 1, without header and blank lines. A row is the same row at every reading, whatever the size of
batches and wherever the reading began: ids are made from its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import polars as pl

ROW = "\0row"
"""Column of a batch with the number of each row; no file has a column of this name."""
JSON = "\0json\0"
"""Before a column's name: the same values as JSON text, where they are more than strings."""


class LoadError(RuntimeError):
    """The import can't begin or can't go on; the message says what to change."""


class Position(msgspec.Struct, frozen=True):
    """How much of a file was read: rows, and for text also bytes (of the unpacked text)."""

    rows: int = 0
    bytes: int = 0


class Bad(NamedTuple):
    """A row that can't be read, by number: a code of EVENT_CODES, what to change, and what stands there."""

    row: int
    code: str
    detail: str
    record: object


class Batch(NamedTuple):
    """Rows that were read (in `frame`, numbered by ROW), those that can't be, and where the next batch begins."""

    frame: pl.DataFrame
    bad: Sequence[Bad]
    after: Position
    done_bytes: int  # of the file as it lies there, packed or not; 0 when only rows are counted


class Reading(msgspec.Struct, frozen=True):
    """How text is cut into columns; None: as the file's first line suggests."""

    separator: str | None = None


class Reader(Protocol):
    """An open file: its columns, how large it is, and its rows."""

    columns: Mapping[str, pl.DataType]
    fixed: bool  # whether every row has these columns and no other
    rows: int | None  # how many there are, where the file says so

    def batches(self, start: Position, size: int) -> Iterator[Batch]:
        """Batches of at most `size` rows from `start` to the end, in memory that does not grow.

        Raises LoadError where the file can't be read on, and OSError when the disk says no.
        """
        ...


class Format(NamedTuple):
    """A kind of file: `open(path, reading)` raises LoadError when it is none of this kind."""

    name: str
    endings: tuple[str, ...]
    open: Callable[[Path, Reading], Reader]
