"""What can be imported? One file per format, each a line in FORMATS; all of them send through `run`."""

from __future__ import annotations

from meter.load import delimited, ndjson, parquet
from meter.load.source import Format

FORMATS: tuple[Format, ...] = (delimited.FORMAT, ndjson.FORMAT, parquet.FORMAT)
"""Every format that `meter import` reads."""
