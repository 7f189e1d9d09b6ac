"""Parquet: typed columns, read a slice of rows at a time; fields of a struct are columns named by their path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from meter.load.source import ROW, Batch, Format, LoadError, Position, Reading

WINDOW_ROWS = 50_000
WINDOW_BYTES = 32 << 20  # as packed in the file; a slice takes some times as much memory


class Parquet:
    """An open Parquet file: columns keep their types."""

    fixed: bool = True

    def __init__(self, path: Path, _reading: Reading) -> None:
        """Reads the footer. Raises LoadError when it is no Parquet file."""
        try:
            scan = pl.scan_parquet(path, glob=False)
            found: Mapping[str, pl.DataType] = scan.collect_schema()
            self.rows: int | None = int(scan.select(pl.len()).collect().item())
        except PolarsError as error:
            raise LoadError(f"it can't be read as Parquet: {error}") from error
        leaves = list(_leaves(found))
        self._scan = scan.select(expression.alias(name) for name, expression, _ in leaves)
        self.columns: Mapping[str, pl.DataType] = {name: kind for name, _, kind in leaves}
        if len(self.columns) != len(leaves):
            raise LoadError("two columns have the same path; rename one")
        self._path, self._opened = path, _stamp(path)
        row_bytes = max(1, path.stat().st_size // max(1, self.rows or 0))
        self._window = max(1, min(WINDOW_ROWS, WINDOW_BYTES // row_bytes))

    def batches(self, start: Position, size: int) -> Iterator[Batch]:
        """As Reader says: windows of many rows are read at once, as each has to look for its place, then cut."""
        at = start.rows
        while (window := self._read(at)) is not None:
            for part in window.iter_slices(size):
                at += part.height
                yield Batch(part, (), Position(at), 0)

    def _read(self, at: int) -> pl.DataFrame | None:
        self._check_same(at)
        try:
            window = self._scan.slice(at, self._window).collect()
        except PolarsError as error:
            raise LoadError(f"after row {at} the file can't be read: {error}") from error
        self._check_same(at)
        return window.with_row_index(ROW, at + 1) if window.height else None

    def _check_same(self, at: int) -> None:
        """Each window opens the file anew: rows of another file would be counted under the numbers of these."""
        if _stamp(self._path) != self._opened:
            raise LoadError(f"after row {at} the file was replaced or written to; import it when it is finished")


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _leaves(columns: Mapping[str, pl.DataType]) -> Iterator[tuple[str, pl.Expr, pl.DataType]]:
    for name, kind in columns.items():
        yield from _inside(name, pl.col(name), kind)


def _inside(name: str, expression: pl.Expr, kind: pl.DataType) -> Iterator[tuple[str, pl.Expr, pl.DataType]]:
    if isinstance(kind, pl.Struct) and kind.fields:
        for field in kind.fields:
            inner = field.dtype if isinstance(field.dtype, pl.DataType) else field.dtype()
            yield from _inside(f"{name}.{field.name}", expression.struct.field(field.name), inner)
    else:
        yield name, expression, kind


FORMAT = Format("parquet", (".parquet", ".pq"), Parquet)
