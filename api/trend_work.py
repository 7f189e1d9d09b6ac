"""Trends: usage read in one snapshot, then computed away from the event loop. Shared by the endpoint and the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from analytics.trends import Trend, span_of, trend
from api.state import Shell
from meter.coverage.share import Counts, together
from meter.errors import InvalidParameter
from meter.labels import Filter
from meter.model import Meter, Team
from meter.rating.totals import ADDITIVE
from meter.segments import EXACT
from meter.usage import EARLIEST, LATEST, SHOWN, Item, Query, read
from meter.windows import Window, count_at_most

MAX_WINDOWS = 40_000  # a year of quarters
MAX_ITEMS = 200_000
EXACT_BELOW = Decimal("1e25")  # what 38 digits can add up with twelve of them behind the point

Columns = tuple[list[datetime], list[Decimal | None], list[str | None]]


class Question(NamedTuple):
    """A trend of one meter over [start, end), widened to whole windows of the zone; by one dimension or none.

    Of these members only, None for all.
    """

    meter: str
    start: datetime
    end: datetime
    window: Window
    zone: ZoneInfo
    group_by: str | None = None
    members: tuple[str, ...] | None = None


class Answer(NamedTuple):
    """The trend, the meter it is of, and when the team's data last changed (None: never).

    `coverage` is that of the trend's own span; None where nobody knows how much data there should be.
    """

    meter: Meter
    as_of: datetime | None
    coverage: Counts | None
    trend: Trend


async def answer(shell: Shell, team: Team, question: Question) -> Answer:
    """The trend as the data stands now: a window not over yet is incomplete, one without data is a gap.

    Raises:
        InvalidParameter: an empty or too long range, more windows and groups than can be computed at once.
        UnknownMeter: the team has none of that name.
        RawDataGone: the range begins within a quarter of an hour whose raw events are dropped.
    """
    check(question)
    span = span_of(question.start, question.end, question.window, question.zone.key)
    async with shell.readers.connection() as conn:
        usage = await read(conn, team, _query(question, span.read_from, span.to), shell.clock())
    (reading,) = usage.readings
    if len(reading.items) > MAX_ITEMS:
        raise InvalidParameter(f"{len(reading.items)} items, {MAX_ITEMS} at most: ask for less time or longer windows")
    additive = reading.aggregation in ADDITIVE
    found = await shell.cpu.run(compute, _columns(reading.items), question, shell.clock(), additive=additive)
    coverage = None if reading.cover is None else together(reading.cover.ranges[-span.windows :])
    return Answer(reading.meter, usage.as_of, coverage, found)


def check(question: Question) -> None:
    """Refuses ranges that are empty, outside the calendar, or cut too fine. Raises InvalidParameter."""
    if not EARLIEST < question.start < question.end < LATEST:
        raise InvalidParameter(f"`from` must lie before `to`, both between {EARLIEST.year} and {LATEST.year}")
    if count_at_most(question.start, question.end, question.window) > MAX_WINDOWS:
        raise InvalidParameter(f"more than {MAX_WINDOWS} windows; ask for a shorter range or longer windows")


def _query(question: Question, read_from: datetime, to: datetime) -> Query:
    return Query(
        meters=(question.meter,),
        start=read_from,
        end=to,
        zone=question.zone,
        window=question.window,
        filters=() if question.members is None else (Filter("member", "in", question.members),),
        group_by=() if question.group_by is None else (question.group_by,),
    )


def _columns(items: Sequence[Item]) -> Columns:
    groups = [item.group[0] if item.group else None for item in items]
    return [item.start for item in items], [item.quantity for item in items], groups


def compute(columns: Columns, question: Question, now: datetime, *, additive: bool) -> Trend:
    """The trend of rows that came as columns; runs in the child process."""
    starts, quantities, groups = columns
    rows = pl.DataFrame(
        {
            "start": pl.Series(starts, dtype=pl.Datetime("us", "UTC")),
            "quantity": numbers(quantities),
            "group": pl.Series(groups, dtype=pl.String),
        }
    )
    return trend(
        rows if question.group_by is not None else rows.drop("group"),
        from_=question.start,
        to=question.end,
        window=question.window,
        tz=question.zone.key,
        now=now,
        additive=additive,
    )


def numbers(quantities: Sequence[Decimal | None]) -> pl.Series:
    """Quantities as an exact column of twelve decimals; as floats where adding them up would not fit into that."""
    if sum((abs(each) for each in quantities if each is not None), Decimal(0)) < EXACT_BELOW:
        exact = [None if each is None else EXACT.quantize(each, SHOWN) for each in quantities]
        return pl.Series(exact, dtype=pl.Decimal(38, -SHOWN.adjusted()))
    return pl.Series([None if each is None else float(each) for each in quantities], dtype=pl.Float64)
