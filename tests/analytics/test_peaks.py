"""Peaks: which windows are one peak, how high and how long, and where the line is drawn if nobody draws it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analytics
from analytics import peaks as job
from analytics.peaks import Extreme, GroupPeaks, Peak, Peaks, PeakTime, peaks
from meter.windows import Window
from tests.analytics.traces import (
    DAY,
    HOUR,
    LATER,
    MONDAY,
    PARIS,
    Quantities,
    as_floats,
    asked,
    cloud_monitoring,
    local,
    needs_traces,
    picked,
    region_cpu,
    rows,
    shuffled,
    statistic,
)


def hourly(quantities: Quantities, *, above: Any = None, top: int = 10, at: datetime = LATER) -> GroupPeaks:
    """Answer the peaks of hours from MONDAY on, above a threshold or the default."""
    return hours(rows(quantities, step=HOUR).drop("group"), len(quantities), above=above, top=top, at=at).groups[0]


def hours(frame: pl.DataFrame, count: int, *, above: Any = None, top: int = 10, at: datetime = LATER) -> Peaks:
    """Answer the peaks of so many hours of a frame."""
    threshold = None if above is None else Decimal(above)
    to = MONDAY + count * HOUR
    return peaks(frame, from_=MONDAY, to=to, window="hour", tz="UTC", now=at, threshold=threshold, top=top)


def spans(answer: GroupPeaks) -> list[tuple[int, int]]:
    """Answer the peaks as hours from MONDAY on: first, and first no more."""
    return [((peak.from_ - MONDAY) // HOUR, (peak.to - MONDAY) // HOUR) for peak in answer.peaks]


def test_the_job_is_listed() -> None:
    """JOBS is how others find it."""
    assert job in analytics.JOBS


def test_a_peak_is_a_run_of_windows_above_the_threshold() -> None:
    """Three hours above 4, of which the second is the highest: 6 + 9 + 5 = 20, and 8 of it above."""
    answer = hourly([1, 6, 9, 5, 4, 0], above=4)
    assert answer.peaks == (
        Peak(
            from_=MONDAY + HOUR,
            to=MONDAY + 4 * HOUR,
            windows=3,
            highest=Extreme(MONDAY + 2 * HOUR, MONDAY + 3 * HOUR, Decimal(9)),
            total=Decimal(20),
            above=Decimal(8),
            complete=True,
        ),
    )
    assert picked([answer], "found", "windows_above", "threshold") == [(1, 3, 4)]


def test_what_equals_the_threshold_is_not_above() -> None:
    """It ends a run, as a lower window does."""
    assert spans(hourly([5, 4, 5], above=4)) == [(0, 1), (2, 3)]


def test_equal_heights_side_by_side_are_one_peak() -> None:
    """Its highest window is the first of them."""
    answer = hourly([0, 7, 7, 7, 0], above=1)
    assert spans(answer) == [(1, 4)]
    assert answer.peaks[0].highest.from_ == MONDAY + HOUR


@pytest.mark.parametrize("frame", [rows([9, None, 9], step=HOUR), rows([9, 9], step=2 * HOUR)])
def test_a_gap_ends_a_peak(frame: pl.DataFrame) -> None:
    """A null and a row that isn't there: nobody knows that it went on."""
    assert spans(hours(frame.drop("group"), 3, above=1).groups[0]) == [(0, 1), (2, 3)]


def test_peaks_come_by_height_then_length_then_time() -> None:
    """Of four the three best; all are counted."""
    answer = hourly([5, 0, 8, 0, 5, 5, 0, 5, 0], above=1, top=3)
    assert (spans(answer), answer.found) == ([(2, 3), (4, 6), (0, 1)], 4)


def test_by_default_the_line_is_the_95th_percentile_of_complete_windows() -> None:
    """Of 1 to 100 the nearest rank is 95, above which are five; the window that is not over draws no line."""
    answer = hourly([*range(1, 101), 1000], at=MONDAY + 100 * HOUR + HOUR / 2)
    assert picked([answer], "threshold", "windows_above") == [(95, 5)]
    assert picked(answer.peaks, "windows", "complete") == [(6, False)]
    assert hours(rows([1]), 1).percentile == 95
    assert hours(rows([1]), 1, above=1).percentile is None


def test_a_short_series_has_a_peak() -> None:
    """Of seven, the 95th percentile is the highest itself: the line is the next below."""
    answer = hourly([1, 2, 9, 8, 3, 2, 1])
    assert answer.threshold == 8
    assert spans(answer) == [(2, 3)]


