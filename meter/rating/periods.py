"""Billing periods: half-open ranges of UTC whose edges are local midnights of a zone on an anchor day."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from meter.rating.money import plain

_TICK = timedelta(microseconds=1)
_TICKS_PER_SECOND = 1_000_000
_MONTHS = 12
_LAST_ANCHOR = 31


class Period(msgspec.Struct, frozen=True):
    """The instants from ``start`` up to but not including ``end`` (both UTC), billed in the calendar of ``zone``.

    ``anchor_day`` is kept beside the edges because a month that starts on the 28th may be anchored on the 31st.
    Raises ValueError for naive or non-UTC edges, an empty range, an unknown zone or an anchor outside 1 to 31.
    """

    start: datetime
    end: datetime
    zone: str
    anchor_day: int = 1

    def __post_init__(self) -> None:
        """Refuse a period that could not be billed."""
        _zone(self.zone)
        _check_anchor(self.anchor_day)
        for edge in (self.start, self.end):
            if edge.utcoffset() != timedelta(0):
                raise ValueError(f"{edge.isoformat()} is not UTC; convert it with .astimezone(UTC)")
        if self.start >= self.end:
            raise ValueError(
                f"the period ends at {self.end.isoformat()}, which is not after its start {self.start.isoformat()}"
            )

    @property
    def seconds(self) -> Decimal:
        """Length in elapsed seconds, exact: a 31-day month with the spring clock change has 2,674,800."""
        return plain(Decimal((self.end - self.start) // _TICK) / _TICKS_PER_SECOND)

    @property
    def first_day(self) -> date:
        """First local day of the period, as printed on documents."""
        return self.start.astimezone(_zone(self.zone)).date()

    @property
    def last_day(self) -> date:
        """Last local day of the period, inclusive, as printed on documents (S0.8)."""
        return (self.end - _TICK).astimezone(_zone(self.zone)).date()

    def __contains__(self, instant: datetime) -> bool:
        """Tell whether an aware ``instant`` is billed in this period."""
        return self.start <= _aware(instant) < self.end


def month_period(instant: datetime, zone: str, anchor_day: int = 1) -> Period:
    """Return the monthly period that contains ``instant``, from local midnight of the anchor day to the next.

    An anchor of 29 to 31 falls on the last day of shorter months and returns afterwards: each edge is computed from the
    anchor itself, never from the edge before (31 Jan, 28 Feb, 31 Mar). Raises ValueError for a naive ``instant``.
    """
    _check_anchor(anchor_day)
    local = _aware(instant).astimezone(_zone(zone))
    here = local.year * _MONTHS + local.month - 1
    # The month after is tried too: where clocks go back across midnight, a local date can return to the old month.
    month = max(index for index in (here - 1, here, here + 1) if _edge(index, zone, anchor_day) <= instant)
    return Period(_edge(month, zone, anchor_day), _edge(month + 1, zone, anchor_day), zone, anchor_day)


def previous_month(now: datetime, zone: str, anchor_day: int = 1) -> Period:
    """Return the last monthly period that is over at ``now``: the one a monthly invoice run bills (S0.9)."""
    return month_period(month_period(now, zone, anchor_day).start - _TICK, zone, anchor_day)


def _edge(month: int, zone: str, anchor_day: int) -> datetime:
    """First instant of the anchor's local day in month number ``month`` (year * 12 + month - 1), in UTC.

    fold=0 reads a midnight that happens twice as its first, and one that is skipped as the instant clocks jumped.
    """
    year, index = divmod(month, _MONTHS)
    day = min(anchor_day, monthrange(year, index + 1)[1])
    return datetime(year, index + 1, day, tzinfo=_zone(zone)).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone; write an IANA name, e.g. Europe/Paris") from error


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant


def _check_anchor(day: int) -> None:
    if not 1 <= day <= _LAST_ANCHOR:
        raise ValueError(f"anchor day {day} is not a day of the month; write 1 to 31")
