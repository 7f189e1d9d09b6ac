"""Where windows begin: against clocks walked minute by minute, in zones that make it hard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.windows import DAY, HOUR, QUARTER, WINDOWS, Window, bounds, count_at_most, floor, following, utc

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/Sao_Paulo",  # midnight does not exist on the day summer time began
    "America/St_Johns",  # until 2011 the clock went back at 00:01, so that yesterday came again
    "Antarctica/Casey",  # changes of three hours
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # changes of half an hour
    "Europe/Paris",
    "Pacific/Apia",  # 2011-12-30 was left out
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "UTC",
)
ALL_ZONES = sorted(available_timezones())
SINCE = datetime(1980, 1, 1, tzinfo=UTC)  # until 1979 Kiritimati lay off the quarters
UNTIL = datetime(2037, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LABELS: dict[Window, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - DAY * day.weekday(),
    "month": lambda day: day.replace(day=1),
}
instants = st.integers(0, int((UNTIL - SINCE).total_seconds() * 1_000_000)).map(
    lambda us: SINCE + timedelta(microseconds=us)
)


def parse(text: str) -> datetime:
    """Read a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@cache
def changes(name: str) -> list[datetime]:
    """Days within which the zone's clocks change, found by comparing noons."""
    zone, days = ZoneInfo(name), (UNTIL - SINCE).days
    offsets = [(SINCE + DAY * day).astimezone(zone).utcoffset() for day in range(days)]
    return [SINCE + DAY * day for day in range(days - 1) if offsets[day] != offsets[day + 1]]


def walked(start: datetime, end: datetime, window: Window, zone: ZoneInfo, step: timedelta) -> list[datetime]:
    """Answer what `bounds` should, by looking at the clock at each step: a window begins when its first day does."""
    label = LABELS[window]
    at, found = start - DAY, [start]
    seen = label(at.astimezone(zone).date())
    while at < end:
        now = label(at.astimezone(zone).date())
        if now > seen and at > start:
            found.append(at)
        seen = max(seen, now)
        at += step
    return [*found, end]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_days_begin_where_a_walked_clock_shows_a_new_date(data: st.DataObject) -> None:
    """Around every kind of clock change, the days are those that somebody watching a clock would count."""
    name = data.draw(st.sampled_from(ZONES))
    around = data.draw(st.sampled_from(changes(name) or [SINCE + DAY]))
    start = around + MINUTE * data.draw(st.integers(-2880, 1440))
    end = start + MINUTE * data.draw(st.integers(1, 4320))
    zone = ZoneInfo(name)
    assert bounds(start, end, "day", zone) == walked(start, end, "day", zone, MINUTE)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(("week", "month")))
def test_weeks_and_months_begin_where_a_walked_clock_shows_it(data: st.DataObject, window: Window) -> None:
    """Weeks begin with Monday and months with the 1st, however clocks change on that day."""
    name = data.draw(st.sampled_from(ZONES))
    around = data.draw(st.sampled_from(changes(name) or [SINCE + DAY]))
    start = around + QUARTER * data.draw(st.integers(-3000, 100))
    end = start + QUARTER * data.draw(st.integers(1, 6000))
    zone = ZoneInfo(name)
    assert bounds(start, end, window, zone) == walked(start, end, window, zone, QUARTER)


@settings(max_examples=200, deadline=None)
@given(instants, st.sampled_from(WINDOWS), st.sampled_from(ALL_ZONES))
def test_a_window_holds_its_instant(instant: datetime, window: Window, name: str) -> None:
    """In every zone there is: start <= instant < next start, and a start is the start of its own window."""
    zone = ZoneInfo(name)
    start = floor(instant, window, zone)
    after = following(start, window, zone)
    assert start <= instant < after
    assert floor(start, window, zone) == start
    assert floor(after - timedelta(microseconds=1), window, zone) == start
    assert floor(after, window, zone) == after


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(WINDOWS), st.sampled_from(ZONES))
def test_around_changes_a_window_holds_its_instant(data: st.DataObject, window: Window, name: str) -> None:
    """The same to the microsecond within the days on which clocks change."""
    around = data.draw(st.sampled_from(changes(name) or [SINCE + DAY]))
    near = st.one_of(st.integers(0, 172_800 * 10**6), st.integers(0, 2880).map(lambda minutes: minutes * 60 * 10**6))
    instant = around + timedelta(microseconds=data.draw(near) + data.draw(st.integers(-1, 1)))
    test_a_window_holds_its_instant.hypothesis.inner_test(instant, window, name)  # type: ignore[attr-defined]


