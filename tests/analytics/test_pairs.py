"""Which window meets which: over clock changes, leap days and months of any length, in Paris."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.compare import Comparison, compare, spans_of
from analytics.frames.change import Change
from analytics.frames.pairs import Against
from meter.windows import Window
from tests.analytics.traces import DAY, HOUR, LATER, PARIS, local, picked, rows


def hours(from_: datetime, to: datetime, *, against: Against = "before", window: Window = "hour") -> Comparison:
    """Compare a span in Paris in which every hour, as every one before, has the quantity 1."""
    frame = rows([1] * (2 * 366 * 24), start=to - 2 * 366 * DAY, step=HOUR)
    return compare(frame, from_=from_, to=to, window=window, tz=PARIS, now=LATER, against=against)


def test_a_day_of_23_hours_is_compared_with_what_there_is() -> None:
    """Paris, 30 March 2025: as a day it is 23 hours against 24; by the hour, 02:00 has nothing to be compared with."""
    from_, to = local(2025, 3, 30), local(2025, 3, 31)
    assert hours(from_, to, window="day").groups[0].change.current == 23
    assert hours(from_, to, window="day").groups[0].change.base == 24
    by_hour = hours(from_, to)
    assert picked([by_hour.groups[0].change], "current", "base") == [(23, 23)]
    assert (by_hour.base_from, by_hour.compared) == (local(2025, 3, 29), 23)
    assert by_hour.groups[0].pairs[2].from_ == local(2025, 3, 30, 3)
    assert by_hour.groups[0].pairs[2].base_from == local(2025, 3, 29, 3)
    after = hours(to, local(2025, 4, 1))
    assert [pair.from_ for pair in after.groups[0].pairs if pair.base_from is None] == [local(2025, 3, 31, 2)]
    assert picked([after.groups[0].change], "current", "base") == [(23, 23)]


def test_the_hour_that_comes_twice_is_compared_once() -> None:
    """Paris, 26 October 2025: the second 02:00 has no counterpart on the day before."""
    answer = hours(local(2025, 10, 26), local(2025, 10, 27))
    assert (answer.windows, answer.compared) == (25, 24)
    alone = [pair for pair in answer.groups[0].pairs if pair.base_from is None]
    assert picked(alone, "from_", "quantity", "complete") == [(local(2025, 10, 26, 3) - HOUR, 1, False)]
    assert hours(local(2025, 10, 26), local(2025, 10, 27), window="15m").compared == 96


def test_weeks_of_hours_meet_by_the_wall_clock() -> None:
    """The week after the clock change: nine o'clock meets nine o'clock, 168 hours apart or not."""
    answer = hours(local(2025, 3, 31), local(2025, 4, 7))
    nine = [pair for pair in answer.groups[0].pairs if pair.from_.astimezone(ZoneInfo(PARIS)).hour == 9]
    apart = [pair.from_ - pair.base_from for pair in nine if pair.base_from is not None]
    assert apart == [7 * DAY - HOUR] * 6 + [7 * DAY]


def test_what_is_no_whole_day_meets_in_order() -> None:
    """Six hours over the change meet the six hours before them."""
    from_ = local(2025, 3, 30, 0)
    answer = hours(from_, from_ + 6 * HOUR)
    assert (answer.base_from, answer.compared) == (from_ - 6 * HOUR, 6)
    assert all(pair.base_from == pair.from_ - 6 * HOUR for pair in answer.groups[0].pairs)


def test_months_before_are_as_many_months() -> None:
    """The first quarter of 2025 in months meets the last three of 2024, however long."""
    spans = spans_of(local(2025, 1, 1), local(2025, 4, 1), "month", PARIS, "before")
    assert (spans.base_from, spans.base_to) == (local(2024, 10, 1), local(2025, 1, 1))


@pytest.mark.parametrize(
    ("window", "from_", "to", "base_from", "base_to"),
    [
        ("hour", (2025, 7, 14, 9), (2025, 7, 14, 12), (2024, 7, 14, 9), (2024, 7, 14, 12)),
        ("day", (2025, 3, 1), (2025, 4, 1), (2024, 3, 1), (2024, 4, 1)),
        ("week", (2025, 3, 3), (2025, 3, 17), (2024, 3, 4), (2024, 3, 18)),
        ("month", (2025, 2, 1), (2025, 3, 1), (2024, 2, 1), (2024, 3, 1)),
        ("quarter", (2025, 1, 1), (2025, 7, 1), (2024, 1, 1), (2024, 7, 1)),
        ("year", (2025, 1, 1), (2026, 1, 1), (2024, 1, 1), (2025, 1, 1)),
        ("day", (2024, 2, 29), (2024, 3, 2), (2023, 3, 1), (2023, 3, 2)),
        ("day", (2024, 2, 27), (2024, 2, 29), (2023, 2, 27), (2023, 3, 1)),
        ("day", (2024, 2, 29), (2024, 3, 1), (2023, 3, 1), (2023, 3, 1)),
    ],
)
def test_a_year_ago_is_the_same_date(
    window: Window, from_: tuple[int, ...], to: tuple[int, ...], base_from: tuple[int, ...], base_to: tuple[int, ...]
) -> None:
    """By date, and for weeks by 52 of them, Monday to Monday."""
    spans = spans_of(local(*from_), local(*to), window, PARIS, "year_ago")
    assert spans == (local(*from_), local(*to), local(*base_from), local(*base_to))


def test_the_29th_of_february_has_no_counterpart_and_is_none() -> None:
    """In days it is left out of the sums either way; a month is compared as it is."""
    leap = hours(local(2024, 2, 28), local(2024, 3, 2), against="year_ago", window="day")
    assert [pair.base_from for pair in leap.groups[0].pairs] == [local(2023, 2, 28), None, local(2023, 3, 1)]
    assert picked([leap.groups[0].change], "current", "base") == [(48, 48)]
    after = hours(local(2025, 2, 1), local(2025, 4, 1), against="year_ago", window="day")
    assert (after.windows, after.compared) == (59, 59)
    # clocks changed on the 31st a year ago and on the 30th now: each side lacks one hour
    assert picked([after.groups[0].change], "current", "base") == [(59 * 24 - 1, 59 * 24 - 1)]
    month = hours(local(2025, 2, 1), local(2025, 3, 1), against="year_ago", window="month")
    assert picked([month.groups[0].change], "current", "base") == [(28 * 24, 29 * 24)]
    alone = hours(local(2024, 2, 29), local(2024, 3, 1), against="year_ago", window="day")
    assert (alone.compared, alone.groups[0].change) == (0, Change(None, None, None, None))


def test_hours_a_year_ago_miss_those_the_clock_skipped_then() -> None:
    """31 March 2025 meets 31 March 2024, which had no 02:00."""
    answer = hours(local(2025, 3, 31), local(2025, 4, 1), against="year_ago")
    assert [pair.from_ for pair in answer.groups[0].pairs if pair.base_from is None] == [local(2025, 3, 31, 2)]


def test_a_window_may_be_in_two_pairs() -> None:
    """Two years against a year ago: 2024 is compared with 2023, and 2025 with 2024."""
    frame = rows([1, 2, 4], start=datetime(2023, 1, 1, tzinfo=UTC), step=366 * DAY)
    from_, to = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    answer = compare(frame, from_=from_, to=to, window="year", tz="UTC", now=LATER, against="year_ago")
    assert picked(answer.groups[0].pairs, "quantity", "base") == [(2, 1), (4, 2)]


def test_a_week_with_a_clock_change_has_a_rhythm_of_the_week() -> None:
    """It has 167 hours, and is a week."""
    assert len(hours(local(2025, 3, 24), local(2025, 3, 31)).groups[0].rhythm) == 168


@given(
    st.sampled_from(["15m", "hour", "day", "week", "month"]), st.integers(0, 3000), st.integers(1, 60), st.booleans()
)
def test_every_window_has_its_counterpart_once(window: Window, day: int, days: int, ago: bool) -> None:  # noqa: FBT001 (drawn)
    """Pairs cover the span without gap or overlap; no base window is two windows' base, and all are in the base."""
    from_ = datetime(2019, 1, 1, 23, tzinfo=UTC) + day * DAY
    answer = compare(
        rows([1]).drop("group"),
        from_=from_,
        to=from_ + min(days, 9 if window == "15m" else 60) * DAY,
        window=window,
        tz=PARIS,
        now=LATER,
        against="year_ago" if ago else "before",
    )
    pairs = answer.groups[0].pairs
    assert [pair.from_ for pair in pairs] == [answer.from_, *[pair.to for pair in pairs[:-1]]]
    assert pairs[-1].to == answer.to
    bases = [(pair.base_from, pair.base_to) for pair in pairs if pair.base_from and pair.base_to]
    assert len(set(bases)) == len(bases)
    assert all(answer.base_from <= base_from < base_to <= answer.base_to for base_from, base_to in bases)
