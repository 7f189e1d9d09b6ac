"""What a reader of the trends page picked, and which instants that means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dashboards.trend_view import MeterView
from meter.windows import Window, floor, following, utc

AUTO = "auto"


class Range(NamedTuple):
    """A span back from now: its name, and the windows it may be cut into, the default first."""

    title: str
    span: str
    windows: tuple[Window, ...]


# A figure stays under some 700 windows: finer than that nobody sees, and every bar costs the browser.
RANGES: dict[str, Range] = {
    "24h": Range("Last 24 hours", "24 hours", ("hour", "15m")),
    "7d": Range("Last 7 days", "7 days", ("hour", "15m", "day")),
    "30d": Range("Last 30 days", "30 days", ("day", "hour", "week")),
    "90d": Range("Last 90 days", "90 days", ("day", "week")),
    "12mo": Range("Last 12 months", "12 months", ("week", "day", "month")),
}
DEFAULT_RANGE = "30d"
_DAYS = {"7d": 7, "30d": 30, "90d": 90}


class Choice(NamedTuple):
    """A valid choice. `note` tells the reader what was asked for and could not be done."""

    meter: MeterView
    range_: str
    window: Window
    group: str | None
    note: str

    def query(self) -> dict[str, str]:
        """Answer the choice as query parameters that `choose` reads back."""
        picked = {"meter": self.meter.slug, "range": self.range_, "window": self.window}
        return picked if self.group is None else {**picked, "group": self.group}


def choose(query: Mapping[str, str], meters: Sequence[MeterView]) -> Choice:
    """Answer what the query asks for, with defaults for what is missing, unknown or does not fit together.

    A page is forgiving where the API is strict: an old bookmark shows something, and says what it left out.

    Raises:
        ValueError: there are no meters to choose from.
    """
    if not meters:
        raise ValueError("There are no meters to choose from.")
    notes: list[str] = []
    meter = next((each for each in meters if each.slug == query.get("meter")), meters[0])
    if query.get("meter", meter.slug) != meter.slug:
        notes.append(f"There is no such meter; this is {meter.title}.")
    range_ = query.get("range", DEFAULT_RANGE)
    range_ = range_ if range_ in RANGES else DEFAULT_RANGE
    group = query.get("group") or None
    if group is not None and group not in meter.group_by:
        notes.append(f"{meter.title} can't be grouped that way.")
        group = None
    window = _window(query.get("window", AUTO), range_, notes)
    return Choice(meter, range_, window, group, " ".join(notes))


def _window(asked: str, range_: str, notes: list[str]) -> Window:
    allowed = RANGES[range_].windows
    fitting = next((window for window in allowed if window == asked), None)
    if fitting is None and asked != AUTO:
        notes.append(f"That window does not suit {RANGES[range_].span}; shown by {allowed[0]}.")
    return fitting or allowed[0]


def bounds(choice: Choice, now: datetime, tz: str) -> tuple[datetime, datetime]:
    """Answer [from, to) in UTC: from a local edge back in time, to the end of the window that is running.

    Days include today, months this month.
    """
    zone = ZoneInfo(tz)
    end = following(floor(now, choice.window, zone), choice.window, zone)
    if choice.range_ == "24h":
        return end - timedelta(hours=24), end
    today = now.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    if choice.range_ == "12mo":
        return utc(_first_of_month_back(today, 11), zone), end
    return utc(today - timedelta(days=_DAYS[choice.range_] - 1), zone), end


def _first_of_month_back(day: datetime, months: int) -> datetime:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return day.replace(year=year, month=month + 1, day=1)
