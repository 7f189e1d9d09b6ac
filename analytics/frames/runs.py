"""Which neighbouring windows lie above a threshold together, and where to draw the line if nobody says?"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import polars as pl

from analytics.frames.change import WIDE
from analytics.frames.rows import DECIMAL_DIGITS


def percentile_below_top(series: pl.DataFrame, percentile: int) -> pl.DataFrame:
    """Answer a threshold per group: `group`, `threshold`; null in a group without data or of one height.

    It is the nearest-rank percentile (the smallest quantity that so many percent of the windows don't exceed; SQL's
    percentile_disc). Where that is the highest quantity itself, as in a short series or one with a flat top, nothing
    would lie above: then it is the highest of those below.

    `series` has `group` and `quantity`; nulls are left out.
    """
    quantity = pl.col("quantity").drop_nulls()
    rank = ((quantity.len() * percentile + 99) // 100).cast(pl.Int64) - 1
    known = series.drop_nulls("quantity").group_by("group")
    ranked = known.agg(quantity.sort().get(rank).alias("at_rank"), quantity.max().alias("top"))
    below = (pl.col("quantity") <= pl.col("at_rank")) & (pl.col("quantity") < pl.col("top"))
    return (
        series.join(ranked, on="group", how="left", nulls_equal=True)
        .group_by("group")
        .agg(pl.col("quantity").filter(below).max().alias("threshold"))
    )


def as_limit(threshold: Decimal, quantity: pl.DataType) -> Decimal | float:
    """Answer a number in the column's type above which lie the same quantities as above the threshold.

    Raises:
        ValueError: a threshold that is no number.
    """
    if not threshold.is_finite():
        raise ValueError("The threshold must be a number.")
    if not isinstance(quantity, pl.Decimal):
        return float(threshold)
    step = Decimal(1).scaleb(-quantity.scale)
    most = WIDE.subtract(Decimal(1).scaleb(DECIMAL_DIGITS - quantity.scale), step)
    within = max(most.copy_negate(), min(most, threshold))
    return within.quantize(step, rounding=ROUND_FLOOR, context=WIDE)


def runs(series: pl.DataFrame) -> pl.DataFrame:
    """Answer the longest runs of neighbouring windows that are `above`, in order of time per group.

    Columns: `group`, `start`, `end`, `windows`, `highest`, `highest_start`, `highest_end` (the earliest of equals),
    `total`, `complete` (every window of it).

    `series` has every group on every window of a grid, in order: `group`, `start`, `end`, `quantity`, `above`,
    `complete`. A window without data is not above, so a gap ends a run.
    """
    first = pl.col("above") & ~pl.col("above").shift(1, fill_value=False)  # numbers may go on in the next group
    at_top = pl.col("quantity").arg_max()
    return (
        series.with_columns(run=first.cum_sum())
        .filter("above")
        .group_by("group", "run", maintain_order=True)
        .agg(
            pl.col("start").first(),
            pl.col("end").last(),
            pl.len().alias("windows"),
            pl.col("quantity").max().alias("highest"),
            pl.col("start").get(at_top).alias("highest_start"),
            pl.col("end").get(at_top).alias("highest_end"),
            pl.col("quantity").sum().alias("total"),
            pl.col("complete").all(),
        )
        .drop("run")
    )
