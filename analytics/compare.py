"""How does a span compare: with the one before, with a year ago, and each month with the month before?"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from analytics.frames.change import Change, change
from analytics.frames.grid import Span, grid, on_grid
from analytics.frames.number import exact, statistic
from analytics.frames.pairs import Against, Spans, paired
from analytics.frames.rhythm import Cell, Parts, cells, parts_of, with_cell
from analytics.frames.rows import shaped
from meter.windows import DAY, MOMENT, Window, bounds, floor, following

NAME = "compare"

Means = dict[tuple[str | None, Cell], float]


class Pair(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """One window and its counterpart, each with its quantity (null: no data); `complete`: both are there and over.

    `base_from` and `base_to` are null for a window that has no counterpart.
    """

    from_: datetime
    to: datetime
    quantity: Decimal | None
    base_from: datetime | None
    base_to: datetime | None
    base: Decimal | None
    complete: bool


class Beat(msgspec.Struct, frozen=True):
    """One cell of the rhythm: the means per window there in the span and in its base; null: no data.

    `weekday` is ISO (1 = Monday), `hour` local (0-23); null for the one that the windows or the span don't tell.
    """

    weekday: int | None
    hour: int | None
    mean: Decimal | None
    base: Decimal | None


class GroupComparison(msgspec.Struct, frozen=True):
    """All answers about one group, from pairs that are complete; how many of them have data on either side."""

    group: str | None
    change: Change
    windows_with_data: int
    base_windows_with_data: int
    rhythm: tuple[Beat, ...]
    pairs: tuple[Pair, ...]


class Comparison(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """[from, to) against [base_from, base_to), in whole windows. `windows` have begun, `compared` pairs are complete.

    An empty base is that of a 29 February.
    """

    from_: datetime
    to: datetime
    base_from: datetime
    base_to: datetime
    against: Against
    window: Window
    tz: str
    now: datetime
    windows: int
    compared: int
    groups: tuple[GroupComparison, ...]


class Month(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A month and its change to the one before, which has no difference while the month is not over."""

    from_: datetime
    to: datetime
    complete: bool
    change: Change


class GroupMonths(msgspec.Struct, frozen=True):
    """The months of one group, in order."""

    group: str | None
    months: tuple[Month, ...]


