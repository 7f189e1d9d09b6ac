"""Rows to events: the JSON text of each, made column by column in polars, and the rows that can't be one. No I/O.

Quantities travel as text, digit by digit as they stand in the file; doubles by their shortest text. What is missing is
left out, not sent as null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import polars as pl

from meter.load.mapping import Columns, MappingError, unplaced, with_others
from meter.load.source import JSON, ROW, Bad, Batch, LoadError
from meter.load.times import rfc3339

LARGEST_EVENT = 1 << 20
_TIME = "\0time"
_WHY = "\0why"
_NO_TIME = "invalid_time"
_NO_ID = "identity_missing"
_PLAIN = ("id", "meter", "member", "service", "source")


class Ready(NamedTuple):
    """Events to send in order, the number of each one's row, and the rows that make none."""

    texts: pl.Series
    rows: pl.Series
    bad: list[Bad]


def events(batch: Batch, columns: Columns, source: str) -> Ready:
    """The events of a batch; without a column for ids they are named by `source` and their row's number.

    Raises MappingError when a column's type does not fit what it is mapped to.
    """
    frame = batch.frame
    names = [name for name in frame.columns if name != ROW and not name.startswith(JSON)]
    homeless = [] if columns.others in ("ignore", "attributes") else unplaced(columns, names)
    columns = with_others(columns, names)
    absent = {*columns.map.values()} - {*names}
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in sorted(absent))
    frame = _judged(frame, columns, homeless)
    if frame.get_column(_WHY).null_count() < frame.height:
        wrong = frame.filter(pl.col(_WHY).is_not_null())
        bad = [*batch.bad, *_bad(wrong, batch.frame, columns, homeless)]
        frame = frame.filter(pl.col(_WHY).is_null())
    else:
        bad = list(batch.bad)
    texts = frame.select(_event(frame, columns, source).alias("event")).to_series()
    rows = frame.get_column(ROW)
    fits = texts.str.len_bytes() <= LARGEST_EVENT
    if not fits.all():
        there = originals(batch.frame, rows.filter(~fits))
        bad += [
            Bad(row, "string_too_long", f"an event takes {LARGEST_EVENT} bytes at most", there[row]) for row in there
        ]
        texts, rows = texts.filter(fits), rows.filter(fits)
    return Ready(texts, rows, bad)


def _judged(frame: pl.DataFrame, columns: Columns, homeless: Sequence[str]) -> pl.DataFrame:
    """The frame with the time as text, and why a row can't be an event (null: it can)."""
    schema = frame.schema
    why = pl.lit(None, pl.String)
    if homeless:
        lost = pl.any_horizontal(pl.col(name).is_not_null() for name in homeless)
        why = pl.when(lost).then(pl.lit("invalid_event"))
    if "id" in columns.map:
        why = pl.when(pl.col(columns.map["id"]).is_null()).then(pl.lit(_NO_ID)).otherwise(why)
    if "time" in columns.map:
        name = columns.map["time"]
        frame = frame.with_columns(rfc3339(name, schema[name], columns.zone, columns.time_unit).alias(_TIME))
        # without a time of its own it would be counted when it arrives: not what the file says
        why = pl.when(pl.col(_TIME).is_null()).then(pl.lit(_NO_TIME)).otherwise(why)
    else:
        frame = frame.with_columns(pl.lit(columns.set["time"]).alias(_TIME))
    return frame.with_columns(why.alias(_WHY))


def _bad(wrong: pl.DataFrame, frame: pl.DataFrame, columns: Columns, homeless: Sequence[str]) -> Iterable[Bad]:
    rows = originals(frame, wrong.get_column(ROW))
    for row, code in zip(wrong.get_column(ROW), wrong.get_column(_WHY), strict=True):
        if code == _NO_TIME:
            read = f" as {columns.time_unit} since 1970" if columns.time_unit else ""
            shown = f" on a clock of {columns.zone} (it may not exist there, or twice)" if columns.zone else ""
            detail = f"column {columns.map['time']!r} has no time that can be read{read}{shown}"
        elif code == _NO_ID:
            detail = f"column {columns.map['id']!r} is empty; without it a repeated row can't be told from a new one"
        else:
            there = [name for name in homeless if name in rows[row]]
            detail = f"columns without a place: {', '.join(there)}; map or ignore them"
        yield Bad(row, code, detail, rows[row])