def test_a_flat_top_is_a_peak_and_a_flat_series_is_none() -> None:
    """A machine at its limit for half of the day is at its peak then; one that never changes has none."""
    answer = hourly([40] * 12 + [100] * 12)
    assert answer.threshold == 40
    assert spans(answer) == [(12, 24)]
    flat = hourly([7] * 24)
    assert picked([flat], "threshold", "peaks", "share_above", "load_factor") == [(None, (), None, 1)]
    assert spans(hourly([0] * 99 + [3])) == [(99, 100)]


def test_how_even_usage_is() -> None:
    """Mean 3 of a highest 8; above 4 for one hour of four; the first of the quietest; gaps count for nothing."""
    answer = hourly([8, 2, None, 1, 1], above=4)
    assert picked([answer], "mean", "load_factor", "share_above") == [(3, Decimal("0.375"), Decimal("0.25"))]
    assert answer.highest == Extreme(MONDAY, MONDAY + HOUR, Decimal(8))
    assert answer.quietest == Extreme(MONDAY + 3 * HOUR, MONDAY + 4 * HOUR, Decimal(1))
    assert answer.windows_with_data == 4


def test_without_height_there_is_no_load_factor() -> None:
    """Nothing is used, or less than nothing."""
    assert picked([hourly([0, 0]), hourly([-2, -1])], "load_factor") == [(None,), (None,)]


def test_a_window_that_is_not_over_is_part_of_a_peak_and_of_nothing_else() -> None:
    """It goes on; half an hour is neither quiet nor part of the mean."""
    answer = hourly([2, 6, 7], above=4, at=MONDAY + 2 * HOUR + HOUR / 2)
    assert picked(answer.peaks, "windows", "complete") == [(2, False)]
    assert picked([answer], "mean", "windows_above", "windows_with_data") == [(4, 1, 2)]
    assert answer.highest == Extreme(MONDAY + HOUR, MONDAY + 2 * HOUR, Decimal(6))
    quiet = hourly([2, 6, 1], above=4, at=MONDAY + 2 * HOUR + HOUR / 2)
    assert quiet.quietest == Extreme(MONDAY, MONDAY + HOUR, Decimal(2))


def test_windows_to_come_are_not_gaps() -> None:
    """What has not begun is not counted."""
    answer = hours(rows([1, 2], step=HOUR), 48, at=MONDAY + 2 * HOUR - HOUR / 2)
    assert (answer.windows, answer.complete_windows) == (2, 1)
    assert hours(rows([1]).drop("group"), 48, at=MONDAY).groups == ()


def test_peaks_lie_at_hours_of_the_week() -> None:
    """Two weeks: twice on Tuesday at nine, once on Monday at nine of two times; of a day or two, only the hour."""
    quantities = [9 if hour in {9, 33, 33 + 168} else 1 for hour in range(14 * 24)]
    answer = hourly(quantities, above=4)
    assert answer.times == (PeakTime(2, 9, 2, Decimal(1)), PeakTime(1, 9, 1, Decimal("0.5")))
    assert hourly(quantities[:48], above=4).times == (PeakTime(None, 9, 2, Decimal(1)),)


@pytest.mark.parametrize(("window", "times"), [("day", (PeakTime(1, None, 1, Decimal(1)),)), ("week", ())])
def test_longer_windows_tell_less(window: Window, times: tuple[PeakTime, ...]) -> None:
    """Days have a weekday, weeks have nothing."""
    frame = rows([9, 1], step=DAY if window == "day" else 7 * DAY).drop("group")
    answer = peaks(frame, from_=MONDAY, to=MONDAY + 2 * DAY, window=window, tz="UTC", now=LATER, threshold=Decimal(4))
    assert (answer.groups[0].times, answer.groups[0].found) == (times, 1)


def test_hours_and_days_are_those_of_the_zone() -> None:
    """Paris, 26 October 2025: 02:00 comes twice, which is one run of two and one time; the day has 25 hours."""
    from_, to = local(2025, 10, 26), local(2025, 10, 28)
    frame = rows([9 if hour in {2, 3} else 1 for hour in range(49)], start=from_, step=HOUR).drop("group")
    answer = peaks(frame, from_=from_, to=to, window="hour", tz=PARIS, now=LATER, threshold=Decimal(4)).groups[0]
    assert (answer.peaks[0].from_, answer.peaks[0].windows) == (from_ + 2 * HOUR, 2)
    assert answer.times == (PeakTime(None, 2, 2, statistic(Decimal(2) / 3)),)
    days = peaks(frame, from_=from_, to=to, window="day", tz=PARIS, now=LATER).groups[0]
    assert days.highest == Extreme(from_, from_ + 25 * HOUR, Decimal(41))
    # of time, not of windows: 25 of 49 hours
    assert days.share_above == statistic(Decimal(25) / 49)


