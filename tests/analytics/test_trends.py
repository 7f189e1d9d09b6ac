"""Trends on frames: what is compared with what, what no data means, and what may not change an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analytics
from analytics import trends
from analytics.trends import GroupTrend, Trend, trend
from meter.windows import Window
from tests.analytics.traces import DAY, HOUR, LATER, MONDAY, Quantities, shuffled


def rows(
    quantities: Quantities, *, start: datetime = MONDAY, step: timedelta = DAY, group: str | None = None
) -> pl.DataFrame:
    """Make a frame of one group, one row per step."""
    count = len(quantities)
    exact = any(isinstance(quantity, Decimal) for quantity in quantities)
    return pl.DataFrame(
        {"start": [start + index * step for index in range(count)], "quantity": quantities, "group": [group] * count},
        schema={
            "start": pl.Datetime("us", "UTC"),
            "quantity": pl.Decimal(38, 12) if exact else pl.Float64,
            "group": pl.String,
        },
    )


def daily(
    quantities: Quantities,
    *,
    days: int | None = None,
    before: Quantities = (),
    now: datetime = LATER,
    additive: bool = True,
) -> GroupTrend:
    """Answer the trend of days from MONDAY on, for one group."""
    count = days or len(quantities)
    frame = rows([*before, *quantities], start=MONDAY - len(before) * DAY)
    answer = trend(frame, from_=MONDAY, to=MONDAY + count * DAY, window="day", tz="UTC", now=now, additive=additive)
    return answer.groups[0]


def test_the_job_is_listed() -> None:
    """JOBS is how others find it."""
    assert trends in analytics.JOBS


def test_total_and_change_against_the_equal_span_before() -> None:
    """Three days against the three days before, absolute and in percent."""
    answer = daily([20.0, 30.0, 40.0], before=[10.0, 20.0, 30.0])
    assert answer.total == 90
    assert answer.change == trends.Change(Decimal(90), Decimal(60), Decimal(30), Decimal(50), 3)


def test_a_change_keeps_every_digit() -> None:
    """Thirty digits are not rounded to what a decimal has by default."""
    answer = daily([Decimal("999999999999999999.000000000001")], before=[Decimal("0.000000000002")])
    assert answer.change.absolute == Decimal("999999999999999998.999999999999")


def test_a_base_of_zero_has_no_percentage() -> None:
    """From zero to something is an absolute change only."""
    change = daily([5.0], before=[0.0]).change
    assert (change.base, change.absolute, change.percent) == (Decimal(0), Decimal(5), None)


def test_no_data_before_is_not_a_base_of_zero() -> None:
    """Without rows before, there is nothing to compare with."""
    change = daily([5.0, 6.0]).change
    assert (change.base, change.absolute, change.percent) == (None, None, None)


def test_decimal_totals_are_exact() -> None:
    """Sums of decimals keep every digit that floats would lose."""
    answer = daily([Decimal("10000000000000000.000000000001"), Decimal("0.1"), Decimal("0.2")])
    assert answer.total == Decimal("10000000000000000.300000000001")


def test_a_gap_is_null_and_not_zero() -> None:
    """A missing day and a null day count neither as zero in the mean nor in the slope."""
    answer = daily([1.0, None, 3.0, 4.0], days=5)
    assert [point.quantity for point in answer.points] == [1, None, 3, 4, None]
    assert answer.windows_with_data == 3
    assert answer.slope is not None
    assert answer.slope.per_window == 1


def test_the_window_not_over_yet_counts_in_the_total_only() -> None:
    """The running day neither bends the slope nor meets a whole day in the comparison."""
    answer = daily([1.0, 2.0, 3.0, 0.5], before=[1.0, 1.0, 1.0, 100.0], now=MONDAY + 3 * DAY + HOUR)
    assert answer.total == Decimal("6.5")
    assert answer.change == trends.Change(Decimal(6), Decimal(3), Decimal(3), Decimal(100), 3)
    assert answer.slope is not None
    assert answer.slope.per_window == 1
    assert (answer.points[-1].complete, answer.points[-1].moving_average) == (False, None)


def test_windows_to_come_are_not_gaps() -> None:
    """A month to date has as many windows as have begun."""
    frame = rows([1.0, 2.0])
    answer = trend(frame, from_=MONDAY, to=MONDAY + 30 * DAY, window="day", tz="UTC", now=MONDAY + 2 * DAY - HOUR)
    assert (answer.windows, answer.complete_windows, answer.last_window_incomplete) == (2, 1, True)
    assert len(answer.groups[0].points) == 2


def test_a_spike_does_not_bend_the_slope() -> None:
    """One wild day in nine leaves the line where it was."""
    quantities = [float(day) for day in range(9)]
    quantities[4] = 10_000.0
    slope = daily(quantities).slope
    assert slope is not None
    assert slope.per_window == pytest.approx(Decimal(1), abs=Decimal("0.2"))


def test_two_points_are_no_trend() -> None:
    """A line needs at least three points."""
    assert daily([1.0, 2.0]).slope is None


def test_the_line_ends_where_the_windows_end() -> None:
    """First and last are the line's values in the first and last complete window."""
    slope = daily([10.0, 20.0, 30.0, 40.0]).slope
    assert slope is not None
    assert (slope.first, slope.last, slope.percent_per_window) == (Decimal(10), Decimal(40), Decimal(40))


