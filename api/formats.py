"""Rows in the form a client wants them: CSV, NDJSON, Arrow or Parquet, chosen by `format` or by Accept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

import msgspec
import polars as pl

from api.request import Request
from meter.errors import InvalidParameter
from meter.segments import EXACT
from meter.usage import plain

Format = Literal["json", "csv", "ndjson", "arrow", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
SPOKEN: dict[str, Format] = {
    "application/jsonl": "ndjson",
    "application/ndjson": "ndjson",
    **{media_type: name for name, media_type in MEDIA_TYPES.items()},
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
DECIMALS = 12
WIDEST = Decimal("1e26")  # what a decimal of 38 digits holds with twelve of them behind the point

Value = str | int | Decimal | datetime | bool | None


class Column(NamedTuple):
    """The values of a column; all of one kind or None."""

    kind: type[Value]
    values: Sequence[Value]


Table = Mapping[str, Column]
"""Columns by name, all of one length."""


def format_of(request: Request, asked: Format | None, served: Sequence[Format] = FORMATS) -> Format:
    """The form asked for: `format`, else the first of Accept that is served, else JSON."""
    if asked is not None:
        return asked
    for each in request.headers.get("accept", "").split(","):
        found = SPOKEN.get(each.partition(";")[0].strip().lower())
        if found is not None and found in served:
            return found
    return "json"


def csv_cell(value: Value) -> Value:
    """A label as a spreadsheet may open it: what would be a formula is led by an apostrophe (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """The rows below a heading; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([csv_cell(name) for name in columns])
    writer.writerows([[written(csv_cell(value)) for value in row] for row in rows])
    return text.getvalue()


def written(value: Value) -> Value:
    """A value as CSV has it: instants in RFC 3339, numbers without exponents, flags in lower case."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Decimal):
        return plain(value)
    return str(value).lower() if isinstance(value, bool) else value


def instant(at: datetime) -> str:
    """A UTC instant in RFC 3339."""
    return at.isoformat().replace("+00:00", "Z")


def as_ndjson(rows: Iterable[object]) -> bytes:
    """One JSON document a line."""
    return msgspec.json.Encoder(decimal_format="string").encode_lines(list(rows))


def as_arrow(table: Table) -> bytes:
    """The columns as an Arrow IPC stream; runs in the process that computes."""
    out = io.BytesIO()
    _frame(table).write_ipc_stream(out)
    return out.getvalue()


def as_parquet(table: Table) -> bytes:
    """The columns as a Parquet file; runs in the process that computes."""
    out = io.BytesIO()
    _frame(table).write_parquet(out)
    return out.getvalue()


def check_fits(quantities: Iterable[Value]) -> None:
    """Refuses what a column of 38 digits can't hold. Raises InvalidParameter."""
    if any(isinstance(each, Decimal) and abs(each) >= WIDEST for each in quantities):
        raise InvalidParameter("format: a quantity is too large for a decimal of 38 digits; ask for JSON or CSV")


def _frame(table: Table) -> pl.DataFrame:
    return pl.DataFrame([_series(name, *column) for name, column in table.items()])


def _series(name: str, kind: type[Value], values: Sequence[Value]) -> pl.Series:
    """A column of instants, exact decimals, whole numbers, flags or text: of its kind though nothing be in it."""
    if kind is Decimal:
        exact = [
            EXACT.quantize(each, Decimal(1).scaleb(-DECIMALS)) if isinstance(each, Decimal) else None for each in values
        ]
        return pl.Series(name, exact, dtype=pl.Decimal(38, DECIMALS))
    kinds: dict[type[Value], pl.DataType] = {
        datetime: pl.Datetime("us", "UTC"),
        int: pl.Int64(),
        bool: pl.Boolean(),
        str: pl.String(),
    }
    return pl.Series(name, values, dtype=kinds[kind])