def test_finer_rows_are_added_up() -> None:
    """Four quarters are an hour; what can't be added up must come per window, and has no sums."""
    frame = rows([1, 2, 3, 4, 1], step=HOUR / 4).drop("group")
    assert picked(hours(frame, 2, above=5).groups[0].peaks, "total") == [(10,)]
    with pytest.raises(ValueError, match="one row per window"):
        means(frame)
    assert picked(means(rows([3, 8], step=HOUR)).peaks, "windows", "total", "above") == [(1, None, None)]


def means(frame: pl.DataFrame) -> GroupPeaks:
    """Answer the peaks of two hours of averages above 5."""
    to = MONDAY + 2 * HOUR
    answer = peaks(frame, from_=MONDAY, to=to, window="hour", tz="UTC", now=LATER, threshold=Decimal(5), additive=False)
    return answer.groups[0]


@pytest.mark.parametrize(
    ("threshold", "found"),
    [("2.9999999999999999999", 1), ("3.0000000000000000001", 0), ("3", 0), ("1e40", 0), ("-1e40", 1)],
)
def test_any_threshold_is_met_exactly(threshold: str, found: int) -> None:
    """With more digits than quantities have, before the point or behind it."""
    answer = hourly([0, 3, 3], above=threshold)
    assert answer.found == found
    if threshold.startswith("2"):
        assert answer.peaks[0].above == Decimal("0.0000000000000000002")


def test_nonsense_is_refused() -> None:
    """No span, no top, no threshold, no sum."""
    with pytest.raises(ValueError, match="empty"):
        hours(rows([1]), 0)
    with pytest.raises(ValueError, match="top"):
        hourly([1], top=0)
    with pytest.raises(ValueError, match="number"):
        hourly([1], above="NaN")
    with pytest.raises(ValueError, match="38 digits"):
        hourly(["9" * 26] * 5)


def test_no_data_at_all() -> None:
    """Every number is null, no number is zero."""
    answer = hourly([None, None])
    assert picked([answer], "threshold", "mean", "highest", "quietest", "load_factor", "share_above") == [(None,) * 6]
    assert (answer.peaks, answer.times, answer.windows_with_data) == ((), (), 0)
    assert hours(rows([]), 3).groups == ()


def test_groups_have_their_own_line_and_come_by_falling_height() -> None:
    """Null is a group of its own; of equals by name."""
    frame = pl.concat([rows([q, 0, 1], step=HOUR, group=group) for q, group in ((2, "b"), (5, None), (2, "a"))])
    answer = hours(frame, 3)
    assert picked(answer.groups, "group", "threshold", "found") == [(None, 1, 1), ("a", 1, 1), ("b", 1, 1)]


def test_the_answer_is_json_with_numbers_as_strings() -> None:
    """The struct goes out as it is, with `from` spelled as everywhere."""
    answer = hours(rows([1, 6], step=HOUR, group="a"), 2, above=4)
    body = msgspec.json.decode(msgspec.json.encode(answer))
    assert body["groups"][0]["peaks"][0]["highest"]["quantity"] == "6"
    assert (body["from"], body["groups"][0]["peaks"][0]["from"]) == ("2025-11-03T00:00:00Z", "2025-11-03T01:00:00Z")
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Peaks) == answer


quantity = st.none() | st.integers(0, 9)
series = st.lists(quantity, min_size=1, max_size=30)


@given(series, st.none() | st.integers(0, 9), st.booleans())
def test_peaks_are_those_found_by_walking(quantities: Any, above: int | None, floats: bool) -> None:  # noqa: FBT001 (drawn)
    """Hour by hour, with no frame at all."""
    frame = rows(quantities, step=HOUR).drop("group")
    answer = hours(as_floats(frame) if floats else frame, len(quantities), above=above, top=99).groups[0]
    found: list[list[int]] = []
    for hour, each in enumerate(quantities):
        if each is not None and answer.threshold is not None and each > answer.threshold:
            if found and found[-1][-1] == hour - 1:
                found[-1].append(hour)
            else:
                found.append([hour])
    by_height = sorted(found, key=lambda run: (-max(quantities[hour] for hour in run), -len(run), run[0]))
    assert spans(answer) == [(run[0], run[-1] + 1) for run in by_height]
    assert [peak.total for peak in answer.peaks] == [sum(quantities[hour] for hour in run) for run in by_height]
    assert sum(each.windows for each in answer.times) == answer.windows_above


