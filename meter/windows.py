"""Where windows begin and end: local calendar boundaries as UTC instants, computed here and never in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Window = Literal["15m", "hour", "day", "week", "month", "quarter", "year"]
WINDOWS: tuple[Window, ...] = get_args(Window)

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)

MONTHS: dict[Window, int] = {"month": 1, "quarter": 3, "year": 12}
LONGEST: dict[Window, int] = {"month": 31, "quarter": 92, "year": 366}  # days
SHORTEST: dict[Window, timedelta] = {  # clock changes counted
    "15m": QUARTER,
    "hour": HOUR / 2,
    "day": HOUR * 22,
    "week": DAY * 6,
    "month": DAY * 27,
    "quarter": DAY * 89,
    "year": DAY * 364,
}
EVEN: dict[Window, list[timedelta]] = {  # what divides a day, until its next begins
    "15m": [QUARTER * n for n in range(1, 96)],
    "hour": [HOUR * n for n in range(1, 24)],
}


def change_between(lo: datetime, hi: datetime, zone: ZoneInfo) -> datetime:
    """The instant in (lo, hi] at which the zone's offset changes, found by halving; the two ends' offsets differ."""
    before = lo.astimezone(zone).utcoffset()
    # Clocks change at whole seconds; halves of a fraction would never end, or end beside the change.
    lo, hi = lo.replace(microsecond=0), hi.replace(microsecond=0)
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
    """The start of the local hour; where clocks change inside one (by a half, or at a quarter to), it begins anew."""
    local = instant.astimezone(zone)
    start = instant - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return start if _offset(start, zone) == local.utcoffset() else change_between(start, instant, zone)


def _following_hour(start: datetime, zone: ZoneInfo) -> datetime:
    end = _floor_hour(start + HOUR, zone)
    last = end - MOMENT
    return end if _offset(last, zone) == _offset(start, zone) else change_between(start, last, zone)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def floor(instant: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """The start of the window that holds an instant; days, weeks (Monday), months, … begin at the zone's midnight."""
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
    if window in MONTHS:
        day = day.replace(day=1, month=day.month - (day.month - 1) % MONTHS[window])
    return utc(day, zone)


def following(start: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """The start of the window after the one that begins at `start`."""
    if window == "15m":
        return start + QUARTER
    if window == "hour":
        return _following_hour(start, zone)
    day = start.astimezone(zone).replace(tzinfo=None)
    # noon of a day in the next window: no clock change comes near it
    ahead = DAY * {"day": 1, "week": 7}.get(window, LONGEST.get(window, 0) + 2 - day.day)
    noon = (day + ahead).replace(hour=12, minute=0)
    return floor(utc(noon, zone), window, zone)


def bounds(start: datetime, end: datetime, window: Window | None, zone: ZoneInfo) -> list[datetime]:
    """The instants that cut [start, end) into windows: both ends and every window start between them, ascending."""
    found = [start]
    if window is not None:
        edge = following(floor(start, window, zone), window, zone)
        while edge < end:
            found.append(edge)
            if window in EVEN and edge + DAY < end and (window == "15m" or _even(edge, zone)):
                found += [edge + step for step in EVEN[window]]
                edge += DAY
            else:
                edge = following(edge, window, zone)
    found.append(end)
    return found


def _even(edge: datetime, zone: ZoneInfo) -> bool:
    """Whether the edge is a full hour and the clock stays in the day after it: its hours need only be added up."""
    local = edge.astimezone(zone)
    return not (local.minute or local.second) and local.utcoffset() == _offset(edge + DAY, zone)


def count_at_most(start: datetime, end: datetime, window: Window | None) -> int:
    """An upper bound of how many windows a range has, without making them (so that a refusal is cheap)."""
    if window is None:
        return 1
    return (end - start) // SHORTEST[window] + 3  # ragged at both ends, and one that a clock change cut shorter still


def month_seconds(instant: datetime, zone: ZoneInfo) -> Decimal:
    """Seconds of the zone's calendar month that holds an instant; clock changes counted."""
    start = floor(instant, "month", zone)
    return Decimal(int((following(start, "month", zone) - start).total_seconds()))


def preceding(start: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """The start of the window before the one that begins at `start`."""
    return floor(start - MOMENT, window, zone)
