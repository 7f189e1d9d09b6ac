"""One JSON object a line; objects inside are columns named by their path, as in `usage.input_tokens`.

Only what is inside `attributes` stays as it is, below its first names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from meter.load.source import JSON, ROW, Bad, Batch, Format, LoadError, Position, Reading
from meter.load.text import Lines, lines, without_bom

SAMPLE = 10_000
DEEPEST = 8
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
Record = dict[str, object]


class Ndjson:
    """An open NDJSON file: values become text, numbers digit by digit; its columns are those of the first rows."""

    fixed: bool = False
    rows: int | None = None

    def __init__(self, path: Path, _reading: Reading) -> None:
        """Looks at the first rows. Raises LoadError when none of them is an object."""
        self._path = path
        first = next(self.batches(Position(), SAMPLE), None)
        if first is None or first.frame.is_empty():
            why = f" (row 1: {first.bad[0].detail})" if first and first.bad else ""
            raise LoadError(f"there is no JSON object in the first lines{why}; one object a line is read")
        names = [name for name in first.frame.columns if name != ROW and not name.startswith(JSON)]
        self.columns: Mapping[str, pl.DataType] = dict.fromkeys(names, pl.String())

    def batches(self, start: Position, size: int) -> Iterator[Batch]:
        """As Reader says; a line that is no object is told as bad."""
        with lines(self._path, start.bytes) as found:
            row = start.rows
            while taken := list(islice(found, size)):
                if row == 0:
                    taken[0] = without_bom(taken[0])
                taken = [line for line in taken if line.strip()]
                yield _batch(taken, row, found)
                row += len(taken)


def _batch(taken: Sequence[bytes], row: int, found: Lines) -> Batch:
    good: list[tuple[int, Record]] = []
    bad: list[Bad] = []
    for number, line in enumerate(taken, row + 1):
        try:
            good.append((number, _flat(_decode(line))))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            bad.append(Bad(number, "invalid_event", str(error)[:500], line.decode("utf-8", "backslashreplace").strip()))
    return Batch(_frame(good), bad, Position(row + len(taken), found.offset), found.read_bytes())


def _flat(record: Record) -> Record:
    """The leaves of a record by their path. Raises ValueError when two have the same path."""
    if not any(isinstance(value, dict) for value in record.values()):
        return record
    flat: Record = {}
    for path, value in _leaves(record, "", 0):
        if path in flat:
            raise ValueError(f"{path!r} is there twice, as a name and as a path")
        flat[path] = value
    return flat


def _leaves(record: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        if isinstance(value, dict) and depth < DEEPEST and prefix != "attributes.":
            yield from _leaves(value, f"{prefix}{name}.", depth + 1)
        else:
            yield prefix + name, value


def _frame(good: Sequence[tuple[int, Record]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for _, record in good for name in record))
    series = [pl.Series(ROW, [number for number, _ in good], pl.Int64)]
    for name in names:
        values = [record.get(name) for _, record in good]
        if all(value is None for value in values):
            continue
        if any(value is not None and type(value) is not str for value in values):
            texts = [None if value is None else _encode(value).decode() for value in values]
            series.append(pl.Series(JSON + name, texts, pl.String))
            values = [value if type(value) is str else text for value, text in zip(values, texts, strict=True)]
        series.append(pl.Series(name, values, pl.String))
    return pl.DataFrame(series)


FORMAT = Format("ndjson", (".ndjson", ".jsonl", ".json"), Ndjson)
