"""Where is usage going? Totals, change, slope, moving average, peak and rhythm of windows, per group."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from analytics.frames.change import change
from analytics.frames.grid import Span, grid, on_grid, whole_windows
from analytics.frames.number import exact, statistic
from analytics.frames.rows import shaped
from analytics.frames.slope import theil_sen
from meter.windows import Window

NAME = "trends"

# One season of each window: what a moving average spans, so that nights and weekends cancel out.
SEASON: dict[Window, int] = {"15m": 96, "hour": 24, "day": 7, "week": 4, "month": 3, "quarter": 4, "year": 3}


class Point(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One window: its quantity (null: no data), the trailing average of one season, whether it is over."""

    from_: datetime
    to: datetime
    quantity: Decimal | None
    moving_average: Decimal | None
    complete: bool


class Change(msgspec.Struct, frozen=True):
    """Complete windows against the same windows of the equal span before; null where either side has no data.

    `percent` is also null over a base of zero: there is no percentage of nothing.
    """

    current: Decimal | None
    base: Decimal | None
    absolute: Decimal | None
    percent: Decimal | None
    windows: int


class Slope(msgspec.Struct, frozen=True):
    """The Theil-Sen line (see analytics/frames/slope.py): its rise, also in percent of the mean, and its two ends.

    `first` and `last` are the line's values in the first and the last window of the span, to draw it by.
    """

    per_window: Decimal
    percent_per_window: Decimal | None
    first: Decimal
    last: Decimal
    points: int
    windows_per_point: int
    method: str = "theil_sen"