@given(series, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(quantities: Quantities, random: Any) -> None:
    """Shuffled rows of two groups give the same answer."""
    frame = pl.concat([rows(quantities, step=HOUR, group="a"), rows(quantities[::-1], step=HOUR / 2, group="b")])
    assert hours(frame, 30) == hours(shuffled(frame, random), 30)


@given(series, series)
def test_a_group_does_not_see_its_neighbours(mine: Quantities, theirs: Quantities) -> None:
    """An answer about one group is the same with and without another."""
    frames = [rows(mine, step=HOUR, group="mine"), rows(theirs, step=HOUR, group="theirs")]
    both = hours(pl.concat(frames), 30).groups
    assert [group for group in both if group.group == "mine"] == list(hours(frames[0], 30).groups)


@given(series, st.integers(2, 1000), st.none() | st.integers(0, 9))
def test_another_unit_scales_heights_and_moves_no_peak(quantities: Any, factor: int, above: int | None) -> None:
    """A thousandth of the unit is a thousand times the numbers, at the same times."""
    one = hourly(quantities, above=above)
    scaled = [None if each is None else each * factor for each in quantities]
    many = hourly(scaled, above=None if above is None else above * factor)
    for name in ("windows_above", "load_factor", "share_above", "found", "times"):
        assert getattr(one, name) == getattr(many, name)
    assert spans(one) == spans(many)
    for small, large in zip(one.peaks, many.peaks, strict=True):
        assert large.highest.quantity == factor * small.highest.quantity
        assert large.above == factor * (small.above or 0)


ISLANDS = """
    with windows as (
        select "group", time_bucket(to_seconds($seconds), start) as begins, sum(quantity) as quantity
        from rows group by 1, 2),
    known as (select * from windows where quantity is not null),
    ranked as (select "group", quantile_disc(quantity, 0.95) as p95, max(quantity) as top from known group by 1),
    lines as (
        select known."group", max(quantity) filter (quantity <= p95 and quantity < top) as threshold
        from known join ranked on known."group" = ranked."group" group by 1),
    above as (
        select known.*, threshold,
            begins - to_seconds($seconds * row_number() over (partition by known."group" order by begins)) as island
        from known join lines on known."group" = lines."group" where quantity > threshold),
    measured as (select *, max(quantity) over (partition by "group", island) as height from above)
    select "group", min(begins), max(begins) + to_seconds($seconds), count(*),
        max(quantity), min(begins) filter (quantity = height), sum(quantity), sum(quantity - threshold)
    from measured group by "group", island order by max(quantity) desc, count(*) desc, min(begins), "group"
"""
FIGURES = """
    with windows as (
        select "group", time_bucket(to_seconds($seconds), start) as begins, sum(quantity) as quantity
        from rows group by 1, 2)
    select "group", max(quantity), min(quantity), avg(quantity::double) / max(quantity)::double
    from windows where quantity is not null group by 1
"""


@needs_traces
@pytest.mark.parametrize(
    ("frame", "window", "step"),
    [
        pytest.param(cloud_monitoring, "hour", HOUR, id="cloud-hours"),
        pytest.param(cloud_monitoring, "15m", HOUR / 4, id="cloud-quarters"),
        pytest.param(region_cpu, "15m", HOUR / 4, id="region-quarters"),
        pytest.param(region_cpu, "day", DAY, id="region-days"),
    ],
)
def test_peaks_of_real_traces_are_what_duckdb_says(frame: Any, window: Window, step: timedelta) -> None:
    """Every peak of every series: bounds, length, highest window, sums; to the last digit."""
    trace = frame()
    from_, to = trace["start"].min(), trace["start"].max() + timedelta(microseconds=1)
    answer = peaks(trace, from_=from_, to=to, window=window, tz="UTC", now=LATER, top=10_000)
    seconds = int(step.total_seconds())
    islands = asked(ISLANDS, trace, seconds=seconds)
    assert len(islands) > 0
    for group in answer.groups:
        told = [rest for name, *rest in islands if name == group.group]
        assert told == [
            [
                peak.from_.replace(tzinfo=None),
                peak.to.replace(tzinfo=None),
                peak.windows,
                peak.highest.quantity,
                peak.highest.from_.replace(tzinfo=None),
                peak.total,
                peak.above,
            ]
            for peak in group.peaks
        ]
    figures = {name: rest for name, *rest in asked(FIGURES, trace, seconds=seconds)}
    for group in answer.groups:
        highest, quietest, load_factor = figures[group.group]
        assert group.highest is not None
        assert group.quietest is not None
        assert (group.highest.quantity, group.quietest.quantity) == (highest, quietest)
        assert float(group.load_factor or 0) == pytest.approx(load_factor, rel=1e-9)
