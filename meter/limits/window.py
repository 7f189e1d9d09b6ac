"""In which window of a budget does an instant lie? Calendar windows begin at the team's local instants. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from meter import windows
from meter.limits.budget import Budget, Span
from meter.rating.periods import Period
from meter.windows import ORIGIN

SINCE, UNTIL = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""The window of what never begins anew: as far as any question about usage reaches."""

SLOTS: Final = 60
_CALENDAR: Final[dict[Span, windows.Window]] = {
    "hour": "hour",
    "day": "day",
    "week": "week",
    "month": "month",
    "quarter": "quarter",
    "year": "year",
}


class Window(NamedTuple):
    """The instants from `start` up to but not including `end`."""

    start: datetime
    end: datetime


_lately: Final[dict[tuple[windows.Window, str], Window]] = {}
"""The calendar window last asked about, by kind and zone: finding one takes longer than all else about a limit."""


def window(budget: Budget, at: datetime, zone: ZoneInfo, billing: Period | None) -> Window:
    """The window of a budget that holds an instant; of a rolling one, its slot.

    `billing` is the billing period that holds it, None of a team without a plan: then it is the calendar month.
    Raises ValueError for a billing period that does not hold it.
    """
    if budget.seconds is not None:
        return slot(budget.seconds, at)
    if budget.window == "ever":
        return Window(SINCE, UNTIL)
    if budget.window == "billing":
        return billed(at, zone, billing)
    return _calendar(_CALENDAR[budget.window], at, zone)


def _calendar(named: windows.Window, at: datetime, zone: ZoneInfo) -> Window:
    """The window that holds an instant; most ask about the one that was asked about before."""
    known = _lately.get((named, zone.key))
    if known is not None and known.start <= at < known.end:
        return known
    start = windows.floor(at, named, zone)
    found = _lately[named, zone.key] = Window(start, windows.following(start, named, zone))
    return found


def billed(at: datetime, zone: ZoneInfo, billing: Period | None) -> Window:
    """The billing period that holds an instant, of a team without a plan the calendar month. Raises as `window`."""
    if billing is None:
        return _calendar("month", at, zone)
    if at not in billing:
        raise ValueError(f"{at.isoformat()} is not in the billing period from {billing.start.isoformat()}")
    return Window(billing.start, billing.end)


def width(seconds: int) -> timedelta:
    """How long a slot of a rolling window is: a sixtieth in whole seconds, rounded up, so one second at least."""
    return timedelta(seconds=-(-seconds // SLOTS))


def slot(seconds: int, at: datetime) -> Window:
    """The slot of a rolling window that holds an instant."""
    long = width(seconds)
    start = at - (at - ORIGIN) % long
    return Window(start, start + long)


def oldest(seconds: int, at: datetime) -> datetime:
    """Where the oldest slot begins that is not wholly out of the rolling window that ends at an instant."""
    return slot(seconds, at - timedelta(seconds=seconds)).start


def falls_out(seconds: int, start: datetime) -> datetime:
    """When the slot that began at `start` is wholly out of the window."""
    return start + width(seconds) + timedelta(seconds=seconds)
