"""How billing goes by months: the calendars that follow each other, and the periods in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from meter.rating.periods import Period, month_period
from meter.subscriptions.changes import Change, ChangePlan, Start
from meter.subscriptions.held import replay

_TICK = timedelta(microseconds=1)


class Calendar(msgspec.Struct, frozen=True):
    """Months from one local midnight of the anchor day to the next, as far as they lie between `start` and `end`.

    `whole` tells that its first month begins at `start`, as an anniversary's does; else that is a part of a month.
    """

    start: datetime | None
    end: datetime | None
    zone: str
    anchor_day: int
    whole: bool = False

    def period(self, instant: datetime) -> Period:
        """The period that holds an instant of this calendar."""
        month = month_period(instant, self.zone, self.anchor_day)
        start = month.start if self.start is None else max(month.start, self.start)
        end = month.end if self.end is None else min(month.end, self.end)
        return Period(start.astimezone(UTC), end.astimezone(UTC), self.zone, self.anchor_day)

    def month(self, instant: datetime) -> Period:
        """The month that the period of an instant is all of, or a part of."""
        month = month_period(instant, self.zone, self.anchor_day)
        if not self.whole or self.start is None:
            return month
        return Period(max(month.start, self.start), month.end, self.zone, self.anchor_day)


def months(changes: Iterable[Change], zone: str) -> tuple[Calendar, ...]:
    """The calendars of a team, in order and never overlapping; the first goes back without a beginning."""
    found: list[Calendar] = []
    here: Calendar | None = None
    for held in replay(changes):
        if held.begun is None:
            continue
        if here is not None:
            found.append(msgspec.structs.replace(here, end=held.at))
        here = None
        if held.plan is not None:
            here, *earlier = _begun(held.begun, held.at, zone, first=not found)
            found += earlier
    return (*found, here) if here is not None else tuple(found)


def local_day(instant: datetime, zone: str) -> int:
    """The day of the month that an instant lies on."""
    return instant.astimezone(ZoneInfo(zone)).day


def calendar_at(calendars: Sequence[Calendar], instant: datetime) -> Calendar | None:
    """The calendar that holds an instant."""
    for calendar in reversed(calendars):  # most questions are about the last one
        if (calendar.start is None or calendar.start <= instant) and (calendar.end is None or instant < calendar.end):
            return calendar
    return None


def period_at(calendars: Sequence[Calendar], instant: datetime) -> Period | None:
    """The period that holds an instant."""
    calendar = calendar_at(calendars, instant)
    return None if calendar is None else calendar.period(instant)


def full_period(calendars: Sequence[Calendar], instant: datetime) -> Period | None:
    """The month that the period of an instant is all of, or a part of."""
    calendar = calendar_at(calendars, instant)
    return None if calendar is None else calendar.month(instant)


def periods(calendars: Sequence[Calendar], start: datetime, end: datetime) -> tuple[Period, ...]:
    """The periods with any instant of [start, end), in order."""
    return tuple(period for calendar in calendars for period in _periods(calendar, start, end))


def previous(calendars: Sequence[Calendar], now: datetime) -> Period | None:
    """The last period that is over at `now`."""
    for calendar in reversed(calendars):
        if calendar.end is not None and calendar.end <= now:
            return calendar.period(calendar.end - _TICK)
        if calendar.start is None or calendar.start <= now:
            running = calendar.period(now)
            if calendar.start is None or calendar.start < running.start:
                return calendar.period(running.start - _TICK)
    return None


def _periods(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Period]:
    instant = start if calendar.start is None else max(start, calendar.start)
    end = end if calendar.end is None else min(end, calendar.end)
    while instant < end:
        period = calendar.period(instant)
        yield period
        instant = period.end


def _begun(decision: object, at: datetime, zone: str, *, first: bool) -> Iterator[Calendar]:
    """The calendar that a decision begins, and the one that was before the very first."""
    match decision:
        case Start(anchor_day=anchor, restart=False):
            yield Calendar(None if first else at, None, zone, anchor)
        case Start() | ChangePlan():
            anchor = local_day(at, zone)
            yield Calendar(at, None, zone, anchor, whole=True)
            if first:
                yield Calendar(None, at, zone, anchor)
        case _:
            pass