def originals(frame: pl.DataFrame, rows: Iterable[int]) -> dict[int, dict[str, object]]:
    """Rows as they stand in the file, by their numbers; what is empty is left out."""
    found = frame.filter(pl.col(ROW).is_in(list(rows)))
    json = {name.removeprefix(JSON) for name in frame.columns if name.startswith(JSON)}
    return {
        record[ROW]: {
            name: msgspec.Raw(record[JSON + name].encode()) if name in json else value
            for name, value in record.items()
            if value is not None and name != ROW and not name.startswith(JSON)
        }
        for record in found.iter_rows(named=True)
    }


def _event(frame: pl.DataFrame, columns: Columns, source: str) -> pl.Expr:
    """One JSON object per row: the plain fields at once, groups behind them."""
    schema = frame.schema
    fields = [pl.col(_TIME).alias("time")]
    for target in _PLAIN:
        if target in columns.map:
            fields.append(_string(columns.map[target], schema).alias(target))
        elif target in columns.set:
            fields.append(pl.lit(columns.set[target]).alias(target))
    if "id" not in columns.map:
        fields.append(pl.format("{}:{}", pl.lit(source), pl.col(ROW)).alias("id"))
    for target in ("quantity", "duration_seconds"):
        if target in columns.map:
            fields.append(_number(columns.map[target], schema).alias(target))
        elif target in columns.set:
            fields.append(pl.lit(columns.set[target]).alias(target))
    plain = pl.struct(fields).struct.json_encode()
    groups = [_group(name, columns, frame) for name in ("quantities", "dimensions", "attributes")]
    there = [group for group in groups if group is not None]
    if not there:
        return plain
    return pl.concat_str(plain.str.head(-1), *there, pl.lit("}"))


def _group(group: str, columns: Columns, frame: pl.DataFrame) -> pl.Expr | None:
    """`,"dimensions":{…}` with those members that a row has."""
    targets = columns.of_group(group)
    if not targets:
        return None
    members = [_member(target, group, columns, frame) for target in targets]
    inside = pl.concat_str(members) if len(members) > 1 else members[0]
    whole = pl.concat_str(pl.lit(f',"{group}":{{'), inside.str.strip_prefix(","), pl.lit("}"))
    return pl.when(inside != "").then(whole).otherwise(pl.lit(""))


def _member(target: str, group: str, columns: Columns, frame: pl.DataFrame) -> pl.Expr:
    """`,"name":value`, or nothing where there is no value."""
    name = target.removeprefix(f"{group}.")
    if target not in columns.map:
        return pl.lit(f",{msgspec.json.encode({name: columns.set[target]})[1:-1].decode()}")
    column, schema = columns.map[target], frame.schema
    if group == "attributes" and JSON + column in schema:
        value = pl.concat_str(pl.lit(f",{msgspec.json.encode(name).decode()}:"), pl.col(JSON + column))
    else:
        made = {"quantities": _number, "dimensions": _string, "attributes": _any}[group](column, schema)
        value = pl.concat_str(pl.lit(","), pl.struct(made.alias(name)).struct.json_encode().str.head(-1).str.slice(1))
    return pl.when(pl.col(column).is_not_null()).then(value).otherwise(pl.lit(""))


Schema = Mapping[str, pl.DataType]


def _string(name: str, schema: Schema) -> pl.Expr:
    kind = schema[name]
    if isinstance(kind, pl.String):
        return pl.col(name)
    if kind.is_numeric() or isinstance(kind, (pl.Boolean, pl.Categorical, pl.Enum)):
        return pl.col(name).cast(pl.String)
    if kind.is_temporal():
        return pl.col(name).dt.to_string("iso:strict")
    raise MappingError(f"column {name!r} is {kind}, which is no text; it may be an attribute, or be ignored")


def _number(name: str, schema: Schema) -> pl.Expr:
    if schema[name].is_numeric() or isinstance(schema[name], pl.String):
        return pl.col(name).cast(pl.String)
    raise MappingError(f"column {name!r} is {schema[name]}, which is no number")


def _any(name: str, schema: Schema) -> pl.Expr:
    if isinstance(schema[name], (pl.Binary, pl.Object, pl.Time, pl.Duration)):
        raise MappingError(f"column {name!r} is {schema[name]}, which JSON has not; --ignore it")
    return pl.col(name)


def body(texts: pl.Series) -> bytes:
    """The request body of these events: a JSON array."""
    joined = texts.str.join(",").item()
    if not isinstance(joined, str):
        raise LoadError("an event came out as null")  # would shift what the receipt says by one row
    return f"[{joined}]".encode()