def test_a_long_series_is_fitted_over_blocks_of_whole_days() -> None:
    """Above the limit of pairs, days are averaged first, and the slope stays per window."""
    hours = 24 * 40
    quantities = [0.25 * hour + (100 if hour % 24 == 9 else 0) for hour in range(hours)]
    frame = rows(quantities, step=HOUR)
    answer = trend(frame, from_=MONDAY, to=MONDAY + hours * HOUR, window="hour", tz="UTC", now=LATER).groups[0]
    assert answer.slope is not None
    assert (answer.slope.windows_per_point, answer.slope.points) == (24, 40)
    assert answer.slope.per_window == pytest.approx(Decimal("0.25"))


def test_the_moving_average_spans_one_season_and_reaches_back() -> None:
    """Seven days trailing, the days before the span included, at least half of them with data."""
    answer = daily([8.0, None], before=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert [point.moving_average for point in answer.points] == [5, Decimal("5.5")]
    assert daily([8.0, 9.0, 1.0]).points[-1].moving_average is None


def test_the_peak_is_the_earliest_of_equals() -> None:
    """The largest window, with its bounds."""
    assert daily([1.0, 9.0, 9.0]).peak == trends.Peak(MONDAY + DAY, MONDAY + 2 * DAY, Decimal(9))


def test_the_busiest_hour_and_weekday_are_local() -> None:
    """Fourteen o'clock UTC in summer is nineteen thirty in Kolkata's half-hour zone, on the same Monday."""
    quantities = [100.0 if hour == 14 else 1.0 for hour in range(24)] * 2
    frame = rows(quantities, step=HOUR, start=MONDAY - 2 * DAY - timedelta(minutes=30))
    from_ = MONDAY - 2 * DAY - timedelta(minutes=30)
    answer = trend(frame, from_=from_, to=from_ + 2 * DAY, window="hour", tz="Asia/Kolkata", now=LATER).groups[0]
    assert answer.busiest_hour == trends.Busiest(19, Decimal(100))
    assert answer.busiest_weekday is not None
    assert daily([1.0, 2.0]).busiest_hour is None


def test_days_follow_the_zone_over_a_clock_change() -> None:
    """Berlin's 26 October 2025 has 25 hours, and all of them are one day."""
    from_ = datetime(2025, 10, 24, 22, tzinfo=UTC)
    frame = rows([1.0] * 73, start=from_, step=HOUR)
    answer = trend(frame, from_=from_, to=from_ + 73 * HOUR, window="day", tz="Europe/Berlin", now=LATER).groups[0]
    assert [point.quantity for point in answer.points] == [24, 25, 24]


def test_a_span_is_widened_to_whole_windows() -> None:
    """The answer says which span it speaks of; read is what it is compared with, and the first average's season."""
    span = trends.span_of(MONDAY + HOUR, MONDAY + 2 * DAY + HOUR, "day", "UTC")
    assert span == (MONDAY - 6 * DAY, MONDAY, MONDAY + 3 * DAY, 3, 6)


def test_what_cannot_be_added_up_is_compared_by_means() -> None:
    """An average meter has no total, and its change is that of the mean."""
    answer = daily([30.0, 50.0], before=[10.0, 30.0], additive=False)
    assert (answer.total, answer.mean) == (None, Decimal(40))
    assert (answer.change.current, answer.change.base, answer.change.percent) == (
        Decimal(40),
        Decimal(20),
        Decimal(100),
    )


def test_what_cannot_be_added_up_must_come_per_window() -> None:
    """Hourly averages can't be put into a day."""
    with pytest.raises(ValueError, match="one row per window"):
        trend(rows([1.0, 2.0], step=HOUR), from_=MONDAY, to=LATER, window="day", tz="UTC", now=LATER, additive=False)


def test_an_empty_span_is_refused() -> None:
    """From must lie before to."""
    with pytest.raises(ValueError, match="empty"):
        trend(rows([]), from_=MONDAY, to=MONDAY, window="day", tz="UTC", now=LATER)


@pytest.mark.parametrize("quantities", [[], [None], [None, None, None]])
def test_no_data_at_all(quantities: Quantities) -> None:
    """Every number is null, no number is zero, and the windows are still there."""
    frame = rows(quantities).drop("group")
    answer = trend(frame, from_=MONDAY, to=MONDAY + 4 * DAY, window="day", tz="UTC", now=LATER).groups[0]
    assert (answer.total, answer.mean, answer.slope, answer.peak, answer.busiest_weekday) == (None,) * 5
    assert answer.change == trends.Change(None, None, None, None, 4)
    assert [point.quantity for point in answer.points] == [None] * 4


def test_one_row() -> None:
    """A single window has a total, a mean and a peak, and no slope."""
    answer = daily([7.0])
    assert (answer.total, answer.mean, answer.slope) == (Decimal(7), Decimal(7), None)


def test_no_rows_with_a_group_column_is_no_groups() -> None:
    """Nobody used it."""
    assert trend(rows([]), from_=MONDAY, to=LATER, window="day", tz="UTC", now=LATER).groups == ()


def test_groups_are_apart_and_come_by_falling_total() -> None:
    """Null is a group of its own, and so is one that only has the span before; what is older is no group."""
    gone = rows([9.0], start=MONDAY - DAY, group="gone")
    older = rows([9.0], start=MONDAY - 2 * DAY, group="older")
    frame = pl.concat([rows([1.0], group="small"), rows([5.0], group="big"), rows([3.0], group=None), gone, older])
    answer = trend(frame, from_=MONDAY, to=MONDAY + DAY, window="day", tz="UTC", now=LATER)
    assert [(group.group, group.total) for group in answer.groups] == [
        ("big", 5),
        (None, 3),
        ("small", 1),
        ("gone", None),
    ]


def test_the_answer_is_json_with_numbers_as_strings() -> None:
    """The struct goes out as it is, with `from` spelled as everywhere."""
    answer = trend(rows([1.5]), from_=MONDAY, to=MONDAY + DAY, window="day", tz="UTC", now=LATER)
    body = msgspec.json.decode(msgspec.json.encode(answer))
    assert body["from"] == "2025-11-03T00:00:00Z"
    assert body["groups"][0]["points"][0] == {
        "from": "2025-11-03T00:00:00Z",
        "to": "2025-11-04T00:00:00Z",
        "quantity": "1.5",
        "moving_average": None,
        "complete": True,
    }
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Trend) == answer


