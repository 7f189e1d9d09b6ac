"""Parquet is read window by window, each from the file as it lies there then."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from meter.load.parquet import WINDOW_ROWS, Parquet
from meter.load.source import LoadError, Position, Reading


@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_that_changes_under_way_is_not_read_on(tmp_path: Path, *, replaced: bool) -> None:
    """Its rows would be counted under the numbers of others: once now, and again when the new file is imported."""
    path, rows = tmp_path / "usage.parquet", 2 * WINDOW_ROWS
    pl.DataFrame({"n": range(rows)}).write_parquet(path)
    batches = Parquet(path, Reading()).batches(Position(), WINDOW_ROWS)
    assert next(batches).after == Position(WINDOW_ROWS)
    if replaced:
        new = tmp_path / "new.parquet"
        pl.DataFrame({"n": range(rows, 2 * rows)}).write_parquet(new)
        new.replace(path)
        with pytest.raises(LoadError, match=f"after row {WINDOW_ROWS} "):
            next(batches)
    else:
        assert next(batches).after == Position(rows)
        assert next(batches, None) is None
