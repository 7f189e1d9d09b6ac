"""Which windows a span has, which of them are over, and which ones came before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from meter.windows import DAY, HOUR, MOMENT, QUARTER, Window, bounds, floor, following

INSTANT = pl.Datetime("us", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USUAL: dict[Window, timedelta] = {
    "15m": QUARTER,
    "hour": HOUR,
    "day": DAY,
    "week": DAY * 7,
    "month": DAY * 31,
    "quarter": DAY * 92,
    "year": DAY * 366,
}


class Span(NamedTuple):
    """Whole windows: asked for are [from_, to), `windows` of them; read is [read_from, to), with `before` more."""

    read_from: datetime
    from_: datetime
    to: datetime
    windows: int
    before: int


def whole_windows(
    from_: datetime, to: datetime, window: Window, zone: ZoneInfo, *, before_min: int
) -> tuple[Span, list[datetime]]:
    """Answer [from_, to) widened to whole windows, and all their starts from `read_from` to `to` itself; UTC.

    Before it are as many windows as it has, to compare with, and no fewer than `before_min`.

    Raises:
        ValueError: an empty span.
    """
    if from_ >= to:
        raise ValueError("The span is empty: `from` must lie before `to`.")
    start, end = floor(from_, window, zone), floor(to, window, zone)
    current = bounds(start, end if end == to else following(end, window, zone), window, zone)
    windows = len(current) - 1
    before = max(windows, before_min)
    edges = [*_starts_before(start, before, window, zone), *current]
    return Span(edges[0], start, edges[-1], windows, before), edges


def _starts_before(end: datetime, count: int, window: Window, zone: ZoneInfo) -> list[datetime]:
    """Answer the starts of the last `count` windows before one that begins at `end`."""
    found: list[datetime] = []
    while len(found) < count:
        until = found[0] if found else end
        # far enough unless the clock went astray; then the next round finds what is missing
        since = floor(until - USUAL[window] * (count - len(found)), window, zone)
        found = bounds(since, until, window, zone)[:-1] + found
    return found[len(found) - count :]


def grid(span: Span, edges: list[datetime], now: datetime) -> pl.DataFrame:
    """Answer the windows between the edges that have begun by `now`.

    Columns: `ordinal` (0 at the span's start, negative before; what it is compared with has `ordinal - span.windows`),
    `start` and `end` (UTC), `complete` (over at `now`).
    """
    instants = pl.Series(microseconds(edges), dtype=pl.Int64).cast(INSTANT)
    ordinals = range(-span.before, span.windows)
    windows = pl.DataFrame({"ordinal": ordinals, "start": instants[:-1], "end": instants[1:]})
    return windows.filter(pl.col("start") < now).with_columns(complete=pl.col("end") <= now)


def microseconds(instants: Iterable[datetime]) -> list[int]:
    """Answer instants as INSTANT counts them: polars takes these ten times as fast as datetimes."""
    return [(instant - EPOCH) // MOMENT for instant in instants]


def on_grid(rows: pl.DataFrame, windows: pl.DataFrame, *, additive: bool) -> pl.DataFrame:
    """Answer every group on every window of the grid: the grid's columns, `group`, `quantity`.

    Several rows of one window are added up (finer rows than the grid are welcome). What has no row, or only nulls, is
    null: no data, which is not zero.

    Raises:
        ValueError: two rows of one window for a meter that can't be added up.
    """
    placed = rows.sort("start").join_asof(windows.select("start", "end", "ordinal"), on="start", strategy="backward")
    inside = placed.filter(pl.col("start") < pl.col("end"))
    summed = inside.group_by("group", "ordinal").agg(
        pl.when(pl.col("quantity").count() > 0).then(pl.col("quantity").sum()).alias("quantity"),
        pl.col("quantity").count().alias("rows"),
    )
    if not additive and summed.filter(pl.col("rows") > 1).height:
        raise ValueError("This meter can't be added up: bring one row per window and group.")
    full = rows.select("group").unique(maintain_order=True).join(windows, how="cross")
    return full.join(summed.drop("rows"), on=["group", "ordinal"], how="left", nulls_equal=True, validate="m:1").sort(
        "group", "ordinal", nulls_last=True
    )
