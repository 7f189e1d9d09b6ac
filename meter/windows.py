"""Where windows begin and end: local calendar boundaries as UTC instants, computed here and never in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Window = Literal["15m", "hour", "day", "week", "month"]
WINDOWS: tuple[Window, ...] = get_args(Window)

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)


def change_between(lo: datetime, hi: datetime, zone: ZoneInfo) -> datetime:
    """The instant in (lo, hi] at which the zone's offset changes, found by halving; the two ends' offsets differ."""
    before = lo.astimezone(zone).utcoffset()
    hi = hi.replace(microsecond=0)  # clocks change at whole seconds; halves of a fraction would never end
    while hi - lo > timedelta(seconds=1):
        middle = lo + timedelta(seconds=int((hi - lo).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == before:
            lo = middle
        else:
            hi = middle
    return hi


def utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall-clock time; one that a clock change skips is the instant of the change."""
    early, late = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early > late:  # only a skipped time has its folds in this order (PEP 495)
        return change_between(late, early, zone)
    return early


def _floor_hour(instant: datetime, zone: ZoneInfo) -> datetime:
    local = instant.astimezone(zone)
    if not (local.minute or local.second or local.microsecond):
        return instant
    start = instant - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    if start.astimezone(zone).minute:  # a change by half an hour lies between: the hour begins anew there
        return change_between(start, instant, zone)
    return start


def floor(instant: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """The start of the window that holds an instant; days, weeks (Monday) and months begin at the zone's midnight."""
    if window == "15m":
        return instant - (instant - ORIGIN) % QUARTER
    if window == "hour":
        return _floor_hour(instant, zone)
    local = instant.astimezone(zone)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    if local.fold and utc(day + DAY, zone) <= instant:  # set back across midnight: the next day had begun before
        day += DAY
    if window == "week":
        day -= DAY * day.weekday()
    if window == "month":
        day = day.replace(day=1)
    return utc(day, zone)


def following(start: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """The start of the window after the one that begins at `start`."""
    if window == "15m":
        return start + QUARTER
    if window == "hour":
        return _floor_hour(start + HOUR, zone)
    day = start.astimezone(zone).replace(tzinfo=None)
    # noon of a day in the next window: no clock change comes near it
    ahead = {"day": DAY, "week": 7 * DAY, "month": 32 * DAY - DAY * (day.day - 1)}[window]
    noon = (day + ahead).replace(hour=12, minute=0)
    return floor(utc(noon, zone), window, zone)


def bounds(start: datetime, end: datetime, window: Window | None, zone: ZoneInfo) -> list[datetime]:
    """The instants that cut [start, end) into windows: both ends and every window start between them, ascending."""
    found = [start]
    if window is not None:
        edge = following(floor(start, window, zone), window, zone)
        while edge < end:
            found.append(edge)
            edge = following(edge, window, zone)
    found.append(end)
    return found


def count_at_most(start: datetime, end: datetime, window: Window | None) -> int:
    """An upper bound of how many windows a range has, without making them (so that a refusal is cheap)."""
    if window is None:
        return 1
    shortest = {"15m": QUARTER, "hour": HOUR / 2, "day": HOUR * 22, "week": DAY * 6, "month": DAY * 27}[window]
    return (end - start) // shortest + 3  # ragged at both ends, and one that a clock change cut shorter still


def month_seconds(instant: datetime, zone: ZoneInfo) -> Decimal:
    """Seconds of the zone's calendar month that holds an instant; clock changes counted."""
    start = floor(instant, "month", zone)
    return Decimal(int((following(start, "month", zone) - start).total_seconds()))
