"""What a file of the archive looks like: columns, how they come from the database, and how they are read back.

Quantities are decimal128(38, 12), as they are stored; nothing here adds them up in polars. Labels are spelled out
beside the ids, so that a file can be read without the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from meter.archive.tallies import Tallies

FORMAT = "1"
ROW_GROUP = 100_000
WINDOW = 100_000  # rows read at once: a row group
HASHED = 1 << 40  # of a row's hash; so many of them add up without leaving 64 bits

TIME = pl.Datetime("us", "UTC")
RAW = pl.Schema(
    {
        "time": pl.Int64,
        "event_id": pl.String,
        "series_id": pl.Int64,
        "quantity": pl.String,
        "covers_us": pl.Int64,
        "id": pl.String,
        "attributes": pl.String,
    }
)
_LABELS: dict[str, Any] = {
    "series_id": pl.Int64,
    "meter": pl.String,
    "unit": pl.String,
    "aggregation": pl.String,
    "divisor": pl.String,
    "per_month": pl.Boolean,
    "billable": pl.Boolean,
    "member": pl.String,
    "service": pl.String,
    "key": pl.String,
    "dimensions": pl.String,
    "voided": pl.Boolean,
}
LABELS = pl.Schema(_LABELS)
COLUMNS = pl.Schema(
    {
        "time": TIME,
        "event_id": pl.Binary,
        "id": pl.String,
        "quantity": pl.Decimal(38, 12),
        "segment_from": TIME,
        "segment_to": TIME,
        "covers_us": pl.Int64,
        "attributes": pl.String,
        **_LABELS,
    }
)
"""The columns of a file. Of a voided event the labels are those it had; it counts nothing."""

QUARTER_US = 900_000_000


def labels(rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """The labels of a team's series from rows of describe_archived_series."""
    return pl.DataFrame(rows, schema=LABELS, orient="row")


def frame(csv: bytes, described: pl.DataFrame) -> pl.DataFrame:
    """Rows of a file from lines of copy_archived_events. Raises ValueError for an event of an unknown series."""
    raw = pl.read_csv(csv, has_header=False, new_columns=list(RAW), schema=RAW)
    ends = pl.when(pl.col("covers_us").is_not_null()).then(pl.col("time") + 1)
    starts = pl.max_horizontal(pl.col("time") + 1 - pl.col("covers_us"), pl.col("time") - pl.col("time") % QUARTER_US)
    spelled = raw.with_columns(
        pl.col("event_id").str.decode("hex"),
        pl.col("quantity").cast(pl.Decimal(38, 12)),
        pl.when(pl.col("covers_us").is_not_null()).then(starts).cast(TIME).alias("segment_from"),
        ends.cast(TIME).alias("segment_to"),
        pl.col("time").cast(TIME),
    ).join(described, on="series_id", how="left", maintain_order="left")
    if spelled["voided"].null_count():
        raise ValueError("an event is of no series of its team")
    return spelled.select(COLUMNS.names())


def hashed(rows: pl.DataFrame) -> int:
    """A number that tells whether rows are the same, whatever their order."""
    return int((rows.hash_rows() % HASHED).sum())


def sink(path: Path, frames: Iterator[pl.DataFrame], about: dict[str, str]) -> None:
    """Writes frames to a file as they come, row group by row group."""
    source = register_io_source(lambda *_: frames, schema=COLUMNS, is_pure=False)
    source.sink_parquet(
        path,
        compression="zstd",
        statistics=True,
        row_group_size=ROW_GROUP,
        maintain_order=True,
        metadata={"hourmeter_archive": FORMAT, **about},
    )


def windows(path: Path) -> Iterator[pl.DataFrame]:
    """All rows of a file, a row group at a time. Raises polars' errors for a file that can't be read."""
    scan, at = pl.scan_parquet(path, glob=False), 0
    while (rows := scan.slice(at, WINDOW).collect()).height:
        yield rows
        at += rows.height


def tallied(rows: pl.DataFrame) -> Tallies:
    """What rows come to by quarter and series: exact, in whole trillionths, added up in Python."""
    found: Tallies = {}
    quarters = rows["time"].to_physical()
    columns = (quarters - quarters % QUARTER_US, rows["series_id"], rows["quantity"].to_physical())
    for quarter, series, quantity in zip(*(column.to_list() for column in columns), strict=True):
        tally = found.get((quarter, series))
        if tally is None:
            found[quarter, series] = [1, quantity, quantity, quantity]
        else:
            tally[0] += 1
            tally[1] += quantity
            tally[2] = min(quantity, tally[2])
            tally[3] = max(quantity, tally[3])
    return found


def digest(path: Path) -> bytes:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