class MonthOverMonth(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """Months of [from, to), each against the one before it; the last one is not over if it has begun by `now`."""

    from_: datetime
    to: datetime
    tz: str
    now: datetime
    groups: tuple[GroupMonths, ...]


def spans_of(from_: datetime, to: datetime, window: Window, tz: str, against: Against) -> Spans:
    """Answer which rows `compare` wants: those of [from_, to) and of [base_from, base_to), which may be empty.

    Raises:
        ValueError: an empty span.
    """
    return paired(from_, to, window, ZoneInfo(tz), against)[0]


def compare(  # noqa: PLR0913 (a keyword each)
    rows: pl.DataFrame,
    *,
    from_: datetime,
    to: datetime,
    window: Window,
    tz: str,
    now: datetime,
    against: Against = "before",
    additive: bool = True,
) -> Comparison:
    """Answer how [from_, to) in windows of the zone `tz` compares, as known at `now` (the data's watermark).

    `rows`: `start` (Datetime, UTC), `quantity` (Decimal or float), optional `group` (String; null = belongs to none),
    over both spans of `spans_of(…)`; see `frames/pairs.py` for what is compared with what. Change and rhythm are about
    complete pairs only, so that a month to date meets as much of its base; within them, what has no data adds nothing.
    `additive=False` (averages, percentiles …) compares means. Groups come by falling size, those without data last.

    Raises:
        ValueError: an empty span, quantities beyond 38 digits, or several rows per window of a meter that is not
            additive.
    """
    spans, couples = paired(from_, to, window, ZoneInfo(tz), against)
    series = _side_by_side(shaped(rows), couples, now, additive=additive)
    parts = parts_of(window, (spans.to - spans.from_) / DAY)
    means, bases = (_means(series, start, y, parts, tz) for start, y in (("start", "quantity"), ("base_start", "base")))
    groups = (
        _group(frame, _beats(frame.get_column("group")[0], means, bases, parts), additive=additive)
        for frame in series.partition_by("group", maintain_order=True)
        if "group" not in rows.columns or frame.select(pl.col("quantity", "base").count()).sum_horizontal()[0]
    )
    begun = couples.filter(pl.col("start") < now)
    return Comparison(
        **spans._asdict(),
        against=against,
        window=window,
        tz=tz,
        now=now,
        windows=begun.height,
        compared=begun.filter(_complete(now)).height,
        groups=tuple(sorted(groups, key=lambda group: _falling(group.change, group.group))),
    )


def months_of(months: int, tz: str, now: datetime) -> Span:
    """Answer which rows `month_over_month` wants: from `read_from` to `to`, the end of the month that holds `now`.

    Raises:
        ValueError: less than one month.
    """
    return _months(months, ZoneInfo(tz), now)[0]


def month_over_month(
    rows: pl.DataFrame, *, months: int, tz: str, now: datetime, additive: bool = True
) -> MonthOverMonth:
    """Answer the last complete `months` months of the zone and the running one, each with the change to the one before.

    `rows` as for `compare`, over `months_of(…)`; finer ones than months are added up. The running month has a quantity
    and no difference: part of a month against a whole one says nothing.

    Raises:
        ValueError: less than one month, quantities beyond 38 digits, or several rows per month of a meter that is not
            additive.
    """
    span, edges = _months(months, ZoneInfo(tz), now)
    series = on_grid(shaped(rows), grid(span, edges, now), additive=additive)
    groups = (
        GroupMonths(group=frame.get_column("group")[0], months=_month_by_month(frame))
        for frame in series.partition_by("group", maintain_order=True)
        if "group" not in rows.columns or frame.get_column("quantity").count()
    )
    return MonthOverMonth(
        from_=span.from_,
        to=span.to,
        tz=tz,
        now=now,
        groups=tuple(sorted(groups, key=lambda group: (group.group is None, group.group or ""))),
    )


def _complete(now: datetime) -> pl.Expr:
    """Whether both windows of a pair are there and over."""
    return (pl.col("end") <= now) & (pl.col("base_end") <= now).fill_null(value=False)


def _side_by_side(rows: pl.DataFrame, couples: pl.DataFrame, now: datetime, *, additive: bool) -> pl.DataFrame:
    """Answer every group on every pair that has begun: `quantity` and `base`, whether it is `complete`.

    A window may be in two pairs, as itself and as the base of another (two years against a year ago), so each distinct
    one is read once.
    """
    begun = couples.filter(pl.col("start") < now).with_columns(complete=_complete(now))
    bases = begun.select(start="base_start", end="base_end").drop_nulls()
    windows = pl.concat([begun.select("start", "end"), bases]).unique().sort("start").with_row_index("ordinal")
    series = on_grid(rows, windows, additive=additive).select("group", "start", "quantity")
    base = series.select("group", base_start="start", base="quantity")
    return (
        rows.select("group")
        .unique()
        .join(begun, how="cross")
        .join(series, on=["group", "start"], how="left", nulls_equal=True, validate="m:1")
        .join(base, on=["group", "base_start"], how="left", nulls_equal=True, validate="m:1")
        .sort("group", "start", nulls_last=True)
    )


def _means(series: pl.DataFrame, start: str, quantity: str, parts: Parts, tz: str) -> Means:
    """Answer the mean quantity per group and cell of complete pairs, by the local time of the column `start`."""
    known = with_cell(series.filter(pl.col("complete")).drop_nulls(quantity), start, parts, tz)
    means = known.group_by("group", "weekday", "hour").agg(pl.col(quantity).cast(pl.Float64).mean())
    return {(group, (weekday, hour)): mean for group, weekday, hour, mean in means.iter_rows()}


def _beats(group: str | None, means: Means, bases: Means, parts: Parts) -> tuple[Beat, ...]:
    """Answer every cell of one group's rhythm."""
    return tuple(
        Beat(*cell, statistic(means.get((group, cell))), statistic(bases.get((group, cell)))) for cell in cells(parts)
    )


def _group(frame: pl.DataFrame, rhythm: tuple[Beat, ...], *, additive: bool) -> GroupComparison:
    """Answer everything about one group."""
    complete = frame.filter(pl.col("complete"))
    quantity, base = complete.get_column("quantity"), complete.get_column("base")
    return GroupComparison(
        group=frame.get_column("group")[0],
        change=change(_size(quantity, additive=additive), _size(base, additive=additive)),
        windows_with_data=quantity.count(),
        base_windows_with_data=base.count(),
        rhythm=rhythm,
        pairs=_pairs(frame),
    )


def _size(quantity: pl.Series, *, additive: bool) -> Decimal | None:
    """Answer the sum, or the mean of what can't be added up; null without data."""
    if not quantity.count():
        return None
    if additive:
        return exact(quantity.sum())
    mean = quantity.cast(pl.Float64).mean()
    return statistic(mean) if isinstance(mean, float) else None


def _pairs(frame: pl.DataFrame) -> tuple[Pair, ...]:
    """Answer the pairs in order."""
    rows = frame.select("start", "end", "quantity", "base_start", "base_end", "base", "complete").iter_rows()
    return tuple(
        Pair(start, end, exact(quantity), base_start, base_end, exact(base), complete)
        for start, end, quantity, base_start, base_end, base, complete in rows
    )


def _falling(size: Change, name: str | None) -> tuple[bool, Decimal, bool, str]:
    """Order groups by falling size, those without data last, equals by name."""
    return size.current is None, (size.current or Decimal(0)).copy_negate(), name is None, name or ""


def _months(months: int, zone: ZoneInfo, now: datetime) -> tuple[Span, list[datetime]]:
    """Answer so many months and the running one, with one before to compare the first with."""
    if months < 1:
        raise ValueError("Ask for at least one month.")
    first = floor(now, "month", zone)
    end = following(first, "month", zone)
    for _ in range(months + 1):
        first = floor(first - MOMENT, "month", zone)
    edges = bounds(first, end, "month", zone)
    return Span(read_from=edges[0], from_=edges[1], to=end, windows=months + 1, before=1), edges


def _month_by_month(frame: pl.DataFrame) -> tuple[Month, ...]:
    """Answer each month but the first, which is there to be compared with."""
    rows = frame.with_columns(base=pl.col("quantity").shift()).select("start", "end", "complete", "quantity", "base")
    return tuple(
        Month(start, end, complete, _difference(exact(quantity), exact(base), complete=complete))
        for start, end, complete, quantity, base in rows.iter_rows()
    )[1:]


def _difference(quantity: Decimal | None, base: Decimal | None, *, complete: bool) -> Change:
    """Answer the change of a month that is over; of a running one just the two numbers."""
    return change(quantity, base) if complete else Change(quantity, base, None, None)
