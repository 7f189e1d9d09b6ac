"""Which level answers which part of a range: the coarsest buckets that no bound cuts, raw events for a cut quarter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from meter.windows import DAY, HOUR, ORIGIN, QUARTER


class Span(NamedTuple):
    """A half-open range of UTC instants."""

    start: datetime
    end: datetime


class Spans(NamedTuple):
    """A range taken apart by level; together the spans cover it exactly once. Raw spans never leave their quarter."""

    daily: list[Span]
    hourly: list[Span]
    quarter: list[Span]
    raw: list[Span]


def _cells(part: Span, cuts: Iterable[datetime], width: timedelta) -> list[datetime]:
    """Starts of the grid cells of one width that a cut lies strictly inside of; the part's own ends cut too."""
    inside = {cut - offset for cut in (*cuts, part.start, part.end) if (offset := (cut - ORIGIN) % width)}
    return sorted(cell for cell in inside if cell < part.end and cell + width > part.start)


def _split(part: Span, cuts: Sequence[datetime], width: timedelta) -> tuple[list[Span], list[Span]]:
    """The part as (whole cells of this width, merged) and (what the level below must answer)."""
    whole: list[Span] = []
    below: list[Span] = []
    at = part.start
    for cell in _cells(part, cuts, width):
        if at < cell:
            whole.append(Span(at, cell))
        lo, hi = max(cell, part.start), min(cell + width, part.end)
        if below and below[-1].end == lo and width > QUARTER:
            below[-1] = Span(below[-1].start, hi)
        else:
            below.append(Span(lo, hi))
        at = hi
    if at < part.end:
        whole.append(Span(at, part.end))
    return whole, below


def spans(bounds: Sequence[datetime]) -> Spans:
    """The range from the first bound to the last, cut at every bound between, taken apart by level.

    A daily span never holds a bound inside a day, an hourly one none inside an hour, a quarter one none inside a
    quarter; each raw span lies between two neighbouring bounds, inside one quarter.
    """
    daily, rest = _split(Span(bounds[0], bounds[-1]), bounds, DAY)
    levels: list[list[Span]] = []
    for width in (HOUR, QUARTER):
        whole: list[Span] = []
        below: list[Span] = []
        for part in rest:
            found, left = _split(part, _within(bounds, part), width)
            whole += found
            below += left
        levels.append(whole)
        rest = below
    raw = [piece for part in rest for piece in _cut(part, _within(bounds, part))]
    return Spans(daily, levels[0], levels[1], raw)


def _within(bounds: Sequence[datetime], part: Span) -> Sequence[datetime]:
    return bounds[bisect_left(bounds, part.start) : bisect_right(bounds, part.end)]


def _cut(part: Span, cuts: Sequence[datetime]) -> list[Span]:
    edges = [part.start, *(cut for cut in cuts if part.start < cut < part.end), part.end]
    return [Span(lo, hi) for lo, hi in pairwise(edges)]
