"""What rows must look like before anything is computed of them: known types, finite numbers, sums that fit."""

from __future__ import annotations

import polars as pl

from analytics.frames.grid import INSTANT

DECIMAL_DIGITS = 38  # of polars' 128-bit decimals


def shaped(rows: pl.DataFrame) -> pl.DataFrame:
    """Answer rows as `group` (String), `start` (INSTANT) and `quantity` (Decimal as it came, anything else Float64).

    Without a group column all rows are one nameless group, which is there even without rows. NaN and infinity are no
    data, so they become null.

    Raises:
        ValueError: decimals whose sum could need more than DECIMAL_DIGITS digits; polars would wrap around in silence.
    """
    known = rows if "group" in rows.columns else rows.with_columns(group=pl.lit(None, dtype=pl.String))
    if "group" not in rows.columns and not rows.height:
        known = pl.DataFrame({"group": [None], "start": [None], "quantity": [None]})
    kept = known.select(pl.col("group").cast(pl.String), pl.col("start").cast(INSTANT), "quantity")
    quantity = kept.schema["quantity"]
    if isinstance(quantity, pl.Decimal):
        _refuse_what_wraps(kept.get_column("quantity"), quantity.scale)
        return kept
    number = pl.col("quantity").cast(pl.Float64)
    return kept.with_columns(quantity=pl.when(number.is_finite()).then(number))


def _refuse_what_wraps(quantity: pl.Series, scale: int) -> None:
    """Raise if any sum of these could overflow; a tenth of the room is left for Float64's rounding."""
    if quantity.cast(pl.Float64).abs().sum() >= 10.0 ** (DECIMAL_DIGITS - scale - 1):
        raise ValueError(f"The quantities don't add up within {DECIMAL_DIGITS} digits: bring them as floats.")
