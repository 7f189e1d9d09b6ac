"""Breakdowns: a period and the one to compare it with, read in one snapshot, computed apart from the event loop."""

from __future__ import annotations

from typing import Literal

import polars as pl

from analytics.breakdown import Base, Breakdown, Order, breakdown
from api.analytics_job import computed
from api.analytics_rows import Question, Rows, check, read
from api.state import Shell
from meter.errors import InvalidParameter
from meter.model import Team
from meter.ranges import earlier
from meter.spans import Span
from meter.usage import EARLIEST

Against = Literal["previous", "year", "none"]


async def found(
    shell: Shell, team: Team, question: Question, order: Order, top: int | None, against: Against
) -> tuple[Rows, Breakdown]:
    """What the total of [start, end) is made of, and what changed it.

    Raises:
        InvalidParameter: an empty range, a meter that can't be added up, an order by change without a base.
        UnknownMeter: the team has none of that name.
        RawDataGone: a period begins within a quarter of an hour whose raw events are dropped.
    """
    check(question)
    if order == "change" and against == "none":
        raise InvalidParameter("order: without `against` there is no change; say against=previous or against=year")
    spans = [Span(question.start, question.end)]
    if against != "none":
        spans.append(_base(question, against))
    rows = await read(shell, team, question, spans)
    if not rows.additive:
        raise InvalidParameter(f"meter: {question.meters[0]} can't be added up, so nothing is a part of it")
    return rows, await computed(shell, Breakdown, broken_down, rows, spans=spans, order=order, top=top)


def _base(question: Question, against: Literal["previous", "year"]) -> Span:
    """As much time before, in whole calendar units where the period is made of them; or the same a year ago."""
    (base,) = earlier([Span(question.start, question.end)], against, None, question.zone)
    if base.start < EARLIEST:
        raise InvalidParameter(f"against: nothing lies before {EARLIEST.year}")
    if base.start >= base.end:
        raise InvalidParameter("against: the year before has no such day")
    return base


def broken_down(*frames: pl.DataFrame, spans: list[Span], order: Order, top: int | None) -> Breakdown:
    """What the rows of each period say."""
    (rows, (start, end)), *before = zip(frames, spans, strict=True)
    base = Base(before[0][0], *before[0][1]) if before else None
    return breakdown(rows, from_=start, to=end, base=base, order=order, top=top)
