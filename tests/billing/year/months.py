"""The months of a team by the clock on its wall, reckoned with nothing but zoneinfo."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)


class Month(NamedTuple):
    """From one local midnight of the anchor day to the next, both UTC."""

    start: datetime
    end: datetime


def edge(year: int, month: int, zone: str, anchor: int) -> datetime:
    """Answer the midnight that begins the anchor's day (the last of a shorter month): the first, if it is twice."""
    day = min(anchor, monthrange(year, month)[1])
    return datetime(year, month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def months(zone: str, anchor: int, since: datetime, until: datetime) -> Iterator[Month]:
    """Answer the months with any instant of [since, until), in order."""
    here = since - timedelta(days=62)
    year, month = here.year, here.month
    while True:
        following = (year + month // 12, month % 12 + 1)
        found = Month(edge(year, month, zone, anchor), edge(*following, zone, anchor))
        if found.start >= until:
            return
        if found.end > since:
            yield found
        year, month = following


def day_of(instant: datetime, zone: str) -> date:
    """Answer the local day of an instant."""
    return instant.astimezone(ZoneInfo(zone)).date()
