"""Trends: usage or its cost read in one snapshot, then computed apart from the event loop. For endpoint and page."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from analytics.trends import Trend, span_of, trend
from api import analytics_rows
from api.analytics_job import computed, windowed
from api.analytics_rows import Rows
from api.state import Shell
from meter.coverage.share import Counts
from meter.model import Team
from meter.spans import Span
from meter.windows import Window

USUAL: Window = "day"


class Question(NamedTuple):
    """A trend of one meter over [start, end), widened to whole windows of the zone; by one dimension or none."""

    meter: str
    start: datetime
    end: datetime
    window: Window
    zone: ZoneInfo
    group_by: str | None = None


class Answer(NamedTuple):
    """The trend, and when the team's data last changed (None: never).

    `coverage` is that of the trend's own span; None where nobody knows how much data there should be.
    """

    as_of: datetime | None
    coverage: Counts | None
    trend: Trend


async def answer(shell: Shell, team: Team, question: Question) -> Answer:
    """The trend of a meter's quantity. Raises what `found` raises."""
    meter, start, end, window, zone, group_by = question
    asked = analytics_rows.Question("quantity", (meter,), start, end, window, zone, group_by)
    rows, trend_ = await found(shell, team, asked)
    return Answer(rows.as_of, rows.coverage, trend_)


async def found(shell: Shell, team: Team, question: analytics_rows.Question) -> tuple[Rows, Trend]:
    """The trend as the data stands now: a window not over yet is incomplete, one without data is a gap.

    Raises:
        InvalidParameter: an empty or too long range, more windows and groups than can be computed at once.
        UnknownMeter: the team has none of that name.
        RawDataGone: the range begins within a quarter of an hour whose raw events are dropped.
    """
    analytics_rows.check(question)
    window = question.window or USUAL
    span = span_of(question.start, question.end, window, question.zone.key)
    rows = await analytics_rows.read(shell, team, question, [Span(span.read_from, span.to)], span.from_)
    return rows, await computed(shell, Trend, trend, rows, **windowed(shell, question, window, rows))
