"""Peaks: the windows of a span, read in one snapshot, then computed apart from the event loop."""

from __future__ import annotations

from decimal import Decimal

from analytics.peaks import Peaks, peaks, span_of
from api.analytics_job import computed, windowed
from api.analytics_rows import Question, Rows, check, read
from api.state import Shell
from meter.model import Team
from meter.spans import Span
from meter.windows import Window

USUAL: Window = "hour"


async def found(
    shell: Shell, team: Team, question: Question, threshold: Decimal | None, top: int
) -> tuple[Rows, Peaks]:
    """The peaks of [start, end), widened to whole windows; above a threshold, or above each group's own.

    Raises:
        InvalidParameter: an empty or too long range, more windows and groups than can be computed at once.
        UnknownMeter: the team has none of that name.
        RawDataGone: the range begins within a quarter of an hour whose raw events are dropped.
    """
    check(question)
    window = question.window or USUAL
    span = span_of(question.start, question.end, window, question.zone.key)
    rows = await read(shell, team, question, [Span(span.from_, span.to)])
    asked = windowed(shell, question, window, rows) | {"threshold": threshold, "top": top}
    return rows, await computed(shell, Peaks, peaks, rows, **asked)
