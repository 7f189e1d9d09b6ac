"""How fast does a series rise or fall? A robust slope that a single spike can't bend."""

from __future__ import annotations

from math import ceil

import polars as pl

FULL_PAIRS_MAX = 400  # windows; 80,000 pairs per group take some milliseconds, a year of hours would be 38 million
POINTS_MIN = 3  # two points always lie on a line


def theil_sen(series: pl.DataFrame, block: int) -> pl.DataFrame:
    """Answer the Theil-Sen line of each group: `group`, `slope`, `intercept`, `points`, `block`.

    slope = median over all pairs i < j of (y_j - y_i) / (x_j - x_i); intercept = median of (y - slope * x). x is the
    window's ordinal, so the slope is per window. (H. Theil 1950; P. K. Sen, JASA 63, 1968.) Up to 29 % of the points
    may be wild. A series of more than FULL_PAIRS_MAX windows is first averaged in blocks of so many whole `block`s of
    windows as bring it below; blocks with less than half of their windows are left out.

    `series` has `group`, `ordinal`, `y` (Float64, null = no data, left out). Groups with under POINTS_MIN points are
    not in the answer.
    """
    points, used_block = _points(series, block)
    pairs = points.join(points, on="group", nulls_equal=True, suffix="_j").filter(pl.col("x_j") > pl.col("x"))
    slopes = pairs.group_by("group").agg(
        ((pl.col("y_j") - pl.col("y")) / (pl.col("x_j") - pl.col("x"))).median().alias("slope")
    )
    return (
        points.join(slopes, on="group", nulls_equal=True)
        .group_by("group")
        .agg(
            pl.col("slope").first(),
            (pl.col("y") - pl.col("slope") * pl.col("x")).median().alias("intercept"),
            pl.len().alias("points"),
        )
        .filter(pl.col("points") >= POINTS_MIN)
        .with_columns(block=pl.lit(used_block))
    )


def _points(series: pl.DataFrame, block: int) -> tuple[pl.DataFrame, int]:
    """Answer `group`, `x`, `y` of the points to pair, and how many windows went into each."""
    known = series.filter(pl.col("y").is_not_null())
    windows = series.get_column("ordinal").n_unique()
    if windows <= FULL_PAIRS_MAX:
        return known.select("group", pl.col("ordinal").cast(pl.Float64).alias("x"), "y"), 1
    size = block * ceil(windows / FULL_PAIRS_MAX / block)
    blocks = known.group_by("group", pl.col("ordinal").floordiv(size).alias("block")).agg(
        pl.col("ordinal").mean().alias("x"), pl.col("y").mean(), pl.len().alias("n")
    )
    return blocks.filter(pl.col("n") * 2 >= size).select("group", "x", "y"), size