quantity = st.none() | st.integers(min_value=0, max_value=10**6).map(float)
series = st.lists(quantity, min_size=1, max_size=24)


def _answer(quantities: Quantities, *, shift: timedelta = timedelta(), window: Window = "day") -> GroupTrend:
    half = max(1, len(quantities) // 2)
    start = MONDAY + shift
    frame = rows(quantities, start=start - (len(quantities) - half) * DAY).drop("group")
    return trend(frame, from_=start, to=start + half * DAY, window=window, tz="UTC", now=LATER + shift).groups[0]


@given(series, st.sampled_from([2, 8, 1024]))
def test_another_unit_scales_every_answer_and_no_percentage(quantities: Quantities, factor: int) -> None:
    """Multiplying all quantities multiplies totals and slopes, and leaves percentages and places alone."""
    one = _answer(quantities)
    many = _answer([None if value is None else float(value) * factor for value in quantities])
    assert many.total == (None if one.total is None else one.total * factor)
    assert many.change.percent == one.change.percent
    assert (many.peak and many.peak.from_) == (one.peak and one.peak.from_)
    assert (many.slope is None) == (one.slope is None)
    if many.slope and one.slope:
        assert float(many.slope.per_window) == pytest.approx(float(one.slope.per_window) * factor, rel=1e-9, abs=1e-9)


@given(series, st.integers(min_value=1, max_value=1000))
def test_a_constant_on_top_moves_no_slope_and_no_peak(quantities: Quantities, constant: int) -> None:
    """Adding the same to every window changes neither its rise nor which one is largest."""
    plain = _answer(quantities)
    lifted = _answer([None if value is None else float(value) + constant for value in quantities])
    assert (plain.peak and plain.peak.from_) == (lifted.peak and lifted.peak.from_)
    if plain.slope and lifted.slope:
        assert float(lifted.slope.per_window) == pytest.approx(float(plain.slope.per_window), rel=1e-9, abs=1e-6)


@given(series, st.integers(min_value=-500, max_value=500))
def test_a_ramp_on_top_adds_its_rise_to_the_slope(quantities: Quantities, rise: int) -> None:
    """Adding a straight line adds exactly its slope (Theil-Sen is equivariant)."""
    plain = _answer(quantities)
    ramped = _answer([None if value is None else float(value) + rise * at for at, value in enumerate(quantities)])
    if plain.slope and ramped.slope:
        assert float(ramped.slope.per_window) == pytest.approx(float(plain.slope.per_window) + rise, rel=1e-9, abs=1e-6)


@given(series, st.integers(min_value=-100, max_value=100))
def test_whole_weeks_later_nothing_is_different(quantities: Quantities, weeks: int) -> None:
    """The same numbers at another time have the same trend."""
    here, there = _answer(quantities), _answer(quantities, shift=7 * weeks * DAY)
    for name in ("total", "mean", "change", "slope", "busiest_weekday", "windows_with_data"):
        assert getattr(here, name) == getattr(there, name)


def twelve_days(frame: pl.DataFrame) -> Trend:
    """Answer the trend of the first twelve days."""
    return trend(frame, from_=MONDAY, to=MONDAY + 12 * DAY, window="day", tz="UTC", now=LATER)


@given(st.lists(quantity, min_size=3, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(quantities: Quantities, random: Any) -> None:
    """Shuffled rows of two groups give the same answer."""
    frame = pl.concat([rows(quantities, group="a"), rows(quantities[::-1], group="b")])
    assert twelve_days(frame) == twelve_days(shuffled(frame, random))


@given(series, series)
def test_a_group_does_not_see_its_neighbours(mine: Quantities, theirs: Quantities) -> None:
    """An answer about one group is the same with and without another."""
    alone = twelve_days(rows(mine, group="mine"))
    both = twelve_days(pl.concat([rows(mine, group="mine"), rows(theirs, group="theirs")]))
    assert set(alone.groups) <= set(both.groups)
