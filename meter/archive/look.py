"""The newest events of some files before a place, as drill-down shows them. Runs away from the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import polars as pl
from polars.exceptions import PolarsError

from meter.retention.weeks import WEEK

SHOWN = ("time", "event_id", "series_id", "quantity", "segment_from", "segment_to", "id", "attributes")
SHORTEST = timedelta(minutes=15)
WIDER = 4  # each look back reaches so many times as far as the one before

Row = tuple[datetime, UUID, int, Decimal, datetime | None, datetime | None, str | None, str | None]
"""Time, id, series, quantity, a segment's ends, original id, attributes: as statements for drill-down answer."""


class Source(NamedTuple):
    """A file, the week it is of, and how many rows it has."""

    path: Path
    week: datetime
    rows: int


class Question(NamedTuple):
    """The newest `rows` events in [since, until) before a time and id, of some series (None: of all that count)."""

    sources: tuple[Source, ...]  # newest first
    since: datetime
    until: datetime
    before: tuple[datetime, UUID]
    series: frozenset[int] | None
    rows: int


class UnreadableError(Exception):
    """A file is missing or damaged; the message says which."""


def newest(question: Question) -> list[Row]:
    """The events asked for, newest first. Reads file by file, and of each no further back than it must.

    Raises UnreadableError.
    """
    found: list[Row] = []
    for source in question.sources:
        if len(found) >= question.rows:
            break
        try:
            found += _of_file(source, question, question.rows - len(found))
        except (PolarsError, OSError) as error:
            raise UnreadableError(f"{source.path.name} of {source.path.parent.name}: {error}") from error
    return found


def _of_file(source: Source, question: Question, rows: int) -> list[Row]:
    """Look by look further back, each at first as long as so many rows should be in."""
    since = max(source.week, question.since)
    until = min(source.week + WEEK, question.until, question.before[0] + timedelta(microseconds=1))
    look = max(SHORTEST, WEEK * (2 * rows) / source.rows)
    scan = pl.scan_parquet(source.path, glob=False)
    found: list[Row] = []
    while until > since and len(found) < rows:
        start = since if until - since <= look else until - look
        picked = scan.filter(_wanted(question, start, until)).select(SHOWN).tail(rows - len(found)).collect()
        found += [_row(each) for each in reversed(picked.rows())]
        until, look = start, look * WIDER
    return found


def _wanted(question: Question, since: datetime, until: datetime) -> pl.Expr:
    time, event_id = question.before
    earlier = (pl.col("time") < time) | ((pl.col("time") == time) & (pl.col("event_id") < event_id.bytes))
    wanted = (pl.col("time") >= since) & (pl.col("time") < until) & earlier & ~pl.col("voided")
    if question.series is not None:
        wanted &= pl.col("series_id").is_in(pl.Series(sorted(question.series), dtype=pl.Int64).implode())
    return wanted


def _row(row: Sequence[Any]) -> Row:
    time, event_id, series_id, quantity, start, end, original_id, attributes = row
    return (
        time.astimezone(UTC),
        UUID(bytes=event_id),
        series_id,
        quantity,
        start and start.astimezone(UTC),
        end and end.astimezone(UTC),
        original_id,
        attributes,
    )