@settings(max_examples=100, deadline=None)
@given(instants, st.integers(1, 3_000_000_000), st.sampled_from((*WINDOWS, None)), st.sampled_from(ALL_ZONES))
def test_bounds_ascend_and_cover_the_range(start: datetime, us: int, window: Window | None, name: str) -> None:
    """First and last bound are the range's own, in between they ascend, and the count was foreseen."""
    end = start + timedelta(microseconds=us) * {"15m": 4, "hour": 20, "day": 500, "week": 3000}.get(window or "", 15000)
    found = bounds(start, end, window, ZoneInfo(name))
    assert found[0] == start
    assert found[-1] == end
    assert all(lo < hi for lo, hi in pairwise(found))
    assert len(found) - 1 <= count_at_most(start, end, window)
    assert all(bound.tzinfo is UTC for bound in found)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(("hour", "day", "week", "month")), st.sampled_from(ALL_ZONES))
def test_the_count_is_an_upper_bound_around_changes(data: st.DataObject, window: Window, name: str) -> None:
    """Short hours, days and weeks never make more windows than foreseen, in the smallest range that shows them."""
    around = data.draw(st.sampled_from(changes(name) or [SINCE + DAY]))
    zone = ZoneInfo(name)
    first = floor(around + HOUR * data.draw(st.integers(-24, 48)), window, zone)
    last = first
    for _ in range(data.draw(st.integers(1, 3))):
        last = following(last, window, zone)
    start, end = first - timedelta(microseconds=1), last + timedelta(microseconds=1)
    assert len(bounds(start, end, window, zone)) - 1 <= count_at_most(start, end, window)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(ZONES))
def test_hours_begin_on_the_hour_or_at_a_change(data: st.DataObject, name: str) -> None:
    """An hour begins when the local clock shows a full one or jumps, and takes an hour at most."""
    zone = ZoneInfo(name)
    around = data.draw(st.sampled_from(changes(name) or [SINCE + DAY]))
    start = floor(around - HOUR * data.draw(st.integers(0, 24)), "hour", zone)
    found = bounds(start, start + HOUR * 48, "hour", zone)
    for lo, hi in pairwise(found):
        assert hi - lo <= HOUR
    for bound in found[1:-1]:
        local = bound.astimezone(zone)
        jumped = local.utcoffset() != (bound - timedelta(seconds=1)).astimezone(zone).utcoffset()
        assert (local.minute, local.second, local.microsecond) == (0, 0, 0) or jumped


@given(instants, st.sampled_from(ZONES))
def test_quarters_are_those_of_utc(instant: datetime, name: str) -> None:
    """Quarters need no zone, as every zone's midnight falls on one."""
    start = floor(instant, "15m", ZoneInfo(name))
    assert (start.minute % 15, start.second, start.microsecond) == (0, 0, 0)
    assert start <= instant < start + QUARTER


@pytest.mark.parametrize("name", ZONES)
def test_months_of_many_years(name: str) -> None:
    """Fifty-seven years of months, leap days and 31sts included: each begins on a 1st, none is left out."""
    zone = ZoneInfo(name)
    found = bounds(SINCE, UNTIL, "month", zone)[1:-1]
    local = [bound.astimezone(zone) for bound in found]
    assert {at.day for at in local} == {1}
    numbers = [at.year * 12 + at.month for at in local]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("name", ZONES)
def test_weeks_of_many_years_begin_on_mondays(name: str) -> None:
    """Every week begins on a Monday, a week of six days included."""
    zone = ZoneInfo(name)
    found = bounds(parse("2005-01-01"), parse("2030-01-01"), "week", zone)[1:-1]
    assert {bound.astimezone(zone).weekday() for bound in found} == {0}


