"""A pure job on rows that were read, computed in the child process. What goes there and what comes back is packed.

Pickled one by one, the instants and numbers of a year of hours and an answer with as many points take 140 ms to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec
import polars as pl

from analytics.frames.grid import INSTANT, microseconds
from api.analytics_rows import Columns, Question, Rows
from api.state import Shell
from meter.segments import EXACT
from meter.usage import SHOWN
from meter.windows import Window

T = TypeVar("T")

NUMBER = pl.Decimal(38, -SHOWN.adjusted())
EXACT_BELOW = Decimal("1e25")  # what 38 digits can add up with twelve of them behind the point


class Packed(NamedTuple):
    """Columns as they are sent: starts in microseconds since 1970, numbers as text."""

    starts: list[int]
    numbers: list[str | None]
    groups: list[str | None] | None


async def computed(shell: Shell, kind: type[T], job: Callable[..., T], rows: Rows, **asked: object) -> T:
    """What a job answers of a frame for each span that was read, computed apart from the event loop.

    `kind` is the type of the answer. `job` is a function at module level.
    """
    sent = [await asyncio.to_thread(packed, each) for each in rows.columns]
    return msgspec.msgpack.decode(await shell.cpu.run(_encoded, job, sent, asked), type=kind)


def windowed(shell: Shell, question: Question, window: Window, rows: Rows) -> dict[str, object]:
    """What every job about windows is asked beside its rows: which windows, as known now."""
    return {
        "from_": question.start,
        "to": question.end,
        "window": window,
        "tz": question.zone.key,
        "now": shell.clock(),
        "additive": rows.additive,
    }


def packed(columns: Columns) -> Packed:
    """The columns as they are sent."""
    return Packed(
        microseconds(columns.starts),
        [None if number is None else str(number) for number in columns.numbers],
        columns.groups if columns.grouped else None,
    )


def _encoded(job: Callable[..., object], sent: Sequence[Packed], asked: dict[str, object]) -> bytes:
    """What the job answers; runs in the child process."""
    return msgspec.msgpack.encode(job(*map(frame, sent), **asked))


def frame(sent: Packed) -> pl.DataFrame:
    """The rows as a pure job takes them."""
    columns = {
        "start": pl.Series(sent.starts, dtype=pl.Int64).cast(INSTANT),
        "quantity": numbers([None if text is None else Decimal(text) for text in sent.numbers]),
    }
    return pl.DataFrame(
        columns if sent.groups is None else columns | {"group": pl.Series(sent.groups, dtype=pl.String)}
    )


def numbers(quantities: Sequence[Decimal | None]) -> pl.Series:
    """Quantities as an exact column of twelve decimals; as floats where adding them up would not fit into that."""
    if sum((abs(each) for each in quantities if each is not None), Decimal(0)) < EXACT_BELOW:
        # rounded here, half up: polars would round half to even; from text it makes decimals twenty times as fast
        exact = [None if each is None else f"{EXACT.quantize(each, SHOWN):f}" for each in quantities]
        return pl.Series(exact, dtype=pl.String).cast(NUMBER)
    return pl.Series([None if each is None else float(each) for each in quantities], dtype=pl.Float64)
