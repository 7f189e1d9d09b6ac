"""Which earlier range stands beside each: across short months, clock changes, ragged ends and billing periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from meter.ranges import COMPARES, Calendar, Compare, Cut, earlier, windowed
from meter.spans import Span
from meter.windows import Window

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Chatham")
CUTS: tuple[Cut, ...] = (*get_args(Window), "period")
DAY = timedelta(days=1)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """Read a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def compared(start: datetime, end: datetime, window: Cut | None, compare: Compare, **more: int) -> list[Span]:
    """Answer the earlier ranges of the windows of a range in Berlin, for a team in New York."""
    calendar = window and Calendar(window, BERLIN, NEW_YORK, more.get("anchor_day", 1))
    asked = windowed(start, end, calendar or None, more.get("rolling", 1))
    return earlier(asked, compare, calendar or None, BERLIN)


def test_days_that_the_earlier_month_lacks_are_compared_with_nothing() -> None:
    """The 28th of March with all of the 28th of February; the 29th to 31st with nothing, at its end. As leap days."""
    february = [at("2026-02-01") + n * DAY for n in range(29)]
    end = february[-1]
    found = compared(at("2026-03-01"), at("2026-04-01"), "day", "month")
    assert found == [Span(*pair) for pair in pairwise([*february, end, end, end])]
    leap = compared(at("2024-02-28"), at("2024-03-02"), "day", "year")
    assert leap == [
        Span(at(f"2023-{lo}"), at(f"2023-{hi}")) for lo, hi in pairwise(("02-28", "03-01", "03-01", "03-02"))
    ]


def test_hours_of_such_days_have_none_either() -> None:
    """They used to be compared with those of the month's last day, each of them thrice."""
    found = compared(at("2026-03-28"), at("2026-03-29"), "hour", "month")
    assert [found[0].start, found[-1].end] == [at("2026-02-28"), at("2026-03-01")]
    assert all(one.end == after.start for one, after in pairwise(found))
    end = at("2026-03-01")
    assert set(compared(at("2026-03-30"), at("2026-04-01"), "hour", "month")) == {Span(end, end)}


def test_an_hour_that_comes_twice_is_compared_with_its_namesake() -> None:
    """In quarters of an hour: 02:00 to 03:00 both times with 02:00 to 03:00 of the day before."""
    twice = at("2026-10-25T02:00")
    found = compared(twice, twice + timedelta(hours=3), "15m", "day")
    quarters = [at("2026-10-24T02:00") + n * timedelta(minutes=15) for n in range(9)]
    expected = [Span(*pair) for pair in pairwise(quarters)]
    assert found == expected[:4] + expected


def test_an_hour_that_is_left_out_is_compared_with_none() -> None:
    """The hour before it keeps its own length, and the day after finds it empty."""
    one = at("2026-03-29T01:00")
    hours = compared(one, one + timedelta(hours=2), "hour", "day")
    assert hours == [Span(at(f"2026-03-28T0{n}:00"), at(f"2026-03-28T0{n + 1}:00")) for n in (1, 3)]
    after = compared(at("2026-03-30T02:00"), at("2026-03-30T03:00"), "hour", "day")
    assert after == [Span(one + timedelta(hours=1), one + timedelta(hours=1))]


def test_an_unfinished_window_has_as_much_of_an_earlier_one() -> None:
    """Three windows, the last of them cut at noon; each has the one three before it."""
    noon = timedelta(hours=12)
    found = compared(at("2026-11-09"), at("2026-11-11") + noon, "day", "previous")
    sixth = at("2026-11-06")
    assert found == [
        Span(sixth, sixth + DAY),
        Span(sixth + DAY, sixth + 2 * DAY),
        Span(sixth + 2 * DAY, sixth + 2 * DAY + noon),
    ]
    ragged = compared(at("2026-11-09") + noon, at("2026-11-10") + noon, "day", "previous")
    assert ragged == [Span(sixth + DAY + noon, sixth + 2 * DAY), Span(sixth + 2 * DAY, sixth + 2 * DAY + noon)]
    trailing = compared(at("2026-11-09"), at("2026-11-10") + noon, "day", "previous", rolling=3)
    fifth = sixth - DAY
    assert trailing == [Span(fifth, sixth + 2 * DAY), Span(sixth, sixth + 2 * DAY + noon)]


def test_billing_periods_are_compared_with_billing_periods() -> None:
    """Of the team's zone and anchor, whatever the zone of the question and however long the months are."""
    edges = [at(text, NEW_YORK) for text in ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30")]
    by_month = compared(edges[2], edges[3], "period", "month", anchor_day=31)
    assert by_month == compared(edges[2], edges[3], "period", "previous", anchor_day=31) == [Span(edges[1], edges[2])]
    by_year = compared(edges[1], edges[3], "period", "year", anchor_day=31)
    assert by_year[0] == Span(at("2025-02-28", NEW_YORK), at("2025-03-31", NEW_YORK))
    assert compared(edges[2], edges[3], "period", "week", anchor_day=31) == [
        Span(at("2026-03-24", NEW_YORK), at("2026-04-23", NEW_YORK))
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 (made aware below)
    st.integers(1, 40),
    st.integers(0, 90_000),
    st.sampled_from([None, *CUTS]),
    st.sampled_from(COMPARES),
    st.sampled_from(ZONES),
    st.integers(1, 3),
    st.integers(1, 31),
)
def test_an_earlier_range_lies_before_and_never_ends_before_it_begins(  # noqa: PLR0913, PLR0917 (drawn)
    start: datetime, days: int, seconds: int, window: Cut | None, compare: Compare, name: str, rolling: int, day: int
) -> None:
    """Whatever is compared with whatever, in any zone; ranges that follow each other do so before, too."""
    zone = ZoneInfo(name)
    since = start.replace(tzinfo=UTC)
    end = since + (timedelta(hours=days) if window == "15m" else days * DAY) + timedelta(seconds=seconds)
    calendar = window and Calendar(window, zone, BERLIN, day)
    asked = windowed(since, end, calendar or None, rolling if window else 1)
    found = earlier(asked, compare, calendar or None, zone)
    assert len(found) == len(asked)
    for now, before in zip(asked, found, strict=True):
        assert before.start <= before.end
        assert before.start < now.start
        assert before.end < now.end
    if compare == "previous" and rolling == 1:
        assert all(one.end <= after.start for one, after in pairwise(found))
        assert found[-1].end <= since
