"""How fast does a series rise or fall? A robust slope that a single spike can't bend."""

from __future__ import annotations

from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LINE = {"group": pl.String, "slope": pl.Float64, "intercept": pl.Float64, "points": pl.Int64, "block": pl.Int64}

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
    lines = []
    for (group,), own in points.sort("x").group_by("group", maintain_order=True):
        if own.height >= POINTS_MIN:
            slope, intercept = _line(own.get_column("x").to_numpy(), own.get_column("y").to_numpy())
            lines.append((group, slope, intercept, own.height, used_block))
    return pl.DataFrame(lines, schema=LINE, orient="row")


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Answer slope and intercept of points in the order of x; infinite or no number where Float64 can't hold them."""
    i, j = np.triu_indices(len(x), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        slope = np.median((y[j] - y[i]) / (x[j] - x[i]))
        return float(slope), float(np.median(y - slope * x))


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
