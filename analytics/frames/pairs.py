"""Which window is compared with which: with the span before, or a year ago, by the zone's calendar and clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from analytics.frames.grid import INSTANT, whole_windows
from meter.windows import Window, bounds, floor, following, utc

Against = Literal["before", "year_ago"]

YEAR_OF_WEEKS = timedelta(weeks=52)
CLOCKED: tuple[Window, ...] = ("15m", "hour")  # known by the wall clock; all longer ones by their first date

Couple = tuple[datetime, datetime]  # start and end of a window, UTC
Label = tuple[datetime, int]  # a wall-clock time without zone, and 1 if it is the second of that name
Shift = Callable[[datetime], datetime | None]  # of a wall-clock time; None where the calendar has no counterpart


class Spans(NamedTuple):
    """Whole windows: [from_, to) is compared with [base_from, base_to), which is empty for a 29 February alone."""

    from_: datetime
    to: datetime
    base_from: datetime
    base_to: datetime


def paired(
    from_: datetime, to: datetime, window: Window, zone: ZoneInfo, against: Against
) -> tuple[Spans, pl.DataFrame]:
    """Answer [from_, to) widened to whole windows, the span it is compared with, and the pairs of windows.

    Columns: `start`, `end`, `base_start`, `base_end` (UTC); the last two are null for a window without counterpart.

    `before`: as many windows, which end where the span begins, in their order. Of whole local days, hours and quarters
    of an hour are compared with the same wall clock as many days before.
    `year_ago`: the same local date (and wall clock) of the year before; a week, which is no date, with the one 52 weeks
    before. 29 February has no counterpart and is none.
    By the wall clock, an hour that a clock change skips or repeats has no counterpart on a day that did not. Days have
    one however long they are.

    Raises:
        ValueError: an empty span.
    """
    if from_ >= to:
        raise ValueError("The span is empty: `from` must lie before `to`.")
    start, end = floor(from_, window, zone), floor(to, window, zone)
    end = end if end == to else following(end, window, zone)
    shift = _shift(start, end, window, zone, against)
    return _in_order(start, end, window, zone) if shift is None else _by_label(start, end, window, zone, shift)


def _shift(start: datetime, end: datetime, window: Window, zone: ZoneInfo, against: Against) -> Shift | None:
    """Answer where on the wall a counterpart is found; None if windows are simply counted."""
    if against == "year_ago":
        return (lambda wall: wall - YEAR_OF_WEEKS) if window == "week" else _year_before
    whole_days = all(edge == floor(edge, "day", zone) for edge in (start, end))
    if window not in CLOCKED or not whole_days:
        return None
    length = _label(end, "day", zone)[0] - _label(start, "day", zone)[0]
    return lambda wall: wall - length


def _year_before(wall: datetime) -> datetime | None:
    """Answer the same date and time a year before; None for 29 February."""
    try:
        return wall.replace(year=wall.year - 1)
    except ValueError:
        return None


def _label(start: datetime, window: Window, zone: ZoneInfo) -> Label:
    """Answer what a window is called on the wall: the time it starts, or only its date where that is enough."""
    local = start.astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    return (wall, local.fold) if window in CLOCKED else (wall.replace(hour=0, minute=0, second=0), 0)


def _by_label(
    start: datetime, end: datetime, window: Window, zone: ZoneInfo, shift: Shift
) -> tuple[Spans, pl.DataFrame]:
    """Pair windows whose names on the wall are a shift apart."""
    base_start, base_end = (_shifted_edge(edge, window, zone, shift) for edge in (start, end))
    named = {_label(each[0], window, zone): each for each in _couples(base_start, base_end, window, zone)}
    mine = _couples(start, end, window, zone)
    bases = [_counterpart(_label(each[0], window, zone), shift, named) for each in mine]
    return Spans(start, end, base_start, base_end), _frame(mine, bases)


def _counterpart(label: Label, shift: Shift, named: dict[Label, Couple]) -> Couple | None:
    """Answer the window of the shifted name, if there is one."""
    wall = shift(label[0])
    return None if wall is None else named.get((wall, label[1]))


def _shifted_edge(edge: datetime, window: Window, zone: ZoneInfo, shift: Shift) -> datetime:
    """Answer where the base span begins or ends; what is cut off at a 29 February is cut off before 1 March."""
    wall, _ = _label(edge, window, zone)
    moved = shift(wall) or datetime(wall.year - 1, 3, 1)  # noqa: DTZ001 (a time on the wall)
    return floor(utc(moved, zone), window, zone)


def _couples(start: datetime, end: datetime, window: Window, zone: ZoneInfo) -> list[Couple]:
    """Answer the windows of a span that begins and ends with whole ones."""
    return list(pairwise(bounds(start, end, window, zone))) if start < end else []


def _in_order(start: datetime, end: datetime, window: Window, zone: ZoneInfo) -> tuple[Spans, pl.DataFrame]:
    """Pair the first window with the first of as many before, and so on."""
    span, edges = whole_windows(start, end, window, zone, before_min=0)
    couples = list(pairwise(edges))
    base, mine = couples[: span.windows], couples[span.windows :]
    return Spans(start, end, base[0][0], start), _frame(mine, base)


def _frame(mine: list[Couple], bases: list[Couple] | list[Couple | None]) -> pl.DataFrame:
    """Answer the pairs as columns."""
    columns = {
        "start": [start for start, _ in mine],
        "end": [end for _, end in mine],
        "base_start": [None if base is None else base[0] for base in bases],
        "base_end": [None if base is None else base[1] for base in bases],
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, INSTANT))
