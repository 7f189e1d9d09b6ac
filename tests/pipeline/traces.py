"""Recorded usage of real systems, where it lies beside the project; what it must add up to is summed here, apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
START = datetime(2026, 10, 5, tzinfo=UTC)

Sums = dict[tuple[str, str, datetime], Decimal]
"""Quantity by meter, service and hour (UTC), in the meter's base unit."""


class Trace(NamedTuple):
    """Bodies to push, where, and the sums that must come out."""

    path: str
    events: list[dict[str, Any]]
    sums: Sums


def frame(name: str) -> pl.DataFrame:
    """A trace's rows; skips the test where the data is not there."""
    file = DATA / f"{name}.parquet"
    if not file.exists():
        pytest.skip("no recorded traces beside the project")
    return pl.read_parquet(file)


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _z(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _sums(parts: Iterable[tuple[str, str, datetime, Decimal]]) -> Sums:
    found: Sums = defaultdict(Decimal)
    for meter, service, hour, quantity in parts:
        found[meter, service, hour] += quantity
    return dict(found)


def azure() -> Trace:
    """Requests to two language-model services: input and output tokens of one call are one fact."""
    rows = frame("azure_llm_2023").with_row_index().iter_rows()
    calls = [(n, service, at.replace(tzinfo=UTC), read, written) for n, service, at, read, written in rows]
    events = [
        {
            "id": f"azure-{n}",
            "time": _z(at),
            "service": service,
            "member": f"user-{n % 7}" if n % 11 else None,
            "dimensions": {"model": "gpt"},
            "quantities": {"tokens.input": read, "tokens.output": str(written)},
        }
        for n, service, at, read, written in calls
    ]
    sums = _sums(
        (meter, service, _hour(at), Decimal(count))
        for _, service, at, read, written in calls
        for meter, count in (("tokens.input", read), ("tokens.output", written))
    )
    return Trace("/v1/events", events, sums)


def mooncake() -> Trace:
    """Chat requests with a prefix cache: tokens read from it and fresh ones are disjoint."""
    rows = frame("mooncake_conversation").drop("hash_ids").with_row_index().iter_rows()
    calls = [(n, START + timedelta(milliseconds=ms), read, written, cached) for n, ms, read, written, cached in rows]
    parts = [
        (n, at, {"tokens.input": read - cached, "tokens.cache_read": cached, "tokens.output": written})
        for n, at, read, written, cached in calls
    ]
    events = [
        {"id": f"chat-{n}", "time": _z(at), "service": "chat", "quantities": quantities} for n, at, quantities in parts
    ]
    sums = _sums(
        (meter, "chat", _hour(at), Decimal(count)) for _, at, counts in parts for meter, count in counts.items()
    )
    return Trace("/v1/events", events, sums)


def region() -> Trace:
    """CPU in use over all machines of a region, as five-minute samples; a sample ends at its timestamp."""
    five_minutes = 300
    rows = frame("dc_azure_v2_region").iter_rows()
    samples = [(START + timedelta(seconds=at + five_minutes), Decimal(repr(cores))) for at, cores, _ in rows]
    events = [
        {
            "user_id": "ops",
            "service_id": "region",
            "timestamp": _z(at),
            "cpu_cores": str(cores),
            "cpu_usage_percent": 100,
            "duration_seconds": five_minutes,
        }
        for at, cores in samples
    ]
    # every sample lies inside one hour: it ends on the five-minute grid
    sums = _sums(("cpu", "region", _hour(at - timedelta(seconds=1)), cores * five_minutes) for at, cores in samples)
    return Trace("/v1/usage/collect", events, sums)


TRACES: dict[str, Callable[[], Trace]] = {"azure": azure, "mooncake": mooncake, "region": region}
