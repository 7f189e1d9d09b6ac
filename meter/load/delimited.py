"""CSV and its kin, as RFC 4180 and spreadsheets write them: a header, quotes, line ends in quotes, any separator."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import polars as pl

from meter.load.source import ROW, Bad, Batch, Format, LoadError, Position, Reading
from meter.load.text import Lines, lines, without_bom

SEPARATORS = ",;\t|"
Cells = list[str]


class Delimited:
    """An open CSV file: every column is text, an empty cell is no value."""

    fixed: bool = True
    rows: int | None = None

    def __init__(self, path: Path, reading: Reading) -> None:
        """Reads the header. Raises LoadError when there is none that names each column once."""
        self._path = path
        with lines(path) as found:
            names, self._separator = _header(found, reading.separator)
            self._begin = found.offset
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise LoadError(f"the header names {', '.join(map(repr, twice))} more than once; name each column once")
        self.columns: Mapping[str, pl.DataType] = dict.fromkeys(names, pl.String())

    def batches(self, start: Position, size: int) -> Iterator[Batch]:
        """As Reader says; a row of too many or too few cells, or not UTF-8, is told as bad."""
        with lines(self._path, start.bytes or self._begin) as found:
            cells = csv.reader(map(_text, found), delimiter=self._separator)
            row = start.rows
            while taken := _next(cells, size, row):
                records = [record for record in taken if record]  # a blank line is no row
                yield self._batch(records, row, found)
                row += len(records)

    def _batch(self, taken: Sequence[Cells], row: int, found: Lines) -> Batch:
        width = len(self.columns)
        numbers: Sequence[int] = range(row + 1, row + 1 + len(taken))
        after = Position(row + len(taken), found.offset)
        bad: list[Bad] = []
        if any(len(cells) != width for cells in taken):
            good = [(n, cells) for n, cells in zip(numbers, taken, strict=True) if len(cells) == width]
            bad = [_uneven(n, cells, width) for n, cells in zip(numbers, taken, strict=True) if len(cells) != width]
            numbers, taken = [n for n, _ in good], [cells for _, cells in good]
        try:
            frame = self._frame(numbers, taken)
        except UnicodeEncodeError:
            pairs = list(zip(numbers, taken, strict=True))
            good = [(n, cells) for n, cells in pairs if _is_clean(cells)]
            bad += [_not_utf8(n, cells) for n, cells in pairs if not _is_clean(cells)]
            frame = self._frame([n for n, _ in good], [cells for _, cells in good])
        return Batch(frame, bad, after, found.read_bytes())

    def _frame(self, numbers: Sequence[int], taken: Sequence[Cells]) -> pl.DataFrame:
        values = zip(*taken, strict=True) if taken else ([] for _ in self.columns)
        series = [pl.Series(name, cells, pl.String) for name, cells in zip(self.columns, values, strict=True)]
        frame = pl.DataFrame([*series, pl.Series(ROW, numbers, pl.Int64)])
        return frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))


def _next(cells: Iterator[Cells], size: int, row: int) -> list[Cells]:
    try:
        return list(islice(cells, size))
    except csv.Error as error:
        raise LoadError(f"within {size} rows after row {row}: {error}; is a quote left open?") from error


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")  # what is no UTF-8 spoils its own row only


def _header(found: Lines, separator: str | None) -> tuple[list[str], str]:
    first = next(found, b"")
    line = without_bom(first).decode("utf-8", "replace")
    if not line.strip():
        raise LoadError("the first line must name the columns")
    separator = separator or max(SEPARATORS, key=line.count)
    cells = csv.reader(_records(line, found), delimiter=separator)
    try:
        names = next(cells)
    except csv.Error as error:
        raise LoadError(f"the first line must name the columns: {error}") from error
    return [name.strip() or f"column_{place}" for place, name in enumerate(names, 1)], separator


def _records(line: str, found: Lines) -> Iterator[str]:
    """The first line, and those after it as far as its quotes reach."""
    yield line
    yield from map(_text, found)


def _is_clean(cells: Cells) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def _uneven(row: int, cells: Cells, width: int) -> Bad:
    shown = [_readable(cell) for cell in cells]
    return Bad(row, "invalid_event", f"the row has {len(cells)} cells, the header {width}", shown)


def _not_utf8(row: int, cells: Cells) -> Bad:
    return Bad(row, "invalid_event", "the row is not UTF-8", [_readable(cell) for cell in cells])


def _readable(cell: str) -> str:
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


FORMAT = Format("csv", (".csv", ".tsv", ".txt"), Delimited)