class Peak(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The window with the largest quantity; the earliest of equals."""

    from_: datetime
    to: datetime
    quantity: Decimal


class Busiest(msgspec.Struct, frozen=True):
    """The local hour (0-23) or ISO weekday (1 = Monday) with the highest mean per complete window."""

    value: int
    mean: Decimal


class GroupTrend(msgspec.Struct, frozen=True):
    """All answers about one group. `total` is null without data, and for meters that can't be added up."""

    group: str | None
    total: Decimal | None
    mean: Decimal | None
    windows_with_data: int
    change: Change
    slope: Slope | None
    peak: Peak | None
    busiest_hour: Busiest | None
    busiest_weekday: Busiest | None
    points: tuple[Point, ...]


class Trend(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The trend of [from, to), widened to whole windows. `windows` of it have begun, `complete_windows` are over."""

    from_: datetime
    to: datetime
    window: Window
    tz: str
    now: datetime
    windows: int
    complete_windows: int
    last_window_incomplete: bool
    groups: tuple[GroupTrend, ...]


def span_of(from_: datetime, to: datetime, window: Window, tz: str) -> Span:
    """Answer which rows `trend` wants: [from_, to) widened to whole windows, and `read_from`, early enough to compare.

    Raises:
        ValueError: an empty span.
    """
    return _spanned(from_, to, window, ZoneInfo(tz))[0]


def trend(
    rows: pl.DataFrame, *, from_: datetime, to: datetime, window: Window, tz: str, now: datetime, additive: bool = True
) -> Trend:
    """Answer the trend of [from_, to) in windows of the zone `tz`, as known at `now` (the data's watermark).

    `rows`: `start` (Datetime, UTC), `quantity` (Decimal or float), optional `group` (String; null = belongs to none),
    over `span_of(…)` from `read_from` to `to`. Missing windows and null quantities are "no data"; other rows are left
    out. Windows not over at `now` stay in the totals and the peak, and out of change, slope, moving average and rhythm.
    Totals of Decimal rows are exact; statistics are computed in Float64. `additive=False` (averages, percentiles …)
    compares means and gives no totals. Groups come by falling total, those without data last.

    Raises:
        ValueError: an empty span, or several rows per window of a meter that is not additive.
    """
    zone = ZoneInfo(tz)
    span, edges = _spanned(from_, to, window, zone)
    windows = grid(span, edges, now)
    series = _with_statistics(on_grid(shaped(rows), windows, additive=additive), span, window, zone)
    complete = windows.filter(pl.col("ordinal") >= 0).get_column("complete")
    lines = _lines(series, window)
    groups = (
        _group_trend(frame, lines.get(frame.get_column("group")[0]), window, additive=additive)
        for frame in series.partition_by("group", maintain_order=True)
        if "group" not in rows.columns or frame.select(pl.col("quantity", "base").count()).sum_horizontal()[0]
    )
    return Trend(
        from_=span.from_,
        to=span.to,
        window=window,
        tz=tz,
        now=now,
        windows=complete.len(),
        complete_windows=int(complete.sum()),
        last_window_incomplete=not complete.all(),
        groups=tuple(sorted(groups, key=_by_falling_size)),
    )


def _spanned(from_: datetime, to: datetime, window: Window, zone: ZoneInfo) -> tuple[Span, list[datetime]]:
    """Answer the span with enough before it for the comparison and for the first moving average."""
    return whole_windows(from_, to, window, zone, before_min=SEASON[window] - 1)


def _by_falling_size(group: GroupTrend) -> tuple[bool, Decimal, str]:
    """Order groups by total (or mean), those without data last, equals by name."""
    size = group.total if group.total is not None else group.mean
    return size is None, -(size or Decimal(0)), group.group or ""


def _with_statistics(series: pl.DataFrame, span: Span, window: Window, zone: ZoneInfo) -> pl.DataFrame:
    """Answer the span's own windows with what needed those before it.

    Adds `y` (Float64, complete windows only), `base` (the window one span earlier), `average`, local `hour`, `weekday`.
    """
    season = SEASON[window]
    local = pl.col("start").dt.convert_time_zone(zone.key)
    return (
        series.with_columns(
            y=pl.when(pl.col("complete")).then(pl.col("quantity").cast(pl.Float64)),
            base=pl.col("quantity").shift(span.windows).over("group"),
            hour=local.dt.hour(),
            weekday=local.dt.weekday(),
        )
        .with_columns(average=pl.col("y").rolling_mean(season, min_samples=-(-season // 2)).over("group"))
        .with_columns(average=pl.when(pl.col("complete")).then(pl.col("average")))
        .filter(pl.col("ordinal") >= 0)
    )


def _lines(series: pl.DataFrame, window: Window) -> dict[str | None, Slope]:
    """Answer the trend line per group that has enough complete windows for one."""
    fitted = theil_sen(series.select("group", "ordinal", "y"), SEASON[window]).join(
        series.group_by("group").agg(pl.col("y").mean().alias("mean"), pl.col("ordinal").max().alias("last")),
        on="group",
        nulls_equal=True,
    )
    return {row["group"]: _slope(**row) for row in fitted.iter_rows(named=True)}


def _slope(
    *, group: str | None, slope: float, intercept: float, points: int, block: int, mean: float, last: int
) -> Slope:
    """Answer one row of the fitted frame as decimals."""
    del group
    return Slope(
        per_window=_some(slope),
        percent_per_window=statistic(100 * slope / abs(mean)) if mean else None,
        first=_some(intercept),
        last=_some(intercept + slope * last),
        points=points,
        windows_per_point=block,
    )


def _some(value: float) -> Decimal:
    """Answer a statistic of windows that have data; only an overflow of Float64 can be missing here."""
    number = statistic(value)
    if number is None:
        raise ValueError("The quantities are too large for a trend.")
    return number


def _group_trend(frame: pl.DataFrame, line: Slope | None, window: Window, *, additive: bool) -> GroupTrend:
    """Answer everything about one group's windows of the span."""
    quantity = frame.get_column("quantity")
    with_data = quantity.count()
    return GroupTrend(
        group=frame.get_column("group")[0],
        total=exact(quantity.sum()) if additive and with_data else None,
        mean=statistic(_mean(quantity)),
        windows_with_data=with_data,
        change=_change(frame.filter(pl.col("complete")), additive=additive),
        slope=line,
        peak=_peak(frame),
        busiest_hour=_busiest(frame, "hour") if window in {"15m", "hour"} else None,
        busiest_weekday=_busiest(frame, "weekday") if window in {"15m", "hour", "day"} else None,
        points=_points(frame),
    )


def _change(complete: pl.DataFrame, *, additive: bool) -> Change:
    """Answer the change of sums (or means) between complete windows and their counterparts one span earlier."""
    current, base = (_size(complete.get_column(name), additive=additive) for name in ("quantity", "base"))
    found = change(current, base)
    return Change(current, base, found.absolute, found.percent, complete.height)


def _size(quantity: pl.Series, *, additive: bool) -> Decimal | None:
    """Answer the sum, or the mean of what can't be added up; null without data."""
    if not quantity.count():
        return None
    return exact(quantity.sum()) if additive else statistic(_mean(quantity))


def _mean(quantity: pl.Series) -> float | None:
    """Answer the mean in Float64, null without data."""
    mean = quantity.cast(pl.Float64).mean()
    return mean if isinstance(mean, float) else None


def _peak(frame: pl.DataFrame) -> Peak | None:
    """Answer the largest window."""
    top = frame.filter(pl.col("quantity") == pl.col("quantity").max()).head(1)
    if not top.height:
        return None
    row = top.row(0, named=True)
    return Peak(from_=row["start"], to=row["end"], quantity=exact(row["quantity"]) or Decimal(0))


def _busiest(frame: pl.DataFrame, by: str) -> Busiest | None:
    """Answer which hour or weekday has the highest mean; the first of equals."""
    means = (
        frame.drop_nulls("y")
        .group_by(by)
        .agg(pl.col("y").mean())
        .sort([pl.col("y"), pl.col(by)], descending=[True, False])
    )
    if not means.height:
        return None
    value, mean = means.row(0)
    return Busiest(value=value, mean=_some(mean))


def _points(frame: pl.DataFrame) -> tuple[Point, ...]:
    """Answer the windows in order."""
    rows = frame.select("start", "end", "quantity", "average", "complete").iter_rows()
    return tuple(Point(start, end, exact(q), statistic(average), complete) for start, end, q, average, complete in rows)
