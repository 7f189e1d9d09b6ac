"""How busy is a business at a given time? A day with two peaks and a lunch between, quiet nights and weekends. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
WEEKS = 6
LENGTH = timedelta(weeks=WEEKS)
SATURDAY = 5
WEDNESDAY = 2
GROWTH = 0.4  # busier by this part at the end than at the beginning
INCIDENT = 2.6  # times as busy as usual
INCIDENT_AFTER = timedelta(days=24)
INCIDENT_LENGTH = timedelta(hours=3, minutes=30)
NIGHT = 0.12
WEEKEND = 0.22
_PEAKS = ((10.6, 1.9, 0.88), (15.3, 2.1, 0.84), (20.6, 1.5, 0.22))  # at which hour, how wide, how high
_GAPS = ((6.2, 1.5), (17.9, 3.0), (35.4, 0.75))  # days after the beginning, and for how many hours nothing came


class Story(NamedTuple):
    """What the six weeks hold: when they begin (UTC), where the business is, and when its incident and gaps were."""

    start: datetime
    zone: ZoneInfo
    incident: datetime

    @property
    def end(self) -> datetime:
        """When the six weeks are over; usage goes on after it in the same rhythm."""
        return self.start + LENGTH


def story(end: datetime, zone: ZoneInfo) -> Story:
    """The six weeks up to the quarter of an hour that holds `end`, with an incident on a Wednesday afternoon."""
    start = end - (end - datetime(2000, 1, 1, tzinfo=UTC)) % QUARTER - LENGTH
    day = (start + INCIDENT_AFTER).astimezone(zone)
    wednesday = day + timedelta(days=(WEDNESDAY - day.weekday()) % 7)
    incident = wednesday.replace(hour=14, minute=0, second=0, microsecond=0)
    return Story(start, zone, incident.astimezone(UTC))


def busy(story: Story, at: datetime) -> float:
    """How busy it is: about 1 at a usual peak, NIGHT at night, 0 in a gap, when nothing was collected."""
    if in_gap(story, at):
        return 0.0
    local = at.astimezone(story.zone)
    hour = local.hour + local.minute / 60
    day = sum(height * math.exp(-(((hour - centre) / width) ** 2)) for centre, width, height in _PEAKS)
    weekly = WEEKEND if local.weekday() >= SATURDAY else 1.0
    growth = 1 + GROWTH * (at - story.start) / LENGTH
    incident = INCIDENT if story.incident <= at < story.incident + INCIDENT_LENGTH else 1.0
    return (NIGHT + day * weekly) * growth * incident


def in_gap(story: Story, at: datetime) -> bool:
    """Whether the collector was down then."""
    days = (at - story.start) / timedelta(days=1)
    return any(begin <= days < begin + hours / 24 for begin, hours in _GAPS)
