"""Where usage is cut to be billed: at months, and for prices by the time of day where the local clock reaches them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meter import windows
from meter.rating.periods import Period
from meter.windows import month_seconds


class Cuts(NamedTuple):
    """Bounds, and for each slot between two of them the seconds of its month and an instant that stands for it.

    Slots of one weekday and time of day have the same instant, the first of them; None where the time does not matter.
    """

    bounds: list[datetime]
    month_seconds: list[int]
    at: Sequence[datetime | None]


def cut_at(cuts: Cuts, edges: Iterable[datetime]) -> Cuts:
    """The same slots, each cut further at the edges that lie in it."""
    bounds = sorted({*cuts.bounds, *(edge for edge in edges if cuts.bounds[0] < edge < cuts.bounds[-1])})
    slots = [bisect_right(cuts.bounds, start) - 1 for start in bounds[:-1]]
    return Cuts(bounds, [cuts.month_seconds[slot] for slot in slots], [cuts.at[slot] for slot in slots])


def monthly(period: Period) -> Cuts:
    """A slot for each calendar month that the period touches."""
    zone = ZoneInfo(period.zone)
    bounds = windows.bounds(period.start, period.end, "month", zone)
    return Cuts(bounds, _lengths(bounds, zone), [None] * (len(bounds) - 1))


def by_clock(period: Period, minutes: Sequence[int]) -> Cuts:
    """A slot wherever the local clock passes one of these minutes of the day, or is itself put forward or back."""
    zone = ZoneInfo(period.zone)
    # Hours begin anew where the clock changes, so a time that comes twice is cut twice.
    edges = set(windows.bounds(period.start, period.end, "hour", zone))
    days = windows.bounds(period.start, period.end, "day", zone)
    edges |= {each for day in days for each in _reached(day, minutes, zone) if period.start < each < period.end}
    edges |= set(windows.bounds(period.start, period.end, "month", zone))
    bounds = sorted(edges)
    first: dict[tuple[int, int], datetime] = {}
    at = [first.setdefault(_time(start, minutes, zone), start) for start in bounds[:-1]]
    return Cuts(bounds, _lengths(bounds, zone), at)


def _reached(day: datetime, minutes: Sequence[int], zone: ZoneInfo) -> set[datetime]:
    """When the clock shows these minutes on the local day of an instant, both times where it does so twice."""
    midnight = day.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    shown = [midnight + timedelta(minutes=minute) for minute in minutes]
    twice = [each.replace(tzinfo=zone, fold=1).astimezone(day.tzinfo) for each in shown]
    return {*(windows.utc(each, zone) for each in shown), *twice}


def _time(start: datetime, minutes: Sequence[int], zone: ZoneInfo) -> tuple[int, int]:
    local = start.astimezone(zone)
    return local.weekday(), bisect_right(minutes, local.hour * 60 + local.minute)


def _lengths(bounds: Sequence[datetime], zone: ZoneInfo) -> list[int]:
    known: dict[tuple[int, int], int] = {}
    lengths = []
    for start in bounds[:-1]:
        local = start.astimezone(zone)
        key = (local.year, local.month)
        if key not in known:
            known[key] = int(month_seconds(start, zone))
        lengths.append(known[key])
    return lengths
