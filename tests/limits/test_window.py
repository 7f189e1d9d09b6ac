"""In which window of a budget does an instant lie? Each local reset happens once, where clocks change too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter import usage
from meter.limits.budget import Budget, Span
from meter.limits.window import SINCE, SLOTS, UNTIL, falls_out, oldest, slot, width, window
from meter.rating.periods import Period, month_period
from tests.limits.cast import NOW, budget

STEP = timedelta(minutes=15)
# Each with a day around which its clocks change, or a day is left out.
TURNS = {
    "Europe/Paris": "2026-03-29 2026-10-25",
    "America/St_Johns": "2026-03-08 2010-11-07",  # until 2011 its clocks went back at 00:01: yesterday came again
    "Pacific/Apia": "2011-12-30 2011-04-02",  # 30 December 2011 was left out
    "Asia/Kathmandu": "2026-01-01 1986-01-01",  # a quarter hour was left out as 1986 began
    "America/Sao_Paulo": "2018-11-04 2018-02-18",  # midnight was left out
    "Australia/Lord_Howe": "2026-04-05 2026-10-04",  # half an hour
}
DAYS = [(zone, day) for zone, days in TURNS.items() for day in days.split()]
CALENDAR: tuple[Span, ...] = ("hour", "day", "week", "month", "quarter", "year")


def at(text: str) -> datetime:
    """Read a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def resets(span: Span, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Answer every instant at which the window is another one than just before, walked by quarters of an hour."""
    found: list[datetime] = []
    there = window(budget(window=span), start, ZoneInfo(zone), None)
    here = start
    while here < end:
        here += STEP
        now = window(budget(window=span), here, ZoneInfo(zone), None)
        assert now.start <= here < now.end
        if now != there:
            assert now.start == there.end  # nothing between them, and nothing in both
            found.append(now.start)
        there = now
    return found


@pytest.mark.parametrize(("zone", "day"), DAYS)
@pytest.mark.parametrize("span", CALENDAR)
def test_every_instant_has_one_window_and_windows_follow_each_other(span: Span, zone: str, day: str) -> None:
    """Around every change of clocks: they touch, do not overlap, and each begins once."""
    around = at(day)
    found = resets(span, zone, around - timedelta(days=3), around + timedelta(days=3))
    assert len(found) == len(set(found))
    assert found == sorted(found)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_days_begin_at_the_local_midnight_and_once(zone: str, day: str) -> None:
    """One reset for each local date that there is, at its first instant that comes after the day before."""
    local = ZoneInfo(zone)
    start, end = at(day) - timedelta(days=3), at(day) + timedelta(days=3)
    dates: list[date] = []
    here = start
    while here <= end:
        there = here.astimezone(local).date()
        if not dates or there > dates[-1]:  # a date that comes again has been
            dates.append(there)
        here += STEP
    found = resets("day", zone, start, end)
    assert [edge.astimezone(local).date() for edge in found] == dates[1:]
    assert len(found) == len(dates) - 1


@pytest.mark.parametrize(
    ("span", "zone", "instant", "start", "end"),
    [
        ("day", "Europe/Paris", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "Europe/Paris", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("month", "Europe/Paris", "2026-10-31T22:59", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("month", "Europe/Paris", "2026-10-31T23:00", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("week", "Asia/Kathmandu", "2026-11-18T12:00", "2026-11-15T18:15", "2026-11-22T18:15"),
        ("hour", "Asia/Kathmandu", "2026-11-18T12:07", "2026-11-18T11:15", "2026-11-18T12:15"),
        ("hour", "Europe/Paris", "2026-10-25T00:30", "2026-10-25T00:00", "2026-10-25T01:00"),  # two o'clock, once
        ("hour", "Europe/Paris", "2026-10-25T01:30", "2026-10-25T01:00", "2026-10-25T02:00"),  # and again
        ("day", "Pacific/Apia", "2011-12-30T11:00", "2011-12-30T10:00", "2011-12-31T10:00"),  # the 31st, after the 29th
        ("day", "Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("day", "America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),  # from one o'clock on
        ("year", "America/St_Johns", "2026-06-01T00:00", "2026-01-01T03:30", "2027-01-01T03:30"),
        ("quarter", "UTC", "2026-11-18T12:00", "2026-10-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_local_windows(span: Span, zone: str, instant: str, start: str, end: str) -> None:
    """Known by the clock on the wall."""
    assert window(budget(window=span), at(instant), ZoneInfo(zone), None) == (at(start), at(end))


def test_billing_is_the_billing_period() -> None:
    """Of the day that the subscription goes by; of a team without one the month."""
    paris = ZoneInfo("Europe/Paris")
    period = month_period(NOW, "Europe/Paris", 31)
    assert window(budget(window="billing"), NOW, paris, period) == (period.start, period.end)
    assert window(budget(window="billing"), NOW, paris, None) == (at("2026-10-31T23:00"), at("2026-11-30T23:00"))
    with pytest.raises(ValueError, match="is not in the billing period"):
        window(budget(window="billing"), period.end, paris, period)


@pytest.mark.parametrize("anchor", [1, 15, 29, 31])
@pytest.mark.parametrize("zone", list(TURNS))
def test_billing_periods_turn_once(zone: str, anchor: int) -> None:
    """Every instant of a year is in one billing window, and the next begins where it ends."""
    here, turns = at("2026-01-01"), 0
    period: Period = month_period(here, zone, anchor)
    while here < at("2027-01-01"):
        here += timedelta(hours=6)
        if here not in period:
            after = month_period(here, zone, anchor)
            assert after.start == period.end
            period, turns = after, turns + 1
        start, end = window(budget(window="billing"), here, ZoneInfo(zone), period)
        assert start <= here < end
    assert turns in {12, 13}


def test_what_never_begins_anew_is_as_long_as_any_question() -> None:
    """From the first instant that anybody may ask about to the last one."""
    assert window(budget(window="ever"), NOW, ZoneInfo("UTC"), None) == (SINCE, UNTIL)
    assert (SINCE, UNTIL) == (usage.EARLIEST, usage.LATEST)


def rolling(seconds: int) -> Budget:
    """Answer a budget with a sliding window."""
    return budget(window="rolling", seconds=seconds)


@given(st.integers(1, 400 * 86_400), st.integers(0, 10**9))
def test_slots_cover_the_window_and_little_more(seconds: int, after: int) -> None:
    """A slot counts until it is wholly out: what is looked back at is the window, and less than two slots more."""
    now = NOW + timedelta(milliseconds=after)
    start, end = window(rolling(seconds), now, ZoneInfo("UTC"), None)
    assert start <= now < end
    assert end - start == width(seconds)
    first = oldest(seconds, now)
    back = timedelta(seconds=seconds)
    assert first <= now - back < first + width(seconds)
    assert falls_out(seconds, first) > now
    assert (end - first) / width(seconds) <= SLOTS + 2


def test_a_slot_falls_out_when_all_of_it_is_old() -> None:
    """A minute in seconds: what was used at :05.3 is free after :06 a minute later."""
    used = at("2026-11-18T12:00:05.300")
    start, _ = slot(60, used)
    assert start == at("2026-11-18T12:00:05")
    assert falls_out(60, start) == at("2026-11-18T12:01:06")
    assert oldest(60, at("2026-11-18T12:01:05.999")) == start
    assert oldest(60, at("2026-11-18T12:01:06")) > start
