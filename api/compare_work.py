"""Comparisons: two spans, or months, read in one snapshot and then computed apart from the event loop."""

from __future__ import annotations

from typing import Literal

from analytics.compare import Comparison, MonthOverMonth, compare, month_over_month, months_of, spans_of
from analytics.frames.pairs import Against as Paired
from api.analytics_job import computed, windowed
from api.analytics_rows import Columns, Question, Rows, check, read
from api.state import Shell
from meter.model import Team
from meter.spans import Span
from meter.windows import Window

Against = Literal["previous", "year"]
USUAL: Window = "day"
PAIRED: dict[Against, Paired] = {"previous": "before", "year": "year_ago"}


async def found(shell: Shell, team: Team, question: Question, against: Against) -> tuple[Rows, Comparison]:
    """How [start, end), widened to whole windows, compares: only windows count that are over on both sides.

    Raises:
        InvalidParameter: an empty or too long range, more windows and groups than can be computed at once.
        UnknownMeter: the team has none of that name.
        RawDataGone: a span begins within a quarter of an hour whose raw events are dropped.
    """
    check(question)
    window = question.window or USUAL
    spans = spans_of(question.start, question.end, window, question.zone.key, PAIRED[against])
    rows = await read(shell, team, question, _disjoint(Span(*spans[:2]), Span(*spans[2:])))
    whole = rows._replace(columns=(together(rows.columns),))
    asked = windowed(shell, question, window, rows) | {"against": PAIRED[against]}
    return rows, await computed(shell, Comparison, compare, whole, **asked)


def _disjoint(span: Span, base: Span) -> list[Span]:
    """What to read: more than a year against a year ago overlaps, and nothing may come twice."""
    return [span, Span(base.start, min(base.end, span.start))]


async def months(shell: Shell, team: Team, question: Question, count: int) -> tuple[Rows, MonthOverMonth]:
    """The last complete months of the zone and the running one, each against the month before. Raises as `found`."""
    now, tz = shell.clock(), question.zone.key
    span = months_of(count, tz, now)
    asked = question._replace(start=span.read_from, end=span.to, window="month")
    rows = await read(shell, team, asked, [Span(span.read_from, span.to)], span.from_)
    about = {"months": count, "tz": tz, "now": now, "additive": rows.additive}
    return rows, await computed(shell, MonthOverMonth, month_over_month, rows, **about)


def together(parts: tuple[Columns, ...]) -> Columns:
    """The rows of several spans as one."""
    return Columns(
        [start for part in parts for start in part.starts],
        [number for part in parts for number in part.numbers],
        [group for part in parts for group in part.groups],
        grouped=parts[0].grouped,
    )
