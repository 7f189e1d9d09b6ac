"""When is usage high, how high and for how long? And how even is it: load factor, time above, quietest window."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from analytics.frames.change import WIDE
from analytics.frames.grid import Span, grid, on_grid, whole_windows
from analytics.frames.number import DIGITS, exact, statistic
from analytics.frames.rhythm import parts_of, with_cell
from analytics.frames.rows import shaped
from analytics.frames.runs import as_limit, percentile_below_top, runs
from meter.windows import DAY, Window

NAME = "peaks"

PERCENTILE = 95
TOP = 10
KNOWN = pl.col("complete") & pl.col("quantity").is_not_null()

Row = dict[str, Any]
Rows = dict[str | None, list[Row]]


class Extreme(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One window and its quantity."""

    from_: datetime
    to: datetime
    quantity: Decimal


class Peak(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """Neighbouring windows above the threshold: [from, to), how many, the highest, what they add up to.

    `above` is what of `total` lies above the threshold. Both are null for meters that can't be added up. `complete`:
    all of it is over; the one that is not may still rise and go on.
    """

    from_: datetime
    to: datetime
    windows: int
    highest: Extreme
    total: Decimal | None
    above: Decimal | None
    complete: bool


class PeakTime(msgspec.Struct, frozen=True):
    """An hour of the week (or of the day, or a weekday) at which windows lie above the threshold.

    How many did, and the fraction (0..1) they are of those with data at that time. `weekday` is ISO (1 = Monday),
    `hour` local; null for the one that the windows or the span don't tell.
    """

    weekday: int | None
    hour: int | None
    windows: int
    share: Decimal


class GroupPeaks(msgspec.Struct, frozen=True):
    """All answers about one group; all but `peaks` and `found` from complete windows with data.

    `threshold` is null where none was given and all windows are of one height or without data. `load_factor` = mean /
    highest, 0 to 1 where nothing is negative, null if the highest is not above zero. `share_above` is a fraction of
    time. Of equal windows the earliest is the highest or quietest. `found` counts the peaks, of which `peaks` are the
    highest.
    """

    group: str | None
    threshold: Decimal | None
    windows_with_data: int
    windows_above: int
    mean: Decimal | None
    highest: Extreme | None
    quietest: Extreme | None
    load_factor: Decimal | None
    share_above: Decimal | None
    found: int
    peaks: tuple[Peak, ...]
    times: tuple[PeakTime, ...]


class Peaks(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The peaks of [from, to), widened to whole windows; `percentile` is null where the threshold was given."""

    from_: datetime
    to: datetime
    window: Window
    tz: str
    now: datetime
    windows: int
    complete_windows: int
    percentile: int | None
    groups: tuple[GroupPeaks, ...]


def span_of(from_: datetime, to: datetime, window: Window, tz: str) -> Span:
    """Answer which rows `peaks` wants: those of [from_, to) widened to whole windows.

    Raises:
        ValueError: an empty span.
    """
    return _spanned(from_, to, window, tz)[0]


def peaks(  # noqa: PLR0913 (a keyword each)
    rows: pl.DataFrame,
    *,
    from_: datetime,
    to: datetime,
    window: Window,
    tz: str,
    now: datetime,
    threshold: Decimal | None = None,
    top: int = TOP,
    additive: bool = True,
) -> Peaks:
    """Answer the peaks of [from_, to) in windows of the zone `tz`, as known at `now` (the data's watermark).

    `rows`: `start` (Datetime, UTC), `quantity` (Decimal or float), optional `group` (String; null = belongs to none).
    A peak is a longest run of neighbouring windows whose quantity is above the threshold: equals are not above, equal
    heights side by side are one peak, a window without data ends it. Without a threshold it is each group's own
    PERCENTILE of complete windows, as told in `frames/runs.py`: a short series has a peak, one of one height has none.
    The `top` highest come first; of equals the longer one, then the earlier. A window not over at `now` may be part of
    a peak and counts for nothing else. Groups come by falling height, those without data last.

    Raises:
        ValueError: an empty span, `top` below 1, a threshold that is no number, quantities beyond 38 digits, or several
            rows per window of a meter that is not additive.
    """
    if top < 1:
        raise ValueError("`top` must be at least 1.")
    span, edges = _spanned(from_, to, window, tz)
    windows = grid(span, edges, now).filter(pl.col("ordinal") >= 0)
    parts = parts_of(window, (span.to - span.from_) / DAY)
    series = _judged(_rounded(on_grid(shaped(rows), windows, additive=additive)), threshold)
    highest = _highest(runs(series), top)
    times = _times(with_cell(series.filter(KNOWN), "start", parts, tz))
    groups = [
        _group(row, highest.get(row["group"], []), times.get(row["group"], []), threshold, additive=additive)
        for row in _figures(series).iter_rows(named=True)
        if "group" not in rows.columns or row["windows"]
    ]
    return Peaks(
        from_=span.from_,
        to=span.to,
        window=window,
        tz=tz,
        now=now,
        windows=windows.height,
        complete_windows=int(windows.get_column("complete").sum()),
        percentile=PERCENTILE if threshold is None else None,
        groups=tuple(sorted(groups, key=_by_falling_height)),
    )


def _spanned(from_: datetime, to: datetime, window: Window, tz: str) -> tuple[Span, list[datetime]]:
    """Answer the span and its windows; nothing before it matters."""
    return whole_windows(from_, to, window, ZoneInfo(tz), before_min=0)


def _rounded(series: pl.DataFrame) -> pl.DataFrame:
    """Answer floats as they leave, so that what reads as equal is equal; decimals are."""
    if series.schema["quantity"].is_decimal():
        return series
    return series.with_columns(pl.col("quantity").round_sig_figs(DIGITS))


def _judged(series: pl.DataFrame, threshold: Decimal | None) -> pl.DataFrame:
    """Add each group's `threshold` in the type of its quantities, and which windows are `above` it."""
    if threshold is None:
        limits = percentile_below_top(series.filter("complete"), PERCENTILE)
        judged = series.join(limits, on="group", how="left", nulls_equal=True, maintain_order="left")
    else:
        kind = series.schema["quantity"]
        judged = series.with_columns(threshold=pl.lit(as_limit(threshold, kind), dtype=kind))
    return judged.with_columns(above=(pl.col("quantity") > pl.col("threshold")).fill_null(value=False))


def _figures(series: pl.DataFrame) -> pl.DataFrame:
    """Answer a row per group: `threshold`, `windows` with data, and the figures of those that are complete."""
    quantity, seconds = pl.col("quantity"), (pl.col("end") - pl.col("start")).dt.total_seconds()
    known, above = quantity.filter(KNOWN), KNOWN & pl.col("above")
    bounds = {
        f"{name}_{edge}": pl.col(edge).filter(KNOWN).get(at, null_on_oob=True)
        for name, at in (("highest", known.arg_max()), ("quietest", known.arg_min()))
        for edge in ("start", "end")
    }
    return series.group_by("group", maintain_order=True).agg(
        pl.col("threshold").first(),
        quantity.count().alias("windows"),
        KNOWN.sum().alias("known"),
        above.sum().alias("above"),
        known.cast(pl.Float64).mean().alias("mean"),
        known.max().alias("highest"),
        known.min().alias("quietest"),
        seconds.filter(KNOWN).sum().alias("seconds"),
        seconds.filter(above).sum().alias("seconds_above"),
        **bounds,
    )


def _highest(found: pl.DataFrame, top: int) -> Rows:
    """Answer each group's highest runs, of equals the longer, then the earlier; and in `found` how many it has."""
    ordered = found.sort(["highest", "windows", "start"], descending=[True, True, False])
    counted = ordered.with_columns(found=pl.len().over("group"))
    return _by_group(counted.group_by("group", maintain_order=True).head(top))


def _times(known: pl.DataFrame) -> Rows:
    """Answer at which times each group's windows lie above, the most frequent first, then by the week."""
    counted = known.group_by("group", "weekday", "hour").agg(pl.len(), pl.col("above").sum().alias("windows"))
    # windows longer than a day have no time of the week
    timed = pl.any_horizontal(pl.col("weekday", "hour").is_not_null())
    at_peak = counted.filter(timed & (pl.col("windows") > 0))
    return _by_group(at_peak.sort(["windows", "weekday", "hour"], descending=[True, False, False]))


def _by_group(frame: pl.DataFrame) -> Rows:
    """Answer rows as dictionaries, in order, per group."""
    found: Rows = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["group"], []).append(row)
    return found


def _group(row: Row, highest: list[Row], times: list[Row], threshold: Decimal | None, *, additive: bool) -> GroupPeaks:
    """Answer everything about one group as numbers that leave."""
    limit = threshold if threshold is not None else exact(row["threshold"])
    top = _window(row, "highest")
    return GroupPeaks(
        group=row["group"],
        threshold=limit,
        windows_with_data=row["known"],
        windows_above=row["above"],
        mean=statistic(row["mean"]),
        highest=top,
        quietest=_window(row, "quietest"),
        load_factor=statistic(row["mean"] / float(top.quantity)) if top is not None and top.quantity > 0 else None,
        share_above=statistic(row["seconds_above"] / row["seconds"]) if row["known"] and limit is not None else None,
        found=highest[0]["found"] if highest else 0,
        peaks=() if limit is None else tuple(_peak(each, limit, additive=additive) for each in highest),
        times=tuple(
            PeakTime(each["weekday"], each["hour"], each["windows"], _share(each["windows"], each["len"]))
            for each in times
        ),
    )


def _window(row: Row, name: str) -> Extreme | None:
    """Answer the window of that name, null without data."""
    quantity = exact(row[name])
    return None if quantity is None else Extreme(row[f"{name}_start"], row[f"{name}_end"], quantity)


def _peak(row: Row, limit: Decimal, *, additive: bool) -> Peak:
    """Answer one run as a peak."""
    top = Extreme(row["highest_start"], row["highest_end"], exact(row["highest"]) or Decimal(0))
    total = exact(row["total"]) if additive else None
    above = None if total is None else WIDE.subtract(total, WIDE.multiply(limit, Decimal(row["windows"])))
    return Peak(row["start"], row["end"], row["windows"], top, total, exact(above), row["complete"])


def _share(part: int, whole: int) -> Decimal:
    """Answer a fraction of what is there."""
    return statistic(part / whole) or Decimal(0)


def _by_falling_height(group: GroupPeaks) -> tuple[bool, Decimal, bool, str]:
    """Order groups by their highest window, those without data last, equals by name."""
    height = Decimal(0) if group.highest is None else group.highest.quantity
    return group.highest is None, height.copy_negate(), group.group is None, group.group or ""
