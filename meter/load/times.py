"""When was it? Column of any type to RFC 3339 text; what can't be told becomes null. Pure polars."""

from __future__ import annotations

import polars as pl

from meter.load.mapping import MappingError

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
LATEST_S = 253_402_300_799  # the last second of the year 9999
_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_HAS_ZONE = r"(?i)(z|[+-]\d\d:?\d\d)$"
_NUMBER = r"^(\d{1,18})(?:\.(\d{1,9}))?$"


def rfc3339(name: str, kind: pl.DataType, zone: str | None, unit: str | None) -> pl.Expr:
    """The time of a column as text with a zone; null where there is none to tell.

    Text is left as it stands unless `zone` or `unit` says how to read it. Raises MappingError for a column that can't
    be read without one of them, or not at all.
    """
    column = pl.col(name)
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return _text(column)
    if isinstance(kind, (pl.Datetime, pl.Date)):
        if zone is None:
            raise MappingError(f"the times of {name!r} have no zone: say which with --zone, as in --zone UTC")
        return _in_zone(column.cast(pl.Datetime("us")), zone)
    if kind.is_numeric():
        if unit is None:
            raise MappingError(f"the times of {name!r} are numbers: say which with --time-unit s, ms or us")
        return _since_1970(_digits(column, kind), unit)
    if not isinstance(kind, pl.String):
        raise MappingError(f"column {name!r} is {kind}, which is no time")
    if unit is not None:
        return _since_1970(column, unit)
    return column if zone is None else _mixed(column, zone)


def _text(column: pl.Expr) -> pl.Expr:
    return column.dt.cast_time_unit("us").dt.convert_time_zone("UTC").dt.to_string("iso:strict")


def _in_zone(naive: pl.Expr, zone: str) -> pl.Expr:
    """What a clock of the zone showed; null for what it never showed, or showed twice."""
    return _text(naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null"))


def _mixed(column: pl.Expr, zone: str) -> pl.Expr:
    plain = column.str.replace(" ", "T", literal=True)
    naive = pl.coalesce(plain.str.to_datetime(form, time_unit="us", strict=False) for form in _FORMATS)
    return pl.when(column.str.contains(_HAS_ZONE)).then(column).otherwise(_in_zone(naive, zone))


def _digits(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind.is_float():  # a double holds the microseconds of our days, and its text may have an exponent
        column = column.cast(pl.Decimal(38, 6), strict=False)
    return column.cast(pl.String)


def _since_1970(text: pl.Expr, unit: str) -> pl.Expr:
    per_second = PER_SECOND[unit]
    whole = text.str.extract(_NUMBER, 1).cast(pl.Int64)
    rest = text.str.extract(_NUMBER, 2).fill_null("").str.pad_end(9, "0").cast(pl.Int64)  # billionths of a unit
    sane = pl.when(whole <= min(LATEST_S * per_second, 10**18)).then(whole)
    seconds, parts = sane // per_second, sane % per_second
    micros = parts * 10**6 // per_second + rest // (1000 * per_second)
    return _text((seconds * 10**6 + micros).cast(pl.Datetime("us", "UTC")))