@pytest.mark.parametrize(
    ("name", "start", "end", "window", "inner"),
    [
        ("Europe/Paris", "2028-02-28T12:00", "2028-03-01T12:00", "day", "2028-02-28T23:00 2028-02-29T23:00"),
        ("Europe/Paris", "2026-03-28T23:00", "2026-03-29T22:00", "day", ""),
        ("Europe/Paris", "2026-10-24T22:00", "2026-10-25T23:00", "day", ""),
        (
            "Europe/Paris",
            "2026-01-31T00:00",
            "2026-04-30T00:00",
            "month",
            "2026-01-31T23:00 2026-02-28T23:00 2026-03-31T22:00",
        ),
        ("Asia/Kathmandu", "2026-01-01T00:00", "2026-01-02T00:00", "day", "2026-01-01T18:15"),
        ("Asia/Kathmandu", "2026-01-01T00:00", "2026-01-01T02:00", "hour", "2026-01-01T00:15 2026-01-01T01:15"),
        ("America/Sao_Paulo", "2018-11-03T12:00", "2018-11-05T12:00", "day", "2018-11-04T03:00 2018-11-05T02:00"),
        ("Asia/Beirut", "2026-03-28T12:00", "2026-03-29T12:00", "day", "2026-03-28T22:00"),
        (
            "Pacific/Apia",
            "2011-12-29T12:00",
            "2012-01-01T12:00",
            "day",
            "2011-12-30T10:00 2011-12-31T10:00 2012-01-01T10:00",
        ),
        ("Pacific/Apia", "2011-12-26T10:00", "2012-01-02T10:00", "week", "2012-01-01T10:00"),
        ("Australia/Lord_Howe", "2026-04-04T14:00", "2026-04-04T16:30", "hour", "2026-04-04T15:00 2026-04-04T15:30"),
        ("Australia/Lord_Howe", "2026-10-03T14:30", "2026-10-03T17:00", "hour", "2026-10-03T15:30 2026-10-03T16:00"),
    ],
)
def test_known_calendars(name: str, start: str, end: str, window: Window, inner: str) -> None:
    """Bounds worked out by hand from what the zones' clocks did."""
    expected = [parse(start), *map(parse, inner.split()), parse(end)]
    assert bounds(parse(start), parse(end), window, ZoneInfo(name)) == expected


def test_a_day_that_comes_again_is_not_begun_again() -> None:
    """In St John's, 2006-10-29 lasted a minute, then the 28th came back for an hour: bounds still ascend."""
    zone = ZoneInfo("America/St_Johns")
    midnight = parse("2006-10-29T02:30")  # the first of two
    again = parse("2006-10-29T02:45")  # 23:15 on the 28th, for the second time
    assert again.astimezone(zone).day == 28
    assert floor(again, "day", zone) == midnight
    assert bounds(again, parse("2006-10-31T00:00"), "day", zone)[1:-1] == [parse("2006-10-30T03:30")]


@pytest.mark.parametrize("us", [0, 1, 500_000, 999_999, 1_000_001])
def test_a_fraction_of_a_second_after_a_change(us: int) -> None:
    """Looking for a change from a moment right after it ends (it once did not)."""
    change = parse("2026-04-04T15:00:00")
    assert floor(change + timedelta(microseconds=us), "hour", ZoneInfo("Australia/Lord_Howe")) == change


def test_wall_times_that_clocks_skip_or_repeat() -> None:
    """A skipped time is the instant of the change, a repeated one its first occurrence."""
    paris = ZoneInfo("Europe/Paris")
    assert utc(datetime(2026, 3, 29, 2, 30), paris) == parse("2026-03-29T01:00")  # noqa: DTZ001 - a wall clock's
    assert utc(datetime(2026, 10, 25, 2, 30), paris) == parse("2026-10-25T00:30")  # noqa: DTZ001 - a wall clock's


@pytest.mark.parametrize("us", [1, 5, 250_000, 999_999])
@pytest.mark.parametrize(("minute", "second"), [(0, 0), (0, 1), (0, 2), (30, 0), (59, 59)])
def test_a_skipped_time_with_a_fraction_of_a_second(minute: int, second: int, us: int) -> None:
    """The instant of the change all the same, to the microsecond (it was beside it, or was looked for without end)."""
    skipped = datetime(2026, 3, 29, 2, minute, second, us)  # noqa: DTZ001 - a wall clock's
    assert utc(skipped, ZoneInfo("Europe/Paris")) == parse("2026-03-29T01:00")
