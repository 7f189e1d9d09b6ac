"""Frames for tests of jobs: made by hand, and of real traces where they lie beside this tree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest

DATA = Path(os.environ.get("METER_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
TRACES = ("azure_llm_2023.parquet", "ms_cloud_monitoring.parquet", "dc_azure_v2_region.parquet")
needs_traces = pytest.mark.skipif(
    not all((DATA / name).exists() for name in TRACES), reason="no traces beside this tree: set METER_TEST_DATA"
)

MONDAY = datetime(2025, 11, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LATER = MONDAY + 4000 * DAY
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # of traces that count seconds from nowhere
PARIS = "Europe/Paris"
SCHEMA: dict[str, pl.DataType] = {
    "start": pl.Datetime("us", "UTC"),
    "quantity": pl.Decimal(38, 12),
    "group": pl.String(),
}

Quantities = Sequence[Decimal | float | str | None]


def rows(
    quantities: Quantities, *, start: datetime = MONDAY, step: timedelta = DAY, group: str | None = None
) -> pl.DataFrame:
    """Make a frame of one group, one exact row per step."""
    exact = [None if quantity is None else Decimal(str(quantity)) for quantity in quantities]
    starts = [start + index * step for index in range(len(exact))]
    return pl.DataFrame({"start": starts, "quantity": exact, "group": [group] * len(exact)}, schema=SCHEMA)


def local(*date: int, tz: str = PARIS) -> datetime:
    """Answer the instant of a local time."""
    year, month, day, hour = (*date, 0)[:4]
    return datetime(year, month, day, hour, tzinfo=ZoneInfo(tz)).astimezone(UTC)


def statistic(value: Decimal) -> Decimal:
    """Round to twelve digits, as statistics leave."""
    return Decimal(f"{value:.12g}")


def picked(items: Iterable[object], *names: str) -> Any:
    """Answer some fields of each item, to be compared with plain numbers."""
    return [tuple(getattr(item, name) for name in names) for item in items]


def as_floats(frame: pl.DataFrame) -> pl.DataFrame:
    """Answer the same rows, not exact."""
    return frame.with_columns(pl.col("quantity").cast(pl.Float64))


def shuffled(frame: pl.DataFrame, random: Any) -> pl.DataFrame:
    """Answer the same rows in another order."""
    places = list(range(frame.height))
    random.shuffle(places)
    return frame[places]


def llm_tokens() -> pl.DataFrame:
    """Answer the tokens of 20,834 requests of two services, of 39 minutes."""
    frame = pl.read_parquet(DATA / TRACES[0])
    tokens = pl.col("context_tokens").cast(pl.Int64) + pl.col("generated_tokens")
    return _shaped(frame.select(start="timestamp", quantity=tokens, group="service"))


def cloud_monitoring() -> pl.DataFrame:
    """Answer 31 series of some weeks, by minutes to hours."""
    return _shaped(pl.read_parquet(DATA / TRACES[1]).select(start="timestamp", quantity="value", group="series"))


def region_cpu() -> pl.DataFrame:
    """Answer the processors in use in one region, every five minutes of 20 days; one group."""
    start = pl.lit(EPOCH) + pl.duration(seconds="timestamp")
    frame = pl.read_parquet(DATA / TRACES[2])
    return _shaped(frame.select(start=start.dt.replace_time_zone(None), quantity="cpu_usage", group=pl.lit("region")))


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    start = pl.col("start").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return frame.select(start, pl.col("quantity").cast(pl.Decimal(38, 12)), pl.col("group").cast(pl.String))


def asked(question: str, frame: pl.DataFrame, **parameters: Any) -> list[tuple[Any, ...]]:
    """Ask duckdb about `rows` (start, quantity, group), whose instants are UTC without a zone, as those asked with."""
    naive = frame.with_columns(pl.col("start").dt.replace_time_zone(None))
    given = {
        name: value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value for name, value in parameters.items()
    }
    with duckdb.connect() as duck:
        duck.register("rows", naive)
        return duck.execute(question, given).fetchall()
